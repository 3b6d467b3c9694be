/** VJP of Resize. */
import { OpError } from "../../onnx/graph";
import { adjointAlong, zeros, type Matrix } from "../linear";
import { constant, type VjpContext, type VjpRule } from "../rule";

/** Resize, of any mode: separable, so the adjoint is one transposed interpolation matrix per resized axis. */
export const resize: VjpRule = (c) => {
  const { b, x: [X], y: [Y], dy } = c; // prettier-ignore
  let dx = dy;
  X.shape.forEach((n, axis) => {
    if (n !== Y.shape[axis]) dx = adjointAlong(b, dx, axis, interpolation(c, n, Y.shape[axis]!, scaleOf(c, axis)));
  });
  return [dx];
};

function scaleOf(c: VjpContext, axis: number): number {
  const { node, x, y: [Y], attrs } = c; // prettier-ignore
  const axes = Array.isArray(attrs.axes) ? (attrs.axes as readonly number[]) : x[0].shape.map((_, i) => i);
  const at = axes.findIndex((a) => (a < 0 ? a + x[0].shape.length : a) === axis);
  if (node.inputs[2] && at >= 0) return constant(c, x[2], "scales")[at] ?? 1;
  return Y.shape[axis]! / x[0].shape[axis]!;
}

/** The matrix [out, in] of ONNX's Resize along one axis. */
export function interpolation(c: Pick<VjpContext, "attrs" | "node">, input: number, out: number, scale: number): Matrix {
  const mode = c.attrs.mode ?? "nearest";
  const where = c.attrs.coordinate_transformation_mode ?? "half_pixel";
  const source = (o: number): number => {
    switch (where) {
      case "asymmetric":
        return o / scale;
      case "align_corners":
        return out === 1 ? 0 : (o * (input - 1)) / (out - 1);
      case "pytorch_half_pixel":
        return out === 1 ? 0 : (o + 0.5) / scale - 0.5;
      case "half_pixel":
        return (o + 0.5) / scale - 0.5;
      case "half_pixel_symmetric":
        return input / 2 - (out / 2) * (1 / scale) + (o + 0.5) / scale - 0.5;
      default:
        throw new OpError(c.node, `coordinate_transformation_mode "${String(where)}" has no gradient rule.`);
    }
  };
  const matrix = zeros(out, input);
  const clamp = (i: number) => Math.min(Math.max(i, 0), input - 1);
  matrix.forEach((row, o) => {
    const at = source(o);
    if (mode === "nearest") row[clamp(nearest(c, at))]! += 1;
    else for (const { pixel, weight } of taps(c, at, input, scale)) row[clamp(pixel)]! += weight;
  });
  return matrix;
}

/** What position `at` reads in linear and cubic mode: pixels, those outside too, and weights that add up to 1. */
function taps({ attrs, node }: Pick<VjpContext, "attrs" | "node">, at: number, input: number, scale: number) {
  const mode = attrs.mode ?? "nearest";
  if (mode !== "linear" && mode !== "cubic") throw new OpError(node, `mode "${String(mode)}" is not known.`);
  const a = typeof attrs.cubic_coeff_a === "number" ? attrs.cubic_coeff_a : -0.75;
  const [radius, kernel] = mode === "linear" ? [1, triangle] : [2, (x: number) => cubic(x, a)];
  const stretch = attrs.antialias === 1 && scale < 1 ? 1 / scale : 1; // a smaller picture is averaged before it is sampled
  const first = Math.ceil(at - radius * stretch);
  const count = Math.floor(at + radius * stretch) - first + 1;
  const read = Array.from({ length: count }, (_, i) => ({ pixel: first + i, weight: kernel((first + i - at) / stretch) }));
  const inside = attrs.exclude_outside === 1 ? read.filter(({ pixel }) => pixel >= 0 && pixel < input) : read;
  const total = inside.reduce((sum, { weight }) => sum + weight, 0);
  return inside.map(({ pixel, weight }) => ({ pixel, weight: weight / total }));
}

const triangle = (x: number): number => Math.max(0, 1 - Math.abs(x));

/** Keys' kernel (1981): two cubics that meet smoothly at 1 and end at 2. */
function cubic(x: number, a: number): number {
  const d = Math.abs(x);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
}

function nearest({ attrs, node }: Pick<VjpContext, "attrs" | "node">, at: number): number {
  switch (attrs.nearest_mode ?? "round_prefer_floor") {
    case "round_prefer_floor":
      return Math.ceil(at - 0.5);
    case "round_prefer_ceil":
      return Math.floor(at + 0.5);
    case "floor":
      return Math.floor(at);
    case "ceil":
      return Math.ceil(at);
    default:
      throw new OpError(node, `nearest_mode "${String(attrs.nearest_mode)}" is not known.`);
  }
}
