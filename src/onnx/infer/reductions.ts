/** Ops that contract dimensions: reductions, arg reductions, matrix products, Einsum, TopK, DFT. */
import { OpError, type DType } from "../graph";
import {
  axisOf,
  broadcast,
  constantNumbers,
  int,
  ints,
  required,
  string,
  type InferContext,
  type InferRule,
  type InferTable,
} from "./rule";

/** Axes as an attribute (before opset 13 or 18) or as the second input; none means all, unless noop_with_empty_axes. */
function reducedAxes(c: InferContext, rank: number): number[] {
  const given = ints(c, "axes") ?? (c.inputs[1] ? constantNumbers(c, 1, "list of axes") : []);
  if (given.length === 0) return int(c, "noop_with_empty_axes", 0) ? [] : Array.from({ length: rank }, (_, i) => i);
  return given.map((a) => axisOf(c.node, a, rank));
}

const reduce: InferRule = (c) => {
  const x = required(c, 0);
  const axes = new Set(reducedAxes(c, x.shape.length));
  const keep = int(c, "keepdims", 1) !== 0;
  return [{ dtype: x.dtype, shape: x.shape.flatMap((d, i) => (axes.has(i) ? (keep ? [1] : []) : [d])) }];
};

const argReduce: InferRule = (c) => {
  const x = required(c, 0);
  const axis = axisOf(c.node, int(c, "axis", 0), x.shape.length);
  const keep = int(c, "keepdims", 1) !== 0;
  return [{ dtype: "int64", shape: x.shape.flatMap((d, i) => (i === axis ? (keep ? [1] : []) : [d])) }];
};

const productType =
  (dtype?: DType): InferRule =>
  (c) => {
    const a = required(c, 0);
    const b = required(c, 1);
    if (a.shape.length === 0 || b.shape.length === 0)
      throw new OpError(c.node, "a matrix product needs at least one dimension on each side.");
    const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
    const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
    const inner = [left.at(-1)!, right.at(-2)!];
    if (inner[0] !== inner[1])
      throw new OpError(
        c.node,
        `[${a.shape}] times [${b.shape}]: ${inner[0]} columns meet ${inner[1]} rows. The chosen size does not suit this layer, or the file contradicts itself.`,
      );
    const batch = broadcast(c.node, left.slice(0, -2), right.slice(0, -2));
    const rows = a.shape.length === 1 ? [] : [left.at(-2)!];
    const columns = b.shape.length === 1 ? [] : [right.at(-1)!];
    return [{ dtype: dtype ?? a.dtype, shape: [...batch, ...rows, ...columns] }];
  };

const gemm: InferRule = (c) => {
  const a = required(c, 0);
  const b = required(c, 1);
  if (a.shape.length !== 2 || b.shape.length !== 2)
    throw new OpError(c.node, `needs two matrices, but has [${a.shape}] and [${b.shape}].`);
  const [m, k] = int(c, "transA", 0) ? [a.shape[1]!, a.shape[0]!] : [a.shape[0]!, a.shape[1]!];
  const [k2, n] = int(c, "transB", 0) ? [b.shape[1]!, b.shape[0]!] : [b.shape[0]!, b.shape[1]!];
  if (k !== k2)
    throw new OpError(
      c.node,
      `${k} features come in, but the weight expects ${k2}. The picture's size does not suit this dense layer.`,
    );
  return [{ dtype: a.dtype, shape: [m, n] }];
};

const einsum: InferRule = (c) => {
  const equation = string(c, "equation", "").replaceAll(" ", "");
  const [left = "", right] = equation.split("->");
  const terms = left.split(",");
  if (right === undefined || equation.includes("."))
    throw new OpError(c.node, `the equation "${equation}" must be explicit, as in "ij,jk->ik".`);
  const sizes = new Map<string, number>();
  terms.forEach((term, t) => {
    const { shape } = required(c, t);
    if (shape.length !== term.length)
      throw new OpError(c.node, `"${term}" names ${term.length} dimensions, but input ${t} has ${shape.length}.`);
    [...term].forEach((letter, i) => sizes.set(letter, Math.max(sizes.get(letter) ?? 1, shape[i]!)));
  });
  return [{ dtype: required(c, 0).dtype, shape: [...right].map((letter) => sizes.get(letter) ?? 1) }];
};

const topK: InferRule = (c) => {
  const x = required(c, 0);
  const axis = axisOf(c.node, int(c, "axis", -1), x.shape.length);
  const k = ints(c, "k")?.[0] ?? (c.inputs[1] ? constantNumbers(c, 1, "k")[0]! : int(c, "k", 1));
  const shape = x.shape.map((d, i) => (i === axis ? k : d));
  return [
    { dtype: x.dtype, shape },
    { dtype: "int64", shape },
  ];
};

const each = (rule: InferRule, ...ops: string[]): InferTable => Object.fromEntries(ops.map((op) => [op, rule]));

export const reductions: InferTable = {
  ...each(reduce, "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2"),
  ...each(reduce, "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp"),
  ...each(argReduce, "ArgMax", "ArgMin"),
  MatMul: productType(),
  MatMulInteger: productType("int32"),
  Gemm: gemm,
  Einsum: einsum,
  TopK: topK,
};
