/**
 * AffineWarp: one bilinear resampling through an affine map, and its exact adjoint, as composite ops of the step graph.
 *
 *   AffineWarp(X, warp, unwarp) -> Y [N, C, T, T]      X [N, C, S, S]
 *   AffineWarpAdjoint(dY, warp, unwarp) -> dX [N, C, S, S]
 *   warp [3, 2]: (x, y, 1) of a target pixel times warp is its source; unwarp [3, 2] is the inverse map; both from the centres, in pixels
 *
 * Y[q] = border + sum over p of (X[p] - border) hat(source(q) - p), hat(d) = max(0, 1 - |dx|) max(0, 1 - |dy|).
 * So dX[p] = sum over q of dY[q] hat(source(q) - p). Only a few q near unwarp(p) count: `reach` says how far to look (transforms.ts).
 * Gathering them needs no atomics, so a run repeats bit for bit; GridSample has no gradient in ONNX.
 */
import type { Lowering, LoweringTable } from "../autodiff/lower";
import type { RuleTable, VjpRule } from "../autodiff/rule";
import type { GraphBuilder } from "../onnx/builder";
import type { Value } from "../onnx/graph";
import { f32 } from "../onnx/tensor";
import type { Affine } from "./transforms";

export interface WarpOptions {
  /** Side of the output, pixels. */
  size: number;
  /** Target pixels to each side that can read one source pixel. */
  reach: number;
  /** The value outside the picture. */
  border: number;
}

/** Appends the warp of `picture` [N, C, S, S]. */
export function emitWarp(
  b: GraphBuilder,
  picture: Value,
  warp: Value,
  unwarp: Value,
  { size, reach, border }: WarpOptions,
): Value {
  const [n, channels, side] = picture.shape as [number, number, number];
  return b.local("AffineWarp", [picture, warp, unwarp], { source: side, target: size, reach, border }, [n, channels, size, size]);
}

/** The two inputs for a map: warp [3, 2] and unwarp [3, 2], row-major. */
export function warpInputs([a, b, tx, c, d, ty]: Affine): { warp: Float32Array; unwarp: Float32Array } {
  const determinant = a * d - b * c;
  const [e, f, g, h] = [d / determinant, -b / determinant, -c / determinant, a / determinant];
  return {
    warp: Float32Array.of(a, c, b, d, tx, ty),
    unwarp: Float32Array.of(e, g, f, h, -(e * tx + f * ty), -(g * tx + h * ty)),
  };
}

const warpVjp: VjpRule = ({ b, x: [X, warp, unwarp], dy, attrs }) => [
  b.local("AffineWarpAdjoint", [dy, warp, unwarp], attrs, X.shape),
];

/** Rules for the walk, to be added to a rule table. */
export const warpRules: RuleTable = { AffineWarp: warpVjp };

/** (x, y, 1) of every pixel of a `side` x `side` grid from its centre, times `scale`: [side * side, 3]. */
function homogeneous(side: number, scale: number): Float32Array {
  const points = new Float32Array(side * side * 3);
  for (let i = 0; i < side * side; i++)
    points.set([((i % side) - (side - 1) / 2) * scale, (Math.floor(i / side) - (side - 1) / 2) * scale, scale], i * 3);
  return points;
}

interface WarpAttrs {
  source: number;
  target: number;
  reach: number;
  border: number;
}

const forward: Lowering = ({ b, x, attrs }) => {
  const [picture, warp] = x as [Value, Value];
  const { source, target, border } = attrs as unknown as WarpAttrs;
  // GridSample counts -1 .. 1 over the whole picture, so a distance of d pixels from its centre is 2 d / side.
  const points = b.constant(f32(homogeneous(target, 2 / source), [target * target, 3]), "target_points");
  const grid = b.reshape(b.matmul(points, warp), [1, target, target, 2]);
  const everyImage = b.expand(grid, [picture.shape[0]!, target, target, 2]);
  const sampled = b.node("GridSample", [b.sub(picture, border), everyImage], {
    mode: "bilinear",
    padding_mode: "zeros",
    align_corners: 0,
  });
  return b.add(sampled, border);
};

const adjoint: Lowering = ({ b, x, attrs }) => {
  const [dY, warp, unwarp] = x as [Value, Value, Value];
  const { source, target, reach } = attrs as unknown as WarpAttrs;
  const [n, channels] = dY.shape as [number, number];
  const pixels = source * source;
  const points = b.constant(f32(homogeneous(source, 1), [pixels, 3]), "source_points");
  const centre = (target - 1) / 2;

  // target pixels around the one that each source pixel maps to: [pixels, places, 2], whole numbers
  const offsets = Array.from({ length: 2 * reach + 1 }, (_, i) => i - reach);
  const around = offsets.flatMap((y) => offsets.flatMap((x) => [x, y]));
  const places = around.length / 2;
  const nearest = b.node("Floor", [b.add(b.matmul(points, unwarp), centre + 0.5)]);
  const candidates = b.add(b.reshape(nearest, [pixels, 1, 2]), b.constant(f32(around, [1, places, 2]), "around"));

  // how far from this source pixel each of them reads; a place outside the target is pushed out of the hat's support
  const linear = b.slice(warp, [0], [2], [0]);
  const shift = b.reshape(b.slice(warp, [2], [3], [0]), [1, 1, 2]);
  const reads = b.add(b.matmul(b.sub(candidates, centre), linear), shift);
  const distance = b.abs(b.sub(reads, b.reshape(b.constant(f32(xy(source), [pixels, 2]), "source_xy"), [pixels, 1, 2])));
  const inside = b.node("Clip", [candidates, b.scalar(0), b.scalar(target - 1)]);
  const outside = b.mul(b.abs(b.sub(candidates, inside)), 2);
  const hats = b.relu(b.sub(b.sub(1, distance), outside));
  const weights = b.node("ReduceProd", [hats, b.ints([2])], { keepdims: 0 });

  const index = b.cast(b.matmul(inside, b.constant(f32([1, target], [2, 1]), "row_major")), "int32");
  const read = b.node("Gather", [b.reshape(dY, [n, channels, target * target]), b.reshape(index, [pixels, places])], { axis: 2 });
  return b.reshape(b.reduceSum(b.mul(read, weights), [3], false), [n, channels, source, source]);
};

const xy = (side: number): Float32Array => homogeneous(side, 1).filter((_, i) => i % 3 !== 2);

/** Lowerings of the two composite ops: the same for every backend. */
export const warpLowerings: LoweringTable = {
  wasm: { AffineWarp: forward, AffineWarpAdjoint: adjoint },
  webgpu: { AffineWarp: forward, AffineWarpAdjoint: adjoint },
};
