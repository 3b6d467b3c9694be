/** Ops that move, cut, repeat or look up elements without computing on them. */
import { OpError, sizeOf, type DType, type Tensor } from "../graph";
import { axisOf, broadcast, constantNumbers, int, ints, required, type InferRule, type InferTable } from "./rule";

const reshape: InferRule = (c) => {
  const x = required(c, 0);
  const wanted = constantNumbers(c, 1, "target shape");
  const allowZero = int(c, "allowzero", 0) !== 0;
  const shape = wanted.map((d, i) => (d === 0 && !allowZero ? (x.shape[i] ?? 0) : d));
  const known = sizeOf(shape.filter((d) => d !== -1));
  const free = shape.indexOf(-1);
  if (free >= 0) shape[free] = known === 0 ? 0 : sizeOf(x.shape) / known;
  if (sizeOf(shape) !== sizeOf(x.shape) || !Number.isInteger(shape[free] ?? 0))
    throw new OpError(
      c.node,
      `[${x.shape}] has ${sizeOf(x.shape)} elements, which do not fit the shape [${wanted}]. The chosen size or batch does not suit this model.`,
    );
  return [{ dtype: x.dtype, shape }];
};

const flatten: InferRule = (c) => {
  const x = required(c, 0);
  const axis = int(c, "axis", 1) < 0 ? int(c, "axis", 1) + x.shape.length : int(c, "axis", 1);
  return [{ dtype: x.dtype, shape: [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))] }];
};

const transpose: InferRule = (c) => {
  const x = required(c, 0);
  const perm = ints(c, "perm") ?? x.shape.map((_, i) => x.shape.length - 1 - i);
  if (perm.length !== x.shape.length || new Set(perm).size !== perm.length || perm.some((p) => p < 0 || p >= perm.length))
    throw new OpError(c.node, `perm [${perm}] is no permutation of the ${x.shape.length} dimensions of [${x.shape}].`);
  return [{ dtype: x.dtype, shape: perm.map((p) => x.shape[p]!) }];
};

const expand: InferRule = (c) => {
  const x = required(c, 0);
  return [{ dtype: x.dtype, shape: broadcast(c.node, x.shape, constantNumbers(c, 1, "target shape")) }];
};

const squeeze: InferRule = (c) => {
  const x = required(c, 0);
  const given = ints(c, "axes") ?? (c.inputs[1] ? constantNumbers(c, 1, "list of axes") : undefined);
  const axes = given?.map((a) => axisOf(c.node, a, x.shape.length)) ?? x.shape.flatMap((d, i) => (d === 1 ? [i] : []));
  const wrong = axes.find((a) => x.shape[a] !== 1);
  if (wrong !== undefined) throw new OpError(c.node, `dimension ${wrong} of [${x.shape}] has size ${x.shape[wrong]}, not 1.`);
  return [{ dtype: x.dtype, shape: x.shape.filter((_, i) => !axes.includes(i)) }];
};

const unsqueeze: InferRule = (c) => {
  const x = required(c, 0);
  const given = ints(c, "axes") ?? constantNumbers(c, 1, "list of axes");
  const rank = x.shape.length + given.length;
  const axes = new Set(given.map((a) => axisOf(c.node, a, rank)));
  const rest = [...x.shape];
  return [{ dtype: x.dtype, shape: Array.from({ length: rank }, (_, i) => (axes.has(i) ? 1 : rest.shift()!)) }];
};

const concat: InferRule = (c) => {
  const first = required(c, 0);
  const axis = axisOf(c.node, int(c, "axis", 1), first.shape.length);
  let total = 0;
  c.inputs.forEach((_, i) => {
    const { shape } = required(c, i);
    if (shape.length !== first.shape.length || shape.some((d, k) => k !== axis && d !== first.shape[k]))
      throw new OpError(
        c.node,
        `inputs [${first.shape}] and [${shape}] differ beside axis ${axis}. The chosen size does not suit this model.`,
      );
    total += shape[axis]!;
  });
  return [{ dtype: first.dtype, shape: first.shape.map((d, i) => (i === axis ? total : d)) }];
};

const slice: InferRule = (c) => {
  const x = required(c, 0);
  const starts = ints(c, "starts") ?? constantNumbers(c, 1, "list of starts");
  const ends = ints(c, "ends") ?? constantNumbers(c, 2, "list of ends");
  const axes = ints(c, "axes") ?? (c.inputs[3] ? constantNumbers(c, 3, "list of axes") : starts.map((_, i) => i));
  const steps = c.inputs[4] ? constantNumbers(c, 4, "list of steps") : starts.map(() => 1);
  const shape = [...x.shape];
  axes.forEach((a, i) => {
    const axis = axisOf(c.node, a, shape.length);
    shape[axis] = sliceRange(x.shape[axis]!, starts[i]!, ends[i]!, steps[i]!).count;
  });
  return [{ dtype: x.dtype, shape }];
};

/** ONNX's Slice along one axis of `size`: first index and number of elements after clamping. */
export function sliceRange(size: number, start: number, end: number, step: number): { first: number; count: number } {
  const from = start < 0 ? start + size : start;
  const to = end < 0 ? end + size : end;
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const first = Math.min(Math.max(from, 0), step > 0 ? size : size - 1);
  const last = Math.min(Math.max(end < -size && step < 0 ? -1 : to, low), high);
  return { first, count: Math.max(0, Math.ceil((last - first) / step)) };
}

