/** Normalisations as what they are made of, so that their gradients are those of arithmetic. */
import type { Node, Value } from "../graph";
import { f32, numbers } from "../tensor";
import type { CanonicalRule, CanonicalTable, Site, Surroundings } from "./site";

/** BatchNormalization as y = scale[c] * x + shift[c]. Undefined when one of its four vectors is not a constant of `channels`. */
export function normScaleShift(
  around: Surroundings,
  node: Node,
  channels: number,
): { scale: number[]; shift: number[] } | undefined {
  const [gamma, beta, mean, variance] = node.inputs.slice(1, 5).map((name) => around.constantNamed(name));
  if (!gamma || !beta || !mean || !variance || [gamma, beta, mean, variance].some((t) => t.data.length !== channels))
    return undefined;
  if (node.attrs.training_mode) return undefined;
  const epsilon = typeof node.attrs.epsilon === "number" ? node.attrs.epsilon : 1e-5;
  const [g, b, m, v] = [gamma, beta, mean, variance].map(numbers) as [number[], number[], number[], number[]];
  const scale = g.map((x, i) => x / Math.sqrt(v[i]! + epsilon));
  return { scale, shift: b.map((x, i) => x - m[i]! * scale[i]!) };
}

const batchNorm: CanonicalRule = (s) => {
  const x = s.rankAtLeast(0, 2);
  if (s.int("training_mode", 0))
    s.fail("is in training mode, whose statistics depend on the batch. Export the model for inference.");
  const channels = x.shape[1]!;
  const affine =
    normScaleShift(s.around, s.node, channels) ??
    s.fail(`its four vectors must be constants of ${channels} elements, one for each channel. Export the model for inference.`);
  const shape = x.shape.map((_, i) => (i === 1 ? channels : 1));
  const product = s.step("scaled", "Mul", [x, s.hold("scale", f32(affine.scale, shape))]);
  return [s.last("Add", [product, s.hold("shift", f32(affine.shift, shape))])];
};

/** (x - mean) / sqrt(variance + epsilon) over `axes`. */
function standardised(s: Site, x: Value, axes: readonly number[], epsilon: number): Value {
  const over = s.b.ints(axes);
  const centred = s.step("centred", "Sub", [x, s.step("mean", "ReduceMean", [x, over], { keepdims: 1 })]);
  const square = s.step("square", "Mul", [centred, centred]);
  const variance = s.step("variance", "ReduceMean", [square, over], { keepdims: 1 });
  const deviation = s.step("deviation", "Sqrt", [s.step("stable", "Add", [variance, s.b.scalar(epsilon)])]);
  return s.step("standard", "Div", [centred, deviation]);
}

const layerNorm: CanonicalRule = (s) => {
  const x = s.input(0);
  const rank = x.shape.length;
  const axis = s.axis(s.int("axis", -1), rank);
  const axes = Array.from({ length: rank - axis }, (_, i) => axis + i);
  const standard = standardised(s, x, axes, s.float("epsilon", 1e-5));
  const bias = s.inputs[2];
  if (!bias) return [s.last("Mul", [standard, s.input(1)])];
  return [s.last("Add", [s.step("scaled", "Mul", [standard, s.input(1)]), bias])];
};

/** A vector over channels, shaped to multiply [N, C, ...]. */
const perChannel = (s: Site, v: Value, rank: number, step: string): Value =>
  s.step(step, "Reshape", [v, s.b.ints([v.shape[0]!, ...new Array<number>(rank - 2).fill(1)])]);

const instanceNorm: CanonicalRule = (s) => {
  const x = s.rankAtLeast(0, 3);
  const rank = x.shape.length;
  const axes = Array.from({ length: rank - 2 }, (_, i) => i + 2);
  const standard = standardised(s, x, axes, s.float("epsilon", 1e-5));
  const product = s.step("scaled", "Mul", [standard, perChannel(s, s.input(1), rank, "scale")]);
  return [s.last("Add", [product, perChannel(s, s.input(2), rank, "bias")])];
};

/** Statistics over groups of channels; scale and bias belong to groups at opset 18 and to channels from 21. */
const groupNorm: CanonicalRule = (s) => {
  const x = s.rankAtLeast(0, 3);
  const groups = s.int("num_groups", 1);
  const [n, channels] = x.shape as [number, number];
  if (channels % groups)
    s.fail(`${channels} channels do not divide into ${groups} groups. The file contradicts itself; export it again.`);
  const grouped = s.step("grouped", "Reshape", [x, s.b.ints([n, groups, x.shape.slice(1).reduce((a, d) => a * d, 1) / groups])]);
  const standard = standardised(s, grouped, [2], s.float("epsilon", 1e-5));
  const byGroup = s.input(1).shape[0] === groups && groups !== channels;
  if (byGroup) {
    const product = s.step("scaled", "Mul", [standard, perChannel(s, s.input(1), 3, "scale")]);
    return [s.last("Reshape", [s.step("sum", "Add", [product, perChannel(s, s.input(2), 3, "bias")]), s.b.ints(x.shape)])];
  }
  const back = s.step("ungrouped", "Reshape", [standard, s.b.ints(x.shape)]);
  const product = s.step("scaled", "Mul", [back, perChannel(s, s.input(1), x.shape.length, "scale")]);
  return [s.last("Add", [product, perChannel(s, s.input(2), x.shape.length, "bias")])];
};

/** x / (||x||_p over axis). */
const lpNorm: CanonicalRule = (s) => {
  const x = s.input(0);
  const axis = s.b.ints([s.axis(s.int("axis", -1), x.shape.length)]);
  const sum = (v: Value) => s.step("sum", "ReduceSum", [v, axis], { keepdims: 1 });
  const norm =
    s.int("p", 2) === 1 ? sum(s.step("abs", "Abs", [x])) : s.step("norm", "Sqrt", [sum(s.step("square", "Mul", [x, x]))]);
  return [s.last("Div", [x, norm])];
};

export const normalisation: CanonicalTable = {
  BatchNormalization: batchNorm,
  LayerNormalization: layerNorm,
  InstanceNormalization: instanceNorm,
  GroupNormalization: groupNorm,
  LpNormalization: lpNorm,
};
