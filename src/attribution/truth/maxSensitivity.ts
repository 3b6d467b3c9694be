/**
 * Max-sensitivity (Yeh et al. 2019): by how much a map changes, as a share of itself, when the picture changes by no more than the eye sees.
 *
 *   max over |d| <= radius of |map(x + d) - map(x)| / |map(x)|      (d by its largest number, maps by their sums of squares)
 */
import type { Tensor } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import { seeded } from "../../vis/random";

export interface SensitivityOptions {
  /** How many changed pictures are tried (10). */
  samples?: number;
  /** The most that a colour changes by (0.02 of its range). */
  radius?: number;
  seed?: number;
  signal?: AbortSignal;
  onProgress?: (done: number, of: number) => void;
}

/**
 * `explain` makes the map of a picture [1, 3, H, W]; the method's own randomness has to be seeded alike each time. Infinity where the picture's
 * own map is zero and another is not. Throws the signal's reason.
 */
export async function maxSensitivity(
  explain: (picture: Tensor) => Promise<Tensor>,
  picture: Tensor,
  { samples = 10, radius = 0.02, seed = 1, signal, onProgress }: SensitivityOptions = {},
): Promise<number> {
  const random = seeded(seed, "sensitivity");
  const own = (await explain(picture)).data as Float32Array;
  const size = Math.sqrt(own.reduce((sum, v) => sum + v * v, 0));
  let most = 0;
  for (let i = 0; i < samples; i++) {
    signal?.throwIfAborted();
    const near = (picture.data as Float32Array).map((v) => v + radius * (2 * random.uniform() - 1));
    const map = (await explain(f32(near, picture.shape))).data as Float32Array;
    const change = Math.sqrt(map.reduce((sum, v, k) => sum + (v - own[k]!) ** 2, 0));
    if (change > 0) most = Math.max(most, change / size);
    onProgress?.(i + 1, samples);
  }
  return most;
}