const pad: InferRule = (c) => {
  const x = required(c, 0);
  const pads = ints(c, "pads") ?? ints(c, "paddings") ?? constantNumbers(c, 1, "list of pads");
  const rank = x.shape.length;
  const axes = c.inputs[3] ? constantNumbers(c, 3, "list of axes").map((a) => axisOf(c.node, a, rank)) : x.shape.map((_, i) => i);
  if (pads.length !== 2 * axes.length)
    throw new OpError(c.node, `pads [${pads}] must be ${2 * axes.length} numbers for [${x.shape}].`);
  const shape = [...x.shape];
  axes.forEach((a, i) => (shape[a] = shape[a]! + pads[i]! + pads[i + axes.length]!));
  return [{ dtype: x.dtype, shape }];
};

const split: InferRule = (c) => {
  const x = required(c, 0);
  const axis = axisOf(c.node, int(c, "axis", 0), x.shape.length);
  const count = c.node.outputs.length;
  const size = x.shape[axis]!;
  const part = Math.ceil(size / count);
  const parts =
    ints(c, "split") ??
    (c.inputs[1]
      ? constantNumbers(c, 1, "list of sizes")
      : Array.from({ length: count }, (_, i) => Math.min(part, size - i * part)));
  if (parts.length !== count || parts.reduce((a, b) => a + b, 0) !== size)
    throw new OpError(c.node, `parts [${parts}] do not make up dimension ${axis} of size ${size} in ${count} outputs.`);
  return parts.map((p) => ({ dtype: x.dtype, shape: x.shape.map((d, i) => (i === axis ? p : d)) }));
};

const gather: InferRule = (c) => {
  const x = required(c, 0);
  const axis = axisOf(c.node, int(c, "axis", 0), x.shape.length);
  return [{ dtype: x.dtype, shape: [...x.shape.slice(0, axis), ...required(c, 1).shape, ...x.shape.slice(axis + 1)] }];
};

const gatherNd: InferRule = (c) => {
  const x = required(c, 0);
  const indices = required(c, 1).shape;
  return [{ dtype: x.dtype, shape: [...indices.slice(0, -1), ...x.shape.slice(int(c, "batch_dims", 0) + indices.at(-1)!)] }];
};

const tile: InferRule = (c) => {
  const x = required(c, 0);
  const repeats = constantNumbers(c, 1, "list of repeats");
  return [{ dtype: x.dtype, shape: x.shape.map((d, i) => d * (repeats[i] ?? 1)) }];
};

const shapeOf: InferRule = (c) => {
  const rank = required(c, 0).shape.length;
  const clamp = (a: number) => Math.min(Math.max(a < 0 ? a + rank : a, 0), rank);
  return [{ dtype: "int64", shape: [Math.max(0, clamp(int(c, "end", rank)) - clamp(int(c, "start", 0)))] }];
};

const constant: InferRule = (c) => {
  const value = c.node.attrs.value;
  if (typeof value === "object" && "dtype" in value) return [{ dtype: (value as Tensor).dtype, shape: (value as Tensor).shape }];
  const scalar = (name: string, dtype: DType) => (name in c.node.attrs ? [{ dtype, shape: [] }] : null);
  const list = (name: string, dtype: DType) =>
    name in c.node.attrs ? [{ dtype, shape: [(c.node.attrs[name] as readonly number[]).length] }] : null;
  const found =
    scalar("value_float", "float32") ??
    scalar("value_int", "int64") ??
    list("value_floats", "float32") ??
    list("value_ints", "int64");
  if (!found) throw new OpError(c.node, `holds no number (attributes: ${Object.keys(c.node.attrs).join(", ") || "none"}).`);
  return found;
};

const constantOfShape: InferRule = (c) => {
  const value = c.node.attrs.value as Tensor | undefined;
  return [{ dtype: value?.dtype ?? "float32", shape: constantNumbers(c, 0, "shape") }];
};

const range: InferRule = (c) => {
  const [start, limit, delta] = [0, 1, 2].map((i) => constantNumbers(c, i, "range")[0]!) as [number, number, number];
  return [{ dtype: required(c, 0).dtype, shape: [Math.max(0, Math.ceil((limit - start) / delta))] }];
};

const oneHot: InferRule = (c) => {
  const indices = required(c, 0).shape;
  const axis = int(c, "axis", -1);
  const shape = [...indices];
  shape.splice(axis < 0 ? axis + indices.length + 1 : axis, 0, constantNumbers(c, 1, "depth")[0]!);
  return [{ dtype: required(c, 2).dtype, shape }];
};

const likeFirst: InferRule = (c) => [required(c, 0)];
const likeIndices: InferRule = (c) => [{ dtype: required(c, 0).dtype, shape: required(c, 1).shape }];

export const layout: InferTable = {
  Reshape: reshape,
  Flatten: flatten,
  Transpose: transpose,
  Expand: expand,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Concat: concat,
  Slice: slice,
  Pad: pad,
  Split: split,
  Gather: gather,
  GatherElements: likeIndices,
  GatherND: gatherNd,
  ScatterElements: likeFirst,
  Scatter: likeFirst,
  ScatterND: likeFirst,
  Tile: tile,
  Shape: shapeOf,
  Size: () => [{ dtype: "int64", shape: [] }],
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Range: range,
  OneHot: oneHot,
};
