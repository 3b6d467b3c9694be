/** Picking and placing by index, and constants. */
import { constantValue, isTensor } from "../infer/indexing";
import { asFloat32 } from "../fold/quantised";
import { f32, i64 } from "../tensor";
import { AUX, type CanonicalRule, type CanonicalTable } from "./site";

const constant: CanonicalRule = (s) => [s.b.constant(asFloat32(constantValue(s)), s.node.outputs[0]!, true)];

const gather: CanonicalRule = (s) => [
  s.last(s.node.op, [s.input(0), s.input(1)], { axis: s.axis(s.int("axis", 0), s.input(0).shape.length) }),
];

const scatter: CanonicalRule = (s) => [
  s.last("ScatterElements", [s.input(0), s.input(1), s.input(2)], {
    axis: s.axis(s.int("axis", 0), s.input(0).shape.length),
    reduction: s.text("reduction", "none"),
  }),
];

const constantOfShape: CanonicalRule = (s) => {
  const value = s.node.attrs.value;
  return [s.last("ConstantOfShape", [s.input(0)], { value: isTensor(value) ? asFloat32(value) : f32(0, [1]) })];
};

const topK: CanonicalRule = (s) => {
  const x = s.input(0);
  const k = s.ints("k") ?? (typeof s.node.attrs.k === "number" ? [s.node.attrs.k] : s.intsInput(1, "count"));
  const attrs = { axis: s.axis(s.int("axis", -1), x.shape.length), largest: s.int("largest", 1), sorted: s.int("sorted", 1) };
  const [values = "", indices = ""] = s.node.outputs;
  const outputNames = [values || `${indices}${AUX}values`, indices || `${values}${AUX}indices`]; // a gradient needs both
  return s.b.nodeOutputs("TopK", [x, s.hold("k", i64(k))], attrs, { name: s.node.name, outputNames });
};

export const indexing: CanonicalTable = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Range: (s) => [s.last("Range", [s.input(0), s.input(1), s.input(2)])],
  NonZero: (s) => [s.last("NonZero", [s.input(0)])],
  Gather: gather,
  GatherElements: gather,
  GatherND: (s) => [s.last("GatherND", [s.input(0), s.input(1)], { batch_dims: s.int("batch_dims", 0) })],
  Scatter: scatter,
  ScatterElements: scatter,
  ScatterND: (s) => [s.last("ScatterND", [s.input(0), s.input(1), s.input(2)], { reduction: s.text("reduction", "none") })],
  OneHot: (s) => [s.last("OneHot", [s.input(0), s.input(1), s.input(2)], { axis: s.int("axis", -1) })],
  TopK: topK,
};
