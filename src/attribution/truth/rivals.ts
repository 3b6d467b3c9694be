/** Maps that know nothing of the network: what a method has to do better than (Adebayo et al. 2018 for edges). */
import type { Tensor } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import { seeded } from "../../vis/random";

/** Uniform noise [H, W]. */
export function randomMap([height, width]: readonly [height: number, width: number], seed = 1): Tensor {
  const random = seeded(seed, "random map");
  return f32(
    Float32Array.from({ length: height * width }, () => random.uniform()),
    [height, width],
  );
}

/** Rec. 709's luminance. */
const LUMINANCE = [0.2126, 0.7152, 0.0722] as const;

/** How steep the luminance of a picture [1, 3, H, W] is, by Sobel's two kernels [H, W]; border pixels are repeated beyond the border. */
export function edgeMap(picture: Tensor): Tensor {
  const [height, width] = picture.shape.slice(-2) as [number, number];
  const plane = height * width;
  const rgb = picture.data as Float32Array;
  const gray = Float32Array.from({ length: plane }, (_, i) =>
    LUMINANCE.reduce((sum, share, c) => sum + share * rgb[c * plane + i]!, 0),
  );
  const within = (i: number, length: number): number => Math.min(length - 1, Math.max(0, i));
  const at = (y: number, x: number): number => gray[within(y, height) * width + within(x, width)]!;
  const map = Float32Array.from({ length: plane }, (_, i) => {
    const [y, x] = [Math.floor(i / width), i % width];
    const column = (c: number): number => at(y - 1, c) + 2 * at(y, c) + at(y + 1, c);
    const row = (r: number): number => at(r, x - 1) + 2 * at(r, x) + at(r, x + 1);
    return Math.hypot(column(x + 1) - column(x - 1), row(y + 1) - row(y - 1));
  });
  return f32(map, [height, width]);
}
