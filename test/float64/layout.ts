/** Moving elements in double precision: every output element names the input element that it is. */
import { sizeOf } from "../../src/onnx/graph";
import { sliceRange } from "../../src/onnx/infer/shape";
import type { Doubles, Kernel } from "./kernel";

const strides = (shape: readonly number[]): number[] => shape.map((_, i) => sizeOf(shape.slice(i + 1)));

/** Output index -> input index, or null for what was padded. */
type Source = (index: readonly number[]) => readonly number[] | null;

function moved(x: Doubles, shape: readonly number[], source: Source, padding = 0): Float64Array {
  const own = strides(x.shape);
  const steps = strides(shape);
  return Float64Array.from({ length: sizeOf(shape) }, (_, o) => {
    const from = source(steps.map((step, axis) => Math.floor(o / step) % shape[axis]!));
    return from ? x.data[from.reduce((sum, i, axis) => sum + i * own[axis]!, 0)]! : padding;
  });
}

const same: Kernel = (_, [x]) => Float64Array.from(x!.data);

const transpose: Kernel = (node, [x], shape) => {
  const perm = node.attrs.perm as readonly number[];
  return moved(x!, shape, (index) => perm.map((_, axis) => index[perm.indexOf(axis)]!));
};

/** The range of every axis as Slice's constant inputs give it. */
const slice: Kernel = (_, [x, starts, ends, axes, steps], shape) => {
  const from = shape.map(() => ({ start: 0, step: 1 }));
  starts!.data.forEach((start, i) => {
    const axis = axes ? axes.data[i]! : i;
    const step = steps?.data[i] ?? 1;
    from[axis] = { start: sliceRange(x!.shape[axis]!, start, ends!.data[i]!, step).start, step };
  });
  return moved(x!, shape, (index) => index.map((i, axis) => from[axis]!.start + i * from[axis]!.step));
};

const pad: Kernel = (node, [x, pads, value], shape) => {
  if (node.attrs.mode !== "constant") throw new Error(`Pad of mode ${String(node.attrs.mode)} is not there in double precision.`);
  return moved(
    x!,
    shape,
    (index) => {
      const from = index.map((i, axis) => i - pads!.data[axis]!);
      return from.every((i, axis) => i >= 0 && i < x!.shape[axis]!) ? from : null;
    },
    value?.data[0],
  );
};

const expand: Kernel = (_, [x], shape) => {
  const lead = shape.length - x!.shape.length;
  return moved(x!, shape, (index) => x!.shape.map((size, axis) => (size === 1 ? 0 : index[axis + lead]!)));
};

const gather: Kernel = (node, [x, indices], shape) => {
  const axis = node.attrs.axis as number;
  const rank = indices!.shape.length;
  const steps = strides(indices!.shape);
  return moved(x!, shape, (index) => {
    const at = indices!.data[steps.reduce((sum, step, i) => sum + step * index[axis + i]!, 0)]!;
    return [...index.slice(0, axis), at < 0 ? at + x!.shape[axis]! : at, ...index.slice(axis + rank)];
  });
};

const concat: Kernel = (node, inputs, shape) => {
  const axis = node.attrs.axis as number;
  const out = new Float64Array(sizeOf(shape));
  let filled = 0;
  for (let outer = 0; outer < sizeOf(shape.slice(0, axis)); outer++)
    for (const part of inputs) {
      const length = sizeOf(part!.shape.slice(axis));
      out.set(part!.data.subarray(outer * length, (outer + 1) * length), filled);
      filled += length;
    }
  return out;
};

export const layoutKernels = {
  Reshape: same,
  Transpose: transpose,
  Slice: slice,
  Pad: pad,
  Expand: expand,
  Gather: gather,
  Concat: concat,
} satisfies Record<string, Kernel>;
