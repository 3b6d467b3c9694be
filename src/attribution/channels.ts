/** Which channels of a layer are worth a run of the network each. */
import type { Tensor } from "../onnx/graph";

/** The `most` channels of activations [1, C, h, w] with the largest sums of |activation|; those that are silent are left out. */
export function strongestChannels({ shape, data }: Tensor, most: number): number[] {
  const [, channels, h, w] = shape as [number, number, number, number];
  const values = data as Float32Array;
  const sums = Array.from({ length: channels }, (_, c) =>
    values.subarray(c * h * w, (c + 1) * h * w).reduce((sum, v) => sum + Math.abs(v), 0),
  );
  return [...sums.keys()]
    .filter((c) => sums[c]! > 0)
    .sort((a, b) => sums[b]! - sums[a]!)
    .slice(0, most);
}
