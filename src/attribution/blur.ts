/** Gaussian blur of pictures, channel by channel; beyond the border the picture is mirrored, so that no dark frame comes in. */
import type { Tensor } from "../onnx/graph";
import { f32 } from "../onnx/tensor";

/** How many deviations the kernel reaches. */
const REACH = 4;

/** A picture [1, C, H, W] under a Gaussian of standard deviation `sigma` pixels; 0 leaves it as it is. */
export function blurred(picture: Tensor, sigma: number): Tensor {
  const [, channels, height, width] = picture.shape as [number, number, number, number];
  if (sigma <= 0) return picture;
  const source = picture.data as Float32Array;
  const down = new Float32Array(source.length);
  const out = new Float32Array(source.length);
  const [rows, columns] = [spread(height, sigma), spread(width, sigma)];
  for (let c = 0; c < channels; c++) {
    const plane = c * height * width;
    rows.forEach(({ from, weights }, y) => {
      const target = down.subarray(plane + y * width, plane + (y + 1) * width);
      weights.forEach((weight, k) => {
        const row = plane + (from + k) * width;
        for (let x = 0; x < width; x++) target[x]! += weight * source[row + x]!;
      });
    });
    columns.forEach(({ from, weights }, x) => {
      for (let y = 0; y < height; y++) {
        const row = plane + y * width + from;
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum += weights[k]! * down[row + k]!;
        out[plane + y * width + x] = sum;
      }
    });
  }
  return f32(out, picture.shape);
}

/** For every place on a line of `length`, which places it is the mean of, and their weights, with the mirrored ones folded back. */
function spread(length: number, sigma: number): { from: number; weights: Float32Array }[] {
  const reach = Math.ceil(REACH * sigma);
  const kernel = Float64Array.from({ length: 2 * reach + 1 }, (_, k) => Math.exp(-0.5 * ((k - reach) / sigma) ** 2));
  const total = kernel.reduce((a, b) => a + b, 0);
  return Array.from({ length }, (_, at) => {
    const line = new Float32Array(length);
    kernel.forEach((weight, k) => (line[mirrored(at + k - reach, length)]! += weight / total));
    const from = line.findIndex((weight) => weight > 0);
    return { from, weights: line.subarray(from, line.findLastIndex((weight) => weight > 0) + 1) };
  });
}

/** The place that stands for one beyond the border, with the border's own pixel doubled: c b a | a b c | c b a. */
function mirrored(at: number, length: number): number {
  const within = ((at % (2 * length)) + 2 * length) % (2 * length);
  return within < length ? within : 2 * length - 1 - within;
}
