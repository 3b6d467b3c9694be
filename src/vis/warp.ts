/**
 * AffineWarp: one bilinear resampling through an affine map, and its exact adjoint, as composite ops of the step graph.
 *
 *   AffineWarp(X, warp, unwarp) -> Y [N, C, H, W]      X [N, C, S, S]
 *   AffineWarpAdjoint(dY, warp, unwarp) -> dX [N, C, S, S]
 *   warp [3, 2]: (x, y, 1) of a target pixel times warp is its source; unwarp [3, 2] is the inverse map; both from the centres, in pixels
 *
 * Y[q] = border + sum over p of (X[p] - border) hat(source(q) - p), hat(d) = max(0, 1 - |dx|) max(0, 1 - |dy|).
 * So dX[p] = sum over q of dY[q] hat(source(q) - p). GridSample has no gradient in ONNX; two forms compute this one, both exact and
 * both the same bit for bit from run to run (GoogLeNet at 224 px on WASM: the scatter form takes a quarter of the gather form's time):
 *   WASM scatters: every target pixel adds its share to the four source pixels that it read;
 *   WebGPU gathers: every source pixel looks at the few q near unwarp(p), `reach` to each side (transforms.ts), so no atomics are needed.
 * Values lie as [x and y, ..., pixels], pixels last: broadcasting along a long last dimension is what both backends do fast.
 */
import type { Lowering, LoweringTable } from "../autodiff/lower";
import type { RuleTable, VjpRule } from "../autodiff/rule";
import type { GraphBuilder } from "../onnx/builder";
import type { Value } from "../onnx/graph";
import { f32 } from "../onnx/tensor";
import type { Affine } from "./transforms";

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

/** Where a map [3, 2] sends every pixel of a grid, from the centre: [2, height * width], x first. */
function mapped(b: GraphBuilder, map: Value, [height, width]: readonly [number, number], scale = 1): Value {
  const points = b.constant(f32(homogeneous(height, width, scale), [3, height * width]), "points");
  return b.matmul(b.transpose(map, [1, 0]), points);
}

const forward: Lowering = ({ b, x, attrs }) => {
  const [picture, warp] = x as [Value, Value];
  const { source, target, border } = attrs as unknown as WarpAttrs;
  // GridSample counts -1 .. 1 over the whole picture, so a distance of d pixels from its centre is 2 d / side.
  const grid = b.reshape(b.transpose(mapped(b, warp, target, 2 / source), [1, 0]), [1, ...target, 2]);
  const everyImage = b.expand(grid, [picture.shape[0]!, ...target, 2]);
  const sampled = b.node("GridSample", [b.sub(picture, border), everyImage], {
    mode: "bilinear",
    padding_mode: "zeros",
    align_corners: 0,
  });
  return b.add(sampled, border);
};

/** Row-major index into a grid `width` wide, from whole x and y in [2, ...]; rows broadcast against columns. */
const indexOf = (b: GraphBuilder, columns: Value, rows: Value, width: number): Value =>
  b.cast(b.add(b.mul(rows, width), columns), "int32");

