/** Reductions with axes as a constant input and explicit keepdims; softmaxes with one explicit axis. */
import type { Value } from "../graph";
import { sizeOf } from "../graph";
import { f32, i64 } from "../tensor";
import type { CanonicalRule, CanonicalTable, Site } from "./site";

/** The axes a reduction runs over, counted from the front; null when it reduces nothing. */
function axesOf(s: Site, rank: number): number[] | null {
  const given = s.intsFrom("axes", 1) ?? [];
  if (!given.length && s.int("noop_with_empty_axes", 0)) return null;
  return given.length ? given.map((a) => s.axis(a, rank)).sort((a, b) => a - b) : Array.from({ length: rank }, (_, i) => i);
}

/** op over the node's axes after `before`, then `after` when there is one. */
const reduce =
  (op: string, before?: (s: Site, x: Value) => Value, after?: string): CanonicalRule =>
  (s) => {
    const x = s.input(0);
    const axes = axesOf(s, x.shape.length);
    const y = before ? before(s, x) : x;
    if (!axes) return [after ? s.last(after, [y]) : y];
    const attrs = { keepdims: s.int("keepdims", 1) };
    if (!after) return [s.last(op, [y, s.b.ints(axes)], attrs)];
    return [s.last(after, [s.step("sum", op, [y, s.b.ints(axes)], attrs)])];
  };

const square = (s: Site, x: Value) => s.step("square", "Mul", [x, x]);

/** log sum exp(x), kept from overflowing by the maximum. */
const logSumExp: CanonicalRule = (s) => {
  const x = s.input(0);
  const axes = axesOf(s, x.shape.length);
  if (!axes) return [x];
  const over = s.b.ints(axes);
  const peak = s.step("peak", "ReduceMax", [x, over], { keepdims: 1 });
  const exp = s.step("exp", "Exp", [s.step("lowered", "Sub", [x, peak])]);
  const log = s.step("log", "Log", [s.step("sum", "ReduceSum", [exp, over], { keepdims: 1 })]);
  if (s.int("keepdims", 1)) return [s.last("Add", [log, peak])];
  const whole = s.step("whole", "Add", [log, peak]);
  const shape = whole.shape.filter((_, i) => !axes.includes(i));
  return [s.last("Reshape", [whole, s.b.ints(shape)])];
};

const arg: CanonicalRule = (s) => {
  const x = s.input(0);
  const axis = s.axis(s.int("axis", 0), x.shape.length);
  return [s.last(s.node.op, [x], { axis, keepdims: s.int("keepdims", 1), select_last_index: s.int("select_last_index", 0) })];
};

/** 1 at the first largest of each row, 0 elsewhere. Rows as softmax has them. */
const hardmax: CanonicalRule = (s) => {
  const x = s.input(0);
  const rank = x.shape.length;
  const axis = s.axis(s.int("axis", s.opset >= 13 ? -1 : 1), rank);
  const flat = s.opset < 13 && axis < rank - 1;
  const rows = flat ? s.step("rows", "Reshape", [x, s.b.ints([sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))])]) : x;
  const along = flat ? 1 : axis;
  const best = s.step("best", "ArgMax", [rows], { axis: along, keepdims: 0, select_last_index: 0 });
  const one = [best, s.hold("depth", i64(rows.shape[along]!)), s.hold("values", f32([0, 1]))];
  if (!flat) return [s.last("OneHot", one, { axis: along })];
  return [s.last("Reshape", [s.step("hot", "OneHot", one, { axis: along }), s.b.ints(x.shape)])];
};

/** Before opset 13 a softmax ran over all axes from `axis` on, as one; default 1. Since then over `axis` alone; default -1. */
const softmax: CanonicalRule = (s) => {
  const x = s.input(0);
  const rank = x.shape.length;
  const { op } = s.node;
  if (s.opset >= 13) return [s.last(op, [x], { axis: s.axis(s.int("axis", -1), rank) })];
  const given = s.int("axis", 1);
  const from = given === rank ? rank : s.axis(given, rank);
  const wide = x.shape.flatMap((size, i) => (i >= from && size > 1 ? [i] : []));
  if (wide.length <= 1 && from < rank) return [s.last(op, [x], { axis: wide[0] ?? from })];
  const rows = s.step("rows", "Reshape", [x, s.b.ints([sizeOf(x.shape.slice(0, from)), sizeOf(x.shape.slice(from))])]);
  return [s.last("Reshape", [s.step("flat", op, [rows], { axis: 1 }), s.b.ints(x.shape)])];
};

const cumSum: CanonicalRule = (s) => [
  s.last("CumSum", [s.input(0), s.input(1)], { exclusive: s.int("exclusive", 0), reverse: s.int("reverse", 0) }),
];

export const reduction: CanonicalTable = {
  ...Object.fromEntries(["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd"].map((op) => [op, reduce(op)])),
  ReduceL1: reduce("ReduceSum", (s, x) => s.step("abs", "Abs", [x])),
  ReduceL2: reduce("ReduceSum", square, "Sqrt"),
  ReduceSumSquare: reduce("ReduceSum", square),
  ReduceLogSum: reduce("ReduceSum", undefined, "Log"),
  ReduceLogSumExp: logSumExp,
  ArgMax: arg,
  ArgMin: arg,
  Softmax: softmax,
  LogSoftmax: softmax,
  Hardmax: hardmax,
  CumSum: cumSum,
};
