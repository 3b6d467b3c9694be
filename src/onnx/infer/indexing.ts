/** Types of ops that pick, place or make elements by index. */
import type { Tensor } from "../graph";
import { DTYPES_BY_CODE } from "../dtype";
import { numbers } from "../tensor";
import { CONTRADICTION, show, type InferRule, type InferTable, type NodeView } from "./nodeView";

export const isTensor = (x: unknown): x is Tensor => typeof x === "object" && x !== null && "data" in x && "shape" in x;

/** The tensor that a Constant node holds, whichever of its attributes has it. */
export function constantValue(v: NodeView): Tensor {
  const { value, value_float, value_floats, value_int, value_ints } = v.node.attrs;
  if (isTensor(value)) return value;
  if (typeof value_float === "number") return { dtype: "float32", shape: [], data: Float32Array.of(value_float) };
  if (typeof value_int === "number") return { dtype: "int64", shape: [], data: BigInt64Array.of(BigInt(value_int)) };
  const floats = Array.isArray(value_floats) ? Float32Array.from(value_floats as number[]) : undefined;
  if (floats) return { dtype: "float32", shape: [floats.length], data: floats };
  const ints = Array.isArray(value_ints) ? BigInt64Array.from((value_ints as number[]).map(BigInt)) : undefined;
  if (ints) return { dtype: "int64", shape: [ints.length], data: ints };
  return v.fail(`holds ${Object.keys(v.node.attrs).join(", ") || "nothing"}; only dense numbers are supported.`);
}

const scatter: InferRule = (v) => {
  v.input(1);
  const updates = v.input(2);
  if (updates.dtype !== v.input(0).dtype)
    v.fail(`its data is ${v.input(0).dtype}, but its updates are ${updates.dtype}. ${CONTRADICTION}`);
  return [v.input(0)];
};

const scatterElements: InferRule = (v) => {
  const indices = v.input(1).shape;
  const updates = v.input(2).shape;
  if (indices.join() !== updates.join()) v.fail(`${show(indices)} indices for ${show(updates)} updates. ${CONTRADICTION}`);
  v.axis(v.int("axis", 0), v.input(0).shape.length);
  return scatter(v);
};

const scatterND: InferRule = (v) => {
  const data = v.input(0).shape;
  const indices = v.input(1).shape;
  const depth = indices.at(-1) ?? 0;
  const expected = [...indices.slice(0, -1), ...data.slice(depth)];
  if (expected.join() !== v.input(2).shape.join())
    v.fail(
      `updates ${show(v.input(2).shape)}, but indices ${show(indices)} into ${show(data)} need ${show(expected)}. ${CONTRADICTION}`,
    );
  return scatter(v);
};

const like: InferRule = (v) => {
  const { dtype, shape } = v.input(0);
  return [{ dtype: DTYPES_BY_CODE[v.int("dtype", 0)] ?? dtype, shape }];
};

export const indexing: InferTable = {
  Constant: (v) => [constantValue(v)].map(({ dtype, shape }) => ({ dtype, shape })),
  ConstantOfShape: (v) => {
    const { value } = v.node.attrs;
    return [{ dtype: isTensor(value) ? value.dtype : "float32", shape: v.intsInput(0, "sizes") }];
  },
  Shape: (v) => {
    const rank = v.input(0).shape.length;
    const clamp = (x: number) => Math.min(Math.max(x < 0 ? x + rank : x, 0), rank);
    return [{ dtype: "int64", shape: [Math.max(0, clamp(v.int("end", rank)) - clamp(v.int("start", 0)))] }];
  },
  Size: (v) => [{ dtype: "int64", shape: v.input(0).shape.slice(0, 0) }],
  Range: (v) => {
    const [start, limit, delta] = [0, 1, 2].map((i) => {
      const tensor = v.constant(i);
      return tensor ? numbers(tensor)[0]! : v.fail(`its bounds are computed while it runs, but shapes must be known beforehand.`);
    }) as [number, number, number];
    return [{ dtype: v.input(0).dtype, shape: [Math.max(0, Math.ceil((limit - start) / delta))] }];
  },
  Gather: (v) => {
    const { dtype, shape } = v.rankAtLeast(0, 1);
    const axis = v.axis(v.int("axis", 0), shape.length);
    return [{ dtype, shape: [...shape.slice(0, axis), ...v.input(1).shape, ...shape.slice(axis + 1)] }];
  },
  GatherElements: (v) => {
    const { dtype, shape } = v.input(0);
    const indices = v.input(1).shape;
    if (indices.length !== shape.length)
      v.fail(`indices ${show(indices)} into ${show(shape)}: both need as many axes. ${CONTRADICTION}`);
    v.axis(v.int("axis", 0), shape.length);
    return [{ dtype, shape: indices }];
  },
  GatherND: (v) => {
    const { dtype, shape } = v.input(0);
    const indices = v.input(1).shape;
    const batch = v.int("batch_dims", 0);
    const depth = indices.at(-1) ?? 0;
    if (batch + depth > shape.length) v.fail(`indices ${show(indices)} reach deeper than ${show(shape)}. ${CONTRADICTION}`);
    return [{ dtype, shape: [...indices.slice(0, -1), ...shape.slice(batch + depth)] }];
  },
  ScatterElements: scatterElements,
  Scatter: scatterElements,
  ScatterND: scatterND,
  OneHot: (v) => {
    const indices = v.input(0).shape;
    const depth = v.intsInput(1, "depth")[0]!;
    const at = v.axis(v.int("axis", -1), indices.length + 1);
    return [{ dtype: v.input(2).dtype, shape: [...indices.slice(0, at), depth, ...indices.slice(at)] }];
  },
  EyeLike: like,
  RandomNormalLike: like,
  RandomUniformLike: like,
};
