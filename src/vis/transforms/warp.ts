/**
 * AffineWarp: one bilinear resampling through an affine map, and its exact adjoint, as composite ops of the step graph.
 *
 *   AffineWarp(X, warp, unwarp) -> Y [N, C, H, W]      X [N, C, S, S]
 *   AffineWarpAdjoint(dY, warp, unwarp) -> dX [N, C, S, S]
 *   warp [N, 3, 2]: (x, y, 1) of a target pixel times warp is its source; unwarp [N, 3, 2] is the inverse map; both from the centres, in
 *   pixels; each picture has its own
 *
 * Y[q] = border + sum over p of (X[p] - border) hat(source(q) - p), hat(d) = max(0, 1 - |dx|) max(0, 1 - |dy|).
 * So dX[p] = sum over q of dY[q] hat(source(q) - p). GridSample has no gradient in ONNX; two forms compute this one, both exact and
 * both the same bit for bit from run to run (GoogLeNet at 224 px on WASM: the scatter form takes a quarter of the gather form's time):
 *   WASM scatters: every target pixel adds its share to the four source pixels that it read;
 *   WebGPU gathers: every source pixel looks at the few q near unwarp(p), `reach` to each side (transforms.ts), so no atomics are needed.
 * Values lie as [x and y, ..., pixels], pixels last: broadcasting along a long last dimension is what both backends do fast.
 */
import type { Lowering, LoweringTable } from "../../autodiff/lower";
import type { RuleTable, VjpRule } from "../../autodiff/rule";
import type { GraphBuilder } from "../../onnx/builder";
import type { Value } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import type { Affine } from "./affine";

export interface WarpOptions {
  /** Rows and columns of the output, pixels. */
  size: readonly [height: number, width: number];
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
  return b.local("AffineWarp", [picture, warp, unwarp], { source: side, target: size, reach, border }, [n, channels, ...size]);
}

/** The two inputs for one picture's map: warp [3, 2] and unwarp [3, 2], row-major. */
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

interface WarpAttrs {
  source: number;
  target: readonly [height: number, width: number];
  reach: number;
  border: number;
}

/** x, y and 1 of every pixel of a grid from its centre, times `scale`: [3, height * width]. */
function homogeneous(height: number, width: number, scale: number): Float32Array {
  const pixels = height * width;
  const points = new Float32Array(3 * pixels).fill(scale);
  for (let i = 0; i < pixels; i++) {
    points[i] = ((i % width) - (width - 1) / 2) * scale;
    points[pixels + i] = (Math.floor(i / width) - (height - 1) / 2) * scale;
  }
  return points;
}

/** Where maps [N, 3, 2] send every pixel of a grid, from the centre: [N, 2, height * width], x first. */
function mapped(b: GraphBuilder, maps: Value, [height, width]: readonly [number, number], scale = 1): Value {
  const points = b.constant(f32(homogeneous(height, width, scale), [3, height * width]), "points");
  return b.matmul(b.transpose(maps, [0, 2, 1]), points);
}

const forward: Lowering = ({ b, x, attrs }) => {
  const [picture, warp] = x as [Value, Value];
  const { source, target, border } = attrs as unknown as WarpAttrs;
  // GridSample counts -1 .. 1 over the whole picture, so a distance of d pixels from its centre is 2 d / side.
  const grid = b.reshape(b.transpose(mapped(b, warp, target, 2 / source), [0, 2, 1]), [picture.shape[0]!, ...target, 2]);
  const sampled = b.node("GridSample", [b.sub(picture, border), grid], {
    mode: "bilinear",
    padding_mode: "zeros",
    align_corners: 0,
  });
  return b.add(sampled, border);
};

/** x or y alone out of [N, 2, ...], in another shape. */
const along = (b: GraphBuilder, axis: 0 | 1, value: Value, shape: readonly number[]): Value =>
  b.reshape(b.slice(value, [axis], [axis + 1], [1]), shape);

/** Row-major index into a grid `width` wide, from whole x and y; rows broadcast against columns. */
const indexOf = (b: GraphBuilder, columns: Value, rows: Value, width: number): Value =>
  b.cast(b.add(b.mul(rows, width), columns), "int32");

