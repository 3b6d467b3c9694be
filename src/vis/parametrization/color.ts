/** From unbounded channels to colours in 0..1, and back. */
import type { GraphBuilder } from "../../onnx/builder";
import type { Value } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import type { Recipe } from "../recipe";

/** ImageNet's colour statistics: the columns are roughly decorrelated directions of RGB (Lucid's optvis/param/color.py). */
export const COLOR_CORRELATION = [
  [0.26, 0.09, 0.02],
  [0.27, 0.0, -0.05],
  [0.27, -0.09, 0.03],
] as const;

/** RGB from decorrelated colour: COLOR_CORRELATION over the length of its longest column. */
export function colorMatrix(): number[][] {
  const longest = Math.max(...[0, 1, 2].map((c) => Math.hypot(...COLOR_CORRELATION.map((row) => row[c]!))));
  return COLOR_CORRELATION.map((row) => row.map((v) => v / longest));
}

/** Unbounded channels [N, 3, S, S] -> RGB in 0..1. */
export function emitColor(b: GraphBuilder, color: Recipe["color"], flat: Value): Value {
  const [batch, , size] = flat.shape as [number, number, number];
  if (color === "plain") return b.sigmoid(flat);
  if (color === "gray") return b.sigmoid(b.expand(b.slice(flat, [0], [1], [1]), flat.shape));
  const mixed = b.matmul(b.constant(f32(colorMatrix().flat(), [3, 3]), "color"), b.reshape(flat, [batch, 3, size * size]));
  return b.reshape(b.sigmoid(mixed), flat.shape);
}

/** Nearer to black and white than this no picture comes: half of a byte's step. */
const EDGE = 1 / 510;
const logit = (v: number): number => {
  const inside = Math.min(1 - EDGE, Math.max(EDGE, v));
  return Math.log(inside / (1 - inside));
};

/** The channels that come out as `rgb`, three planes of `plane` pixels in 0..1, within half of a byte's step. */
export function channelsOfColor(color: Recipe["color"], rgb: ArrayLike<number>, plane: number): Float32Array {
  const out = new Float32Array(3 * plane);
  const unmix = color === "decorrelated" ? inverted(colorMatrix()) : null;
  for (let i = 0; i < plane; i++) {
    const values = [0, 1, 2].map((c) => logit(rgb[c * plane + i]!));
    const gray = logit((rgb[i]! + rgb[plane + i]! + rgb[2 * plane + i]!) / 3);
    for (let c = 0; c < 3; c++)
      out[c * plane + i] = unmix
        ? unmix[c]!.reduce((sum, w, k) => sum + w * values[k]!, 0)
        : color === "gray"
          ? gray
          : values[c]!;
  }
  return out;
}

/** Inverse of a 3 x 3 matrix, by its cofactors. */
function inverted(m: readonly (readonly number[])[]): number[][] {
  const cofactor = (i: number, j: number): number => {
    const [a, b, c, d] = [1, 2].flatMap((k) => [1, 2].map((l) => m[(i + k) % 3]![(j + l) % 3]!)) as [
      number,
      number,
      number,
      number,
    ];
    return a * d - b * c;
  };
  const determinant = [0, 1, 2].reduce((sum, j) => sum + m[0]![j]! * cofactor(0, j), 0);
  return [0, 1, 2].map((i) => [0, 1, 2].map((j) => cofactor(j, i) / determinant));
}
