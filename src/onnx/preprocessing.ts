/** What stands between a picture in 0..1 and a network's own input; canonicalisation folds it into the graph. */

/** What the network's channels are, in their order; "gray" is luma, alpha is 1 everywhere. */
export type Channels = "RGB" | "BGR" | "gray" | "gray+alpha" | "RGBA";

/** How the network wants its input, so that the canonical graph takes RGB in 0..1, [N, 3, H, W]. */
export interface Preprocessing {
  /** Name of the graph's picture input; a model with one input is not asked. */
  input: string;
  layout: "NCHW" | "NHWC";
  channels: Channels;
  /** x -> (x * range - mean[c]) / std[c], in the network's own channel order. */
  range: 1 | 255;
  /** One number for each of the network's channels. */
  mean: number[];
  std: number[];
  /** What the network was trained at, pixels: the side of a square, or rows and columns. */
  size: number | readonly [height: number, width: number];
}

/** Luma of RGB, as PIL and TensorFlow turn photos gray (ITU-R BT.601). */
const LUMA = [0.299, 0.587, 0.114] as const;

/** For each of the network's channels: its share of red, green and blue, and what is added. */
const MIX: Readonly<Record<Channels, readonly (readonly [r: number, g: number, b: number, one: number])[]>> = {
  RGB: [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]],
  BGR: [[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0]],
  gray: [[...LUMA, 0]],
  "gray+alpha": [[...LUMA, 0], [0, 0, 0, 1]],
  RGBA: [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
}; // prettier-ignore

export const channelOrders = Object.keys(MIX) as Channels[];

/** How many channels the network has. */
export const channelCount = (channels: Channels): number => MIX[channels].length;

/** The usual meaning of so many channels; undefined beyond four. */
export const channelsFor = (count: number): Channels | undefined => (["gray", "gray+alpha", "RGB", "RGBA"] as const)[count - 1];

/** Rows and columns that the network was trained at. */
export const sidesOf = ({ size }: Pick<Preprocessing, "size">): readonly [height: number, width: number] =>
  typeof size === "number" ? [size, size] : size;

/** The same for another size; a square is told by one number. */
export const resizedTo = (p: Preprocessing, [height, width]: readonly [number, number]): Preprocessing => ({
  ...p,
  size: height === width ? height : [height, width],
});

/**
 * Network channel c = sum over r of matrix[c][r] * picture channel r, plus shift[c], for a picture in 0..1.
 * Throws Error when there are not as many means and deviations as channels, or a deviation is not above 0.
 */
export function mixOf({ channels, range, mean, std }: Preprocessing): { matrix: number[][]; shift: number[] } {
  const mix = MIX[channels];
  if (mean.length !== mix.length || std.length !== mix.length || std.some((x) => !(x > 0)))
    throw new Error(
      `Preprocessing with mean [${mean.join(", ")}] and std [${std.join(", ")}]: ${channels} needs ${mix.length} number${mix.length > 1 ? "s" : ""} each, std above 0.`,
    );
  return {
    matrix: mix.map((row, c) => row.slice(0, 3).map((share) => (share * range) / std[c]!)),
    shift: mix.map((row, c) => (row[3] * range - mean[c]!) / std[c]! || 0),
  };
}

/** The numbers that many files share, by family, as people call them. */
export const conventions = {
  /** 0 to 1. */
  unit: { channels: "RGB", range: 1, mean: [0, 0, 0], std: [1, 1, 1] },
  /** -1 to 1. */
  tf: { channels: "RGB", range: 1, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
  /** 0 to 255. */
  bytes: { channels: "RGB", range: 255, mean: [0, 0, 0], std: [1, 1, 1] },
  /** ImageNet's mean and deviation. */
  torch: { channels: "RGB", range: 1, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  /** Blue first, minus ImageNet's mean. */
  caffe: { channels: "BGR", range: 255, mean: [104, 117, 123], std: [1, 1, 1] },
} as const satisfies Record<string, { channels: Channels; range: 1 | 255; mean: readonly number[]; std: readonly number[] }>;

export type Convention = keyof typeof conventions;

/** A convention's numbers for so many channels: fewer or more than three get the mean of its three. */
export function conventionFor(name: Convention, channels: number): Pick<Preprocessing, "channels" | "range" | "mean" | "std"> {
  const { range, mean, std, channels: order } = conventions[name];
  if (channels === 3) return { channels: order, range, mean: [...mean], std: [...std] };
  const spread = (list: readonly number[]) =>
    Array.from({ length: channels }, () => list.reduce((a, b) => a + b, 0) / list.length);
  return { channels: channelsFor(channels) ?? "RGB", range, mean: spread(mean), std: spread(std) };
}