const adjointByScatter: Lowering = ({ b, x, attrs }) => {
  const [dY, warp] = x as [Value, Value];
  const { source, target } = attrs as unknown as WarpAttrs;
  const [n, channels] = dY.shape as [number, number];
  const [planes, pixels, framed] = [n * channels, target[0] * target[1], source + 2];

  // the four pixels that each target pixel read, in a frame of one pixel around the picture that takes what fell outside
  const reads = b.add(mapped(b, warp, target), (source - 1) / 2);
  const corner = b.node("Floor", [reads]);
  const two = b.constant(f32([1, 2], [1, 1, 2, 1]), "near_far");
  const places = b.node("Clip", [b.add(b.reshape(corner, [n, 2, 1, pixels]), two), b.scalar(0), b.scalar(source + 1)]);
  const index = indexOf(b, along(b, 0, places, [n, 1, 2, pixels]), along(b, 1, places, [n, 2, 1, pixels]), framed);

  const far = b.reshape(b.sub(reads, corner), [n, 2, 1, pixels]);
  const shares = b.concat([b.sub(1, far), far], 2);
  const weights = b.mul(along(b, 0, shares, [n, 1, 2, pixels]), along(b, 1, shares, [n, 2, 1, pixels]));
  const updates = b.mul(b.reshape(dY, [n, channels, 1, pixels]), b.reshape(weights, [n, 1, 4, pixels]));

  const zeros = b.node("ConstantOfShape", [b.ints([planes, framed * framed])], { value: f32(0, [1]) });
  const everyPlane = b.expand(b.reshape(index, [n, 1, 4 * pixels]), [n, channels, 4 * pixels]);
  const summed = b.node(
    "ScatterElements",
    [zeros, b.reshape(everyPlane, [planes, 4 * pixels]), b.reshape(updates, [planes, 4 * pixels])],
    { axis: 1, reduction: "add" },
  );
  const inner = b.slice(b.reshape(summed, [planes, framed, framed]), [1, 1], [source + 1, source + 1], [1, 2]);
  return b.reshape(inner, [n, channels, source, source]);
};

const adjointByGather: Lowering = ({ b, x, attrs }) => {
  const [dY, warp, unwarp] = x as [Value, Value, Value];
  const { source, target, reach } = attrs as unknown as WarpAttrs;
  const [n, channels] = dY.shape as [number, number];
  const [height, width] = target;
  const pixels = source * source;
  const centre = b.constant(f32([(width - 1) / 2, (height - 1) / 2], [2, 1]), "centre");

  // target pixels around the one that each source pixel maps to: [N, 2, places, pixels], whole numbers
  const offsets = Array.from({ length: 2 * reach + 1 }, (_, i) => i - reach);
  const around = [...offsets.flatMap(() => offsets), ...offsets.flatMap((y) => offsets.map(() => y))];
  const places = around.length / 2;
  const nearest = b.node("Floor", [b.add(mapped(b, unwarp, [source, source]), b.add(centre, 0.5))]);
  const candidates = b.add(b.reshape(nearest, [n, 2, 1, pixels]), b.constant(f32(around, [2, places, 1]), "around"));

  // how far from this source pixel each of them reads: the map of the nearest one less the pixel, plus the map of the offset
  const linear = b.transpose(b.slice(warp, [0], [2], [1]), [0, 2, 1]);
  const shift = b.reshape(b.slice(warp, [2], [3], [1]), [n, 2, 1]);
  const own = b.constant(f32(homogeneous(source, source, 1).subarray(0, 2 * pixels), [2, pixels]), "own");
  const base = b.sub(b.add(b.matmul(linear, b.sub(nearest, centre)), shift), own);
  const further = b.matmul(linear, b.constant(f32(around, [2, places]), "offsets"));
  const distance = b.abs(b.add(b.reshape(base, [n, 2, 1, pixels]), b.reshape(further, [n, 2, places, 1])));
  const weights = b.node("ReduceProd", [b.relu(b.sub(1, distance)), b.ints([1])], { keepdims: 0 });

  // a frame of zeros around dY takes the candidates that lie outside; the planes of one picture lie together, a channel after the other
  const [columns, rows] = [width, height].map((size, axis) =>
    b.node("Clip", [b.add(along(b, axis as 0 | 1, candidates, [n, places, pixels]), 1), b.scalar(0), b.scalar(size + 1)]),
  ) as [Value, Value];
  const framed = (height + 2) * (width + 2);
  const padded = b.pad(dY, [0, 0, 1, 1, 0, 0, 1, 1]);
  const flat = b.reshape(n === 1 ? padded : b.transpose(padded, [1, 0, 2, 3]), [channels, n * framed]);
  const first = b.constant(
    { dtype: "int32", shape: [n, 1, 1], data: Int32Array.from({ length: n }, (_, i) => i * framed) },
    "first",
  );
  const inPicture = indexOf(b, columns, rows, width + 2);
  const read = b.node("Gather", [flat, n === 1 ? inPicture : b.node("Add", [inPicture, first])], { axis: 1 });
  const gathered = b.reduceSum(b.mul(read, weights), [2], false);
  return b.reshape(b.transpose(gathered, [1, 0, 2]), [n, channels, source, source]);
};

/** Lowerings of the two composite ops. */
export const warpLowerings: LoweringTable = {
  wasm: { AffineWarp: forward, AffineWarpAdjoint: adjointByScatter },
  webgpu: { AffineWarp: forward, AffineWarpAdjoint: adjointByGather },
};
