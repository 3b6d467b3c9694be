/**
 * Resampling along the axes, rows and columns apart: for crops, which magnify so much that every pixel of the picture would have to look
 * at hundreds of the network's (warp.ts). Two products with weights that are made in the graph, exact in both directions by their own rules:
 *
 *   Y[q] = border + sum over p of (X[p] - border) hat(source_y(q_y) - p_y) hat(source_x(q_x) - p_x),   hat(d) = max(0, 1 - |d|)
 *   X [N, C, S, S] -> Y [N * K, C, H, W], each picture's K crops one after the other
 */
import type { GraphBuilder } from "../../onnx/builder";
import type { Tensor, Value } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import type { Affine } from "./affine";

/** Steps and shifts along x and y: all that a map without rotation says. [maps, 4] */
export function axesInput(maps: readonly Affine[]): Tensor {
  return f32(Float32Array.from(maps.flatMap(([a, , tx, , d, ty]) => [a, tx, d, ty])), [maps.length, 4]);
}

export interface SeparableOptions {
  /** Rows and columns of the output, pixels. */
  size: readonly [height: number, width: number];
  /** Crops of each picture. */
  copies: number;
  /** The value outside the picture. */
  border: number;
}

/** Appends the resampling of `picture` [N, C, S, S] by `axes` [N * copies, 4]. */
export function emitSeparable(b: GraphBuilder, picture: Value, axes: Value, { size, copies, border }: SeparableOptions): Value {
  const [batch, channels, side] = picture.shape as [number, number, number];
  const [height, width] = size;
  const rows = weights(b, axes, 2, height, side); // [N * K, H, S]
  const columns = b.transpose(weights(b, axes, 0, width, side), [0, 2, 1]); // [N * K, S, W]
  const inside = b.reshape(b.sub(picture, border), [batch, 1, channels, side, side]);
  const down = b.matmul(b.reshape(rows, [batch, copies, 1, height, side]), inside);
  const across = b.matmul(down, b.reshape(columns, [batch, copies, 1, side, width]));
  return b.reshape(b.add(across, border), [batch * copies, channels, height, width]);
}

/** hat(source(q) - p) for every target q and source p along one axis: [maps, targets, side]. `first` is the axis' place in `axes`. */
function weights(b: GraphBuilder, axes: Value, first: number, targets: number, side: number): Value {
  const maps = axes.shape[0]!;
  const [step, shift] = [first, first + 1].map((i) => b.reshape(b.slice(axes, [i], [i + 1], [1]), [maps, 1, 1]));
  const centred = (count: number, shape: readonly number[]): Value =>
    b.constant(f32(Float32Array.from({ length: count }, (_, i) => i - (count - 1) / 2), shape), "centred"); // prettier-ignore
  const source = b.add(b.mul(centred(targets, [1, targets, 1]), step!), shift!);
  return b.relu(b.sub(1, b.abs(b.sub(source, centred(side, [1, 1, side])))));
}
