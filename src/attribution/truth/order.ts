/** Pixels in the order of a map: what every question of "is it true?" begins with. */
import type { Tensor } from "../../onnx/graph";
import { seeded } from "../../vis/random";

/** A map [3, H, W] or [H, W], summed over colours: [H, W]. */
export function byPixel(map: Tensor): Float64Array {
  const [height, width] = map.shape.slice(-2) as [number, number];
  const out = new Float64Array(height * width);
  (map.data as Float32Array).forEach((v, i) => (out[i % out.length]! += v));
  return out;
}

/**
 * Pixels by what they count, most first: numbers of row-major positions. Equal ones, such as the zeros of a map that is cut off at zero, come in
 * a seeded random order: from the top left they would be a map of their own.
 */
export function orderOf(map: Tensor, seed = 1): Uint32Array {
  const values = byPixel(map);
  const random = seeded(seed, "ties");
  const lots = Float64Array.from(values, () => random.uniform());
  return Uint32Array.from(values.keys()).sort((a, b) => values[b]! - values[a]! || lots[a]! - lots[b]!);
}
