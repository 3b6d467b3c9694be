/**
 * What to maximise, as plain JSON: it crosses to the worker, sits in share links, and keys the cache.
 *
 * All three kinds are one linear form of a layer's activation act [N, C, H, W] (dense layers arrive as [N, C, 1, 1]):
 *   score[n] = sum over c, h, w of act[n, c, h, w] * direction[c] * mask[h, w]
 * so one compiled session serves every unit of a layer, and `encode` only fills two small inputs.
 */
export type Objective =
  /** Mean of one channel over positions. */
  | { kind: "channel"; layer: string; channel: number }
  /** One position of one channel; x counts columns, y rows, both from the top left; the centre by default. */
  | { kind: "neuron"; layer: string; channel: number; x?: number; y?: number }
  /** Mean over positions of the dot product with `vector` [C]. */
  | { kind: "direction"; layer: string; vector: number[] };
