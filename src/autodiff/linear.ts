/**
 * Linear maps along one axis, as matrices: the exact adjoint of every separable resampling (Resize, AveragePool, Gather, Tile,
 * reflecting Pad) is the transposed matrix, so one helper serves them all.
 */
import type { GraphBuilder } from "../onnx/builder";
import type { Value } from "../onnx/graph";
import { f32 } from "../onnx/tensor";

/** rows [out][in]: entry [o][i] is how much input i counts in output o. */
export type Matrix = readonly Float64Array[];

/** An all-zero matrix to fill. */
export const zeros = (out: number, input: number): Matrix => Array.from({ length: out }, () => new Float64Array(input));

/** The matrix whose output o is input source(o); a source outside counts as zero. */
export function selection(out: number, input: number, source: (o: number) => number): Matrix {
  const matrix = zeros(out, input);
  matrix.forEach((row, o) => {
    const i = source(o);
    if (i >= 0 && i < input) row[i] = 1;
  });
  return matrix;
}

const isIdentity = (matrix: Matrix): boolean =>
  matrix.every((row, o) => row.length === matrix.length && row.every((v, i) => v === (i === o ? 1 : 0)));

/**
 * Applies the adjoint of `matrix` along `axis`: dY [.., out, ..] -> dX [.., in, ..]. Appends nothing for an identity.
 * The last axis is multiplied from the right, any other is brought to the last-but-one place by a reshape.
 */
export function adjointAlong(b: GraphBuilder, dy: Value, axis: number, matrix: Matrix): Value {
  if (isIdentity(matrix)) return dy;
  const [out, input] = [matrix.length, matrix[0]!.length];
  const shape = dy.shape.map((d, i) => (i === axis ? input : d));
  if (axis === dy.shape.length - 1) {
    const right = b.constant(
      f32(
        matrix.flatMap((row) => Array.from(row)),
        [out, input],
      ),
      "resample",
    );
    return b.matmul(dy, right);
  }
  const data = new Float32Array(out * input);
  matrix.forEach((row, o) => row.forEach((v, i) => (data[i * out + o] = v)));
  const left = b.constant(f32(data, [input, out]), "resample");
  const before = dy.shape.slice(0, axis).reduce((n, d) => n * d, 1);
  const after = dy.shape.slice(axis + 1).reduce((n, d) => n * d, 1);
  return b.reshape(b.matmul(left, b.reshape(dy, [before, out, after])), shape);
}
