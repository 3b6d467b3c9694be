/** The local test photos (never committed) as network inputs. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import jpeg from "jpeg-js";
import type { Tensor } from "../src/onnx/graph";
import { networkInput } from "../src/vis/resample";

/** Real weights, photos and golden activations for local tests; absent on most machines. */
export const SHARED_DATA = resolve(import.meta.dirname, "../../shared/data");

export const hasSharedData = existsSync(join(SHARED_DATA, "models"));

/** File names of the photos, sorted. */
export const photoNames = (): string[] =>
  readdirSync(join(SHARED_DATA, "images"))
    .filter((name) => /\.jpe?g$/i.test(name))
    .sort();

/** The centre square of a photo, resampled to `size` pixels: [1, 3, size, size], RGB in 0..1. */
export function photo(name: string, size: number): Tensor {
  const file = readFileSync(join(SHARED_DATA, "images", name));
  const { width, height, data } = jpeg.decode(file, { useTArray: true, formatAsRGBA: false });
  return networkInput({ width, height, data, channels: 3 }, [size, size]);
}
