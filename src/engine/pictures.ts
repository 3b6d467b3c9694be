/** Pictures out of tensors. */
import type { Picture } from "../api/engine";
import type { Tensor } from "../onnx/graph";
import { f32 } from "../onnx/tensor";
import type { Alpha } from "../vis/recipe";

/**
 * [N, 3, H, W], or 4 with straight alpha, in 0..1 as RGBA bytes: all of each, or the rows and columns about its centre that are asked for.
 */
export function toPictures({ data, shape }: Tensor, visible?: readonly [height: number, width: number]): Picture[] {
  const [count, channels, rows, columns] = shape as [number, number, number, number];
  const [height, width] = visible ?? [rows, columns];
  const [top, left] = [Math.floor((rows - height) / 2), Math.floor((columns - width) / 2)];
  const plane = rows * columns;
  return Array.from({ length: count }, (_, n) => {
    const rgba = new Uint8ClampedArray(4 * width * height).fill(255);
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const [to, from] = [4 * (y * width + x), n * channels * plane + (top + y) * columns + left + x];
        for (let c = 0; c < channels; c++) rgba[to + c] = Number(data[from + c * plane]!) * 255;
      }
    return { width, height, rgba };
  });
}

/** Colours [N, 3, S, S] with an alpha out of the summed |gradient| [N, 1, S, S]: see Alpha. [N, 4, S, S] */
export function withAlpha(colours: Tensor, trace: Tensor, { percentile }: Extract<Alpha, { kind: "attribution" }>): Tensor {
  const [count, , height, width] = colours.shape as [number, number, number, number];
  const plane = height * width;
  const out = new Float32Array(count * 4 * plane);
  for (let n = 0; n < count; n++) {
    const strength = (trace.data as Float32Array).subarray(n * plane, (n + 1) * plane);
    const whole = Float32Array.from(strength).sort()[Math.min(plane - 1, Math.floor((percentile / 100) * plane))]!;
    out.set((colours.data as Float32Array).subarray(n * 3 * plane, (n + 1) * 3 * plane), n * 4 * plane);
    out.set(
      strength.map((v) => (whole > 0 ? Math.min(1, v / whole) : 1)),
      (n * 4 + 3) * plane,
    );
  }
  return f32(out, [count, 4, height, width]);
}
