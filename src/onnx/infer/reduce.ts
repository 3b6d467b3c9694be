/** Types of reductions and of ops that work along one axis. */
import { CONTRADICTION, show, type InferRule, type InferTable, type NodeView } from "./nodeView";

/** `shape` with `axes` collapsed to 1, or dropped. */
const collapse = (shape: readonly number[], axes: ReadonlySet<number>, keepdims: boolean): number[] =>
  keepdims ? shape.map((size, i) => (axes.has(i) ? 1 : size)) : shape.filter((_, i) => !axes.has(i));

const reduce: InferRule = (v) => {
  const { dtype, shape } = v.input(0);
  const axes = v.optionalInts(1, "axes") ?? [];
  if (!axes.length && v.int("noop_with_empty_axes", 0)) return [{ dtype, shape }];
  const all = axes.length ? axes.map((a) => v.axis(a, shape.length)) : shape.map((_, i) => i);
  return [{ dtype, shape: collapse(shape, new Set(all), v.int("keepdims", 1) === 1) }];
};

const arg: InferRule = (v) => {
  const { shape } = v.input(0);
  const axis = v.axis(v.int("axis", 0), shape.length);
  return [{ dtype: "int64", shape: collapse(shape, new Set([axis]), v.int("keepdims", 1) === 1) }];
};

/** Same type; `axis` must exist. */
const along =
  (fallback: number): InferRule =>
  (v: NodeView) => {
    const type = v.input(0);
    v.axis(v.int("axis", fallback), type.shape.length);
    return [type];
  };

export const reductions: InferTable = {
  ...Object.fromEntries(
    ["Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "LogSum", "LogSumExp", "SumSquare"].map((name) => [
      `Reduce${name}`,
      reduce,
    ]),
  ),
  ArgMax: arg,
  ArgMin: arg,
  Softmax: along(-1),
  LogSoftmax: along(-1),
  Hardmax: along(-1),
  LpNormalization: along(-1),
  CumSum: (v) => {
    const type = v.input(0);
    const axis = v.optionalInts(1, "axis")?.[0];
    if (axis !== undefined) v.axis(axis, type.shape.length);
    return [type];
  },
  TopK: (v) => {
    const { dtype, shape } = v.input(0);
    const axis = v.axis(v.int("axis", -1), shape.length);
    const k = v.intsInput(1, "count")[0] ?? v.fail(`its count is empty. ${CONTRADICTION}`);
    if (k > shape[axis]!) v.fail(`asks for ${k} of ${shape[axis]} along axis ${axis} of ${show(shape)}. ${CONTRADICTION}`);
    const out = shape.map((size, i) => (i === axis ? k : size));
    return [
      { dtype, shape: out },
      { dtype: "int64", shape: out },
    ];
  },
};