const adjointByScatter: Lowering = ({ b, x, attrs }) => {
  const [dY, warp] = x as [Value, Value];
  const { source, target } = attrs as unknown as WarpAttrs;
  const [planes, pixels, framed] = [dY.shape[0]! * dY.shape[1]!, target[0] * target[1], source + 2];

  // the four pixels that each target pixel read, in a frame of one pixel around the picture that takes what fell outside
  const reads = b.add(mapped(b, warp, target), (source - 1) / 2);
  const corner = b.node("Floor", [reads]);
  const two = b.constant(f32([1, 2], [1, 2, 1]), "near_far");
  const places = b.node("Clip", [b.add(b.reshape(corner, [2, 1, pixels]), two), b.scalar(0), b.scalar(source + 1)]);
  const along = (axis: 0 | 1, value: Value, shape: number[]) => b.reshape(b.slice(value, [axis], [axis + 1], [0]), shape);
  const index = indexOf(b, along(0, places, [1, 2, pixels]), along(1, places, [2, 1, pixels]), framed);

  const far = b.reshape(b.sub(reads, corner), [2, 1, pixels]);
  const shares = b.concat([b.sub(1, far), far], 1);
  const weights = b.mul(along(0, shares, [1, 2, pixels]), along(1, shares, [2, 1, pixels]));
  const updates = b.mul(b.reshape(dY, [planes, 1, pixels]), b.reshape(weights, [1, 4, pixels]));

  const zeros = b.node("ConstantOfShape", [b.ints([planes, framed * framed])], { value: f32(0, [1]) });
  const everyPlane = b.expand(b.reshape(index, [1, 4 * pixels]), [planes, 4 * pixels]);
  const summed = b.node("ScatterElements", [zeros, everyPlane, b.reshape(updates, [planes, 4 * pixels])], {
    axis: 1,
    reduction: "add",
  });
  const inner = b.slice(b.reshape(summed, [planes, framed, framed]), [1, 1], [source + 1, source + 1], [1, 2]);
  return b.reshape(inner, [dY.shape[0]!, dY.shape[1]!, source, source]);
};

const adjointByGather: Lowering = ({ b, x, attrs }) => {
  const [dY, warp, unwarp] = x as [Value, Value, Value];
  const { source, target, reach } = attrs as unknown as WarpAttrs;
  const [n, channels] = dY.shape as [number, number];
  const [height, width] = target;
  const pixels = source * source;
  const centre = b.constant(f32([(width - 1) / 2, (height - 1) / 2], [2, 1]), "centre");

  // target pixels around the one that each source pixel maps to: [2, places, pixels], whole numbers
  const offsets = Array.from({ length: 2 * reach + 1 }, (_, i) => i - reach);
  const around = [...offsets.flatMap(() => offsets), ...offsets.flatMap((y) => offsets.map(() => y))];
  const places = around.length / 2;
  const nearest = b.node("Floor", [b.add(mapped(b, unwarp, [source, source]), b.add(centre, 0.5))]);
  const candidates = b.add(b.reshape(nearest, [2, 1, pixels]), b.constant(f32(around, [2, places, 1]), "around"));

  // how far from this source pixel each of them reads: the map of the nearest one less the pixel, plus the map of the offset
  const linear = b.transpose(b.slice(warp, [0], [2], [0]), [1, 0]);
  const shift = b.reshape(b.slice(warp, [2], [3], [0]), [2, 1]);
  const own = b.constant(f32(homogeneous(source, source, 1).subarray(0, 2 * pixels), [2, pixels]), "own");
  const base = b.sub(b.add(b.matmul(linear, b.sub(nearest, centre)), shift), own);
  const further = b.matmul(linear, b.constant(f32(around, [2, places]), "offsets"));
  const distance = b.abs(b.add(b.reshape(base, [2, 1, pixels]), b.reshape(further, [2, places, 1])));
  const weights = b.node("ReduceProd", [b.relu(b.sub(1, distance)), b.ints([0])], { keepdims: 0 });

  // a frame of zeros around dY takes the candidates that lie outside
  const framedDY = b.reshape(b.pad(dY, [0, 0, 1, 1, 0, 0, 1, 1]), [n, channels, (height + 2) * (width + 2)]);
  const [columns, rows] = [width, height].map((size, axis) => {
    const along = b.reshape(b.slice(candidates, [axis], [axis + 1], [0]), [places, pixels]);
    return b.node("Clip", [b.add(along, 1), b.scalar(0), b.scalar(size + 1)]);
  }) as [Value, Value];
  const read = b.node("Gather", [framedDY, indexOf(b, columns, rows, width + 2)], { axis: 2 });
  return b.reshape(b.reduceSum(b.mul(read, weights), [2], false), [n, channels, source, source]);
};

/** Lowerings of the two composite ops. */
export const warpLowerings: LoweringTable = {
  wasm: { AffineWarp: forward, AffineWarpAdjoint: adjointByScatter },
  webgpu: { AffineWarp: forward, AffineWarpAdjoint: adjointByGather },
};
