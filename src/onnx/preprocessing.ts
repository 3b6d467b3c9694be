/** What stands between a picture in 0..1 and a network's own input; canonicalisation folds it into the graph. */

/** How the network wants its input, so that the canonical graph takes RGB in 0..1, [N, 3, H, W]. */
export interface Preprocessing {
  /** Name of the graph's picture input; a model with one input is not asked. */
  input: string;
  layout: "NCHW" | "NHWC";
  channels: "RGB" | "BGR";
  /** x -> (x * range - mean[c]) / std[c], in the network's own channel order. */
  range: 1 | 255;
  mean: number[];
  std: number[];
  /** The side the network was trained at, pixels. */
  size: number;
}
