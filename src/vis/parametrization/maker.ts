/** What a parametrization is, and what several of them share. */
import type { GraphBuilder } from "../../onnx/builder";
import type { Value } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import type { Random } from "../random";
import type { Bitmaps } from "../named";

/** How large, and of how many channels: three, or four with alpha. */
export interface Extent {
  size: number;
  batch: number;
  channels: number;
}

export interface Maker<P> {
  shape: (p: P, extent: Extent) => number[];
  /** The start of theta, from a stream of random numbers for each picture. */
  init: (p: P, extent: Extent, randoms: readonly Random[]) => Float32Array;
  /** theta -> unbounded picture [N, channels, S, S]. */
  emit: (b: GraphBuilder, p: P, theta: Value, extent: Extent, extra: Readonly<Record<string, Value>>) => Value;
  /** What is fed at every step besides theta, by input name; names begin "param.". */
  extra?: (p: P, extent: Extent) => Record<string, Extra>;
  /** theta of one picture from its channels [channels, S, S], where there is an exact one. */
  inverse?: (p: P, flat: Float32Array, extent: Extent) => Float32Array;
}

export interface Extra {
  shape: readonly number[];
  data: (pictures: Bitmaps) => Float32Array;
}

export const volume = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

/** Normal numbers of standard deviation `sd`, each picture's from its own stream: [N, ...]. */
export function noise(sd: number, shape: readonly number[], randoms: readonly Random[]): Float32Array {
  const each = volume(shape.slice(1));
  const out = new Float32Array(randoms.length * each);
  randoms.forEach((random, n) => {
    for (let i = 0; i < each; i++) out[n * each + i] = sd * random.normal();
  });
  return out;
}

/** [N, C, s, s] -> [N, C, S, S], bilinear about the centre, as two products with a constant matrix. */
export function enlarge(b: GraphBuilder, small: Value, size: number): Value {
  const side = small.shape[2]!;
  if (side === size) return small;
  const matrix = new Float32Array(size * side);
  for (let i = 0; i < size; i++) {
    const at = Math.min(side - 1, Math.max(0, ((i + 0.5) * side) / size - 0.5));
    const low = Math.min(side - 1, Math.floor(at));
    matrix[i * side + low]! += 1 - (at - low);
    if (at > low) matrix[i * side + low + 1]! += at - low;
  }
  const down = b.constant(f32(matrix, [size, side]), "enlarge");
  const across = b.constant(f32(transposed(matrix, size, side), [side, size]), "enlarge_across");
  return b.matmul(b.matmul(down, small), across);
}

const transposed = (matrix: Float32Array, rows: number, columns: number): Float32Array =>
  Float32Array.from({ length: matrix.length }, (_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]!);
