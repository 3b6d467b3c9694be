/** Moving the elements of constants: every view that strides can describe, and joining and picking along an axis. */
import { sizeOf, type Tensor, type TypedArray } from "../graph";
import { sliceRange } from "../infer/shape";
import { allocate, computed } from "../tensor";

/** Elements between neighbours along each axis of a dense tensor. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1]! * shape[i + 1]!;
  return strides;
}

/** Calls `visit(at, offset)` for every element of `shape` in order; offset = start + sum of index * stride. */
export function walkStrided(
  shape: readonly number[],
  strides: readonly number[],
  start: number,
  visit: (at: number, offset: number) => void,
): void {
  const total = sizeOf(shape);
  const index = new Array<number>(shape.length).fill(0);
  let offset = start;
  for (let at = 0; at < total; at++) {
    visit(at, offset);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      offset += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      offset -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
}

/** Strides with which a tensor of `shape` is read as one of `target`: 0 along broadcast axes. */
export function broadcastStrides(shape: readonly number[], target: readonly number[]): number[] {
  const own = stridesOf(shape);
  const lead = target.length - shape.length;
  return target.map((_, i) => (i < lead || shape[i - lead] === 1 ? 0 : own[i - lead]!));
}

/** A dense copy of a strided view. */
function copy(x: Tensor, shape: readonly number[], strides: readonly number[], start = 0): Tensor {
  return computed(x.dtype, shape, () => {
    const data = allocate(x.dtype, sizeOf(shape));
    const from = x.data;
    walkStrided(shape, strides, start, (at, offset) => (data[at] = from[offset]!));
    return data;
  });
}

export const reshaped = (x: Tensor, shape: readonly number[]): Tensor => computed(x.dtype, shape, () => x.data);

export const expanded = (x: Tensor, shape: readonly number[]): Tensor => copy(x, shape, broadcastStrides(x.shape, shape));

export function sliced(
  x: Tensor,
  starts: readonly number[],
  ends: readonly number[],
  axes: readonly number[],
  steps: readonly number[],
): Tensor {
  const strides = stridesOf(x.shape);
  const shape = [...x.shape];
  let offset = 0;
  axes.forEach((axis, i) => {
    const range = sliceRange(x.shape[axis]!, starts[i]!, ends[i]!, steps[i]!);
    offset += range.start * strides[axis]!;
    strides[axis]! *= steps[i]!;
    shape[axis] = range.count;
  });
  return copy(x, shape, strides, offset);
}

/** Blocks of `length` elements along `axis`, seen as [outer, length, inner]. */
const blocks = (shape: readonly number[], axis: number) => ({
  outer: sizeOf(shape.slice(0, axis)),
  inner: sizeOf(shape.slice(axis + 1)),
});

const block = (data: TypedArray, from: number, to: number) => data.subarray(from, to) as never;

export function joined(parts: readonly Tensor[], axis: number): Tensor {
  const first = parts[0]!;
  const { outer, inner } = blocks(first.shape, axis);
  const total = parts.reduce((n, p) => n + p.shape[axis]!, 0);
  const shape = first.shape.map((size, i) => (i === axis ? total : size));
  return computed(first.dtype, shape, () => {
    const data = allocate(first.dtype, sizeOf(shape));
    let at = 0;
    for (let o = 0; o < outer; o++)
      for (const part of parts) {
        const length = part.shape[axis]! * inner;
        data.set(block(part.data, o * length, (o + 1) * length), at);
        at += length;
      }
    return data;
  });
}

/** Gather along `axis`; negative indices count from the end. Undefined when an index is out of range. */
export function gathered(x: Tensor, indices: readonly number[], indexShape: readonly number[], axis: number): Tensor | undefined {
  const { outer, inner } = blocks(x.shape, axis);
  const size = x.shape[axis]!;
  const shape = [...x.shape.slice(0, axis), ...indexShape, ...x.shape.slice(axis + 1)];
  if (indices.some((index) => index < -size || index >= size)) return undefined;
  return computed(x.dtype, shape, () => {
    const data = allocate(x.dtype, sizeOf(shape));
    let at = 0;
    for (let o = 0; o < outer; o++)
      for (const index of indices) {
        const from = (o * size + (index < 0 ? index + size : index)) * inner;
        data.set(block(x.data, from, from + inner), at);
        at += inner;
      }
    return data;
  });
}

/** Pad by constant `value` (an element of x's own array type); pads must not be negative. */
export function padded(x: Tensor, pads: readonly number[], value: number | bigint): Tensor {
  const shape = x.shape.map((size, i) => size + pads[i]! + pads[i + x.shape.length]!);
  return computed(x.dtype, shape, () => {
    const data = allocate(x.dtype, sizeOf(shape));
    (data as { fill(v: number | bigint): unknown }).fill(value);
    const strides = stridesOf(shape);
    const start = strides.reduce((sum, stride, i) => sum + stride * pads[i]!, 0);
    const from = x.data;
    walkStrided(x.shape, strides, start, (at, offset) => (data[offset] = from[at]!));
    return data;
  });
}
