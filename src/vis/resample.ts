/** Photos as network inputs: the centre of the wanted shape, resampled with a triangle filter, as PIL's BILINEAR does. */
import type { Tensor } from "../onnx/graph";
import { f32 } from "../onnx/tensor";

/** Bytes of a decoded picture, row by row from the top left. */
export interface Bitmap {
  width: number;
  height: number;
  /** `channels` bytes for each pixel, red first. */
  data: ArrayLike<number>;
  channels: 3 | 4;
}

/** The largest part about the centre with the shape of `size`, resampled to it: [1, 3, height, width], RGB in 0..1. */
export function networkInput(
  { width, height, data, channels }: Bitmap,
  [rows, columns]: readonly [height: number, width: number],
): Tensor {
  const scale = Math.min(width / columns, height / rows);
  const [cropWidth, cropHeight] = [Math.max(1, Math.floor(columns * scale)), Math.max(1, Math.floor(rows * scale))];
  const [left, top] = [Math.floor((width - cropWidth) / 2), Math.floor((height - cropHeight) / 2)];
  const down = new Float32Array(3 * rows * cropWidth); // [3, rows, cropWidth]: resampled down the columns
  triangle(cropHeight, rows).forEach((weights, y) => {
    for (const [source, weight] of weights)
      for (let x = 0; x < cropWidth; x++)
        for (let c = 0; c < 3; c++)
          down[(c * rows + y) * cropWidth + x]! += (weight * data[channels * ((top + source) * width + left + x) + c]!) / 255;
  });
  const across = triangle(cropWidth, columns);
  const out = new Float32Array(3 * rows * columns);
  for (let row = 0; row < 3 * rows; row++)
    across.forEach((weights, x) => {
      for (const [source, weight] of weights) out[row * columns + x]! += weight * down[row * cropWidth + source]!;
    });
  return f32(out, [1, 3, rows, columns]);
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
