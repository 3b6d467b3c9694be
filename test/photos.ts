/** The local test photos (never committed) as network inputs. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import jpeg from "jpeg-js";
import type { Tensor } from "../src/onnx/graph";
import { f32 } from "../src/onnx/tensor";

/** Real weights, photos and golden activations for local tests; absent on most machines. */
export const SHARED_DATA = resolve(import.meta.dirname, "../../shared/data");

export const hasSharedData = existsSync(join(SHARED_DATA, "models"));

/** File names of the photos, sorted. */
export const photoNames = (): string[] =>
  readdirSync(join(SHARED_DATA, "images"))
    .filter((name) => /\.jpe?g$/i.test(name))
    .sort();

/** The centre square of a photo, resampled to `size` pixels with a triangle filter (as PIL's BILINEAR): [1, 3, size, size], RGB in 0..1. */
export function photo(name: string, size: number): Tensor {
  const { width, height, data } = jpeg.decode(readFileSync(join(SHARED_DATA, "images", name)), {
    useTArray: true,
    formatAsRGBA: false,
  });
  const side = Math.min(width, height);
  const [left, top] = [Math.floor((width - side) / 2), Math.floor((height - side) / 2)];
  const taps = triangle(side, size);
  const rows = new Float32Array(3 * size * side); // [3, size, side]: resampled down the columns
  taps.forEach((weights, y) => {
    for (const [source, weight] of weights)
      for (let x = 0; x < side; x++)
        for (let c = 0; c < 3; c++)
          rows[(c * size + y) * side + x]! += (weight * data[3 * ((top + source) * width + left + x) + c]!) / 255;
  });
  const out = new Float32Array(3 * size * size);
  for (let row = 0; row < 3 * size; row++)
    taps.forEach((weights, x) => {
      for (const [source, weight] of weights) out[row * size + x]! += weight * rows[row * side + source]!;
    });
  return f32(out, [1, 3, size, size]);
}

/** For every target pixel, the source pixels that it averages and their weights. */
function triangle(from: number, to: number): [source: number, weight: number][][] {
  const scale = from / to;
  const radius = Math.max(1, scale);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale - 0.5;
    const low = Math.max(0, Math.ceil(centre - radius));
    const high = Math.min(from - 1, Math.floor(centre + radius));
    const raw = Array.from({ length: high - low + 1 }, (_, k) => Math.max(0, 1 - Math.abs(low + k - centre) / radius));
    const total = raw.reduce((a, b) => a + b, 0);
    return raw.map((weight, k): [number, number] => [low + k, weight / total]);
  });
}
