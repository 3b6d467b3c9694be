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
const standardised = (s: Site, x: Value, axes: readonly number[], epsilon: number): Value =>
  standardisedParts(s, x, axes, epsilon).standard;

function standardisedParts(s: Site, x: Value, axes: readonly number[], epsilon: number) {
  const over = s.b.ints(axes);
  const mean = s.step("mean", "ReduceMean", [x, over], { keepdims: 1 });
  const centred = s.step("centred", "Sub", [x, mean]);
  const square = s.step("square", "Mul", [centred, centred]);
  const variance = s.step("variance", "ReduceMean", [square, over], { keepdims: 1 });
  const deviation = s.step("deviation", "Sqrt", [s.step("stable", "Add", [variance, s.b.scalar(epsilon)])]);
  return { mean, deviation, standard: s.step("standard", "Div", [centred, deviation]) };
}

const layerNorm: CanonicalRule = (s) => {
  const x = s.input(0);
  const rank = x.shape.length;
  const axis = s.axis(s.int("axis", -1), rank);
  const axes = Array.from({ length: rank - axis }, (_, i) => axis + i);
  const { mean, deviation, standard } = standardisedParts(s, x, axes, s.float("epsilon", 1e-5));
  const bias = s.inputs[2];
  const y = bias ? s.last("Add", [s.step("scaled", "Mul", [standard, s.input(1)]), bias]) : s.last("Mul", [standard, s.input(1)]);
  const [, meanName, inverseName] = s.node.outputs;
  return [y, meanName ? s.last("Identity", [mean], {}, 1) : null, inverseName ? s.last("Reciprocal", [deviation], {}, 2) : null];
};

/** x / sqrt(mean of x^2 over the axes from `axis` on + epsilon) * scale, as the node's first output. */
export function rootMeanSquare(s: Site, x: Value, scale: Value, axis: number, epsilon: number): Value {
  const from = s.axis(axis, x.shape.length);
  const over = s.b.ints(x.shape.flatMap((_, i) => (i >= from ? [i] : [])));
  const mean = s.step("mean", "ReduceMean", [s.step("square", "Mul", [x, x]), over], { keepdims: 1 });
  const root = s.step("root", "Sqrt", [s.step("stable", "Add", [mean, s.b.scalar(epsilon)])]);
  return s.last("Mul", [s.step("standard", "Div", [x, root]), scale]);
}

const rmsNorm: CanonicalRule = (s) => [rootMeanSquare(s, s.input(0), s.input(1), s.int("axis", -1), s.float("epsilon", 1e-5))];

/** (x - mean) / (deviation + 1e-9) over `axes`. */
const meanVariance: CanonicalRule = (s) => {
  const x = s.input(0);
  const over = s.b.ints((s.ints("axes") ?? [0, 2, 3]).map((a) => s.axis(a, x.shape.length)));
  const centred = s.step("centred", "Sub", [x, s.step("mean", "ReduceMean", [x, over], { keepdims: 1 })]);
  const square = s.step("square", "Mul", [centred, centred]);
  const deviation = s.step("deviation", "Sqrt", [s.step("variance", "ReduceMean", [square, over], { keepdims: 1 })]);
  return [s.last("Div", [centred, s.step("stable", "Add", [deviation, s.b.scalar(1e-9)])])];
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
  return [s.last("Div", [x, s.step("safe", "Max", [norm, s.b.scalar(1e-30)])])]; // zeros stay zeros
};

export const normalisation: CanonicalTable = {
  BatchNormalization: batchNorm,
  LayerNormalization: layerNorm,
  InstanceNormalization: instanceNorm,
  GroupNormalization: groupNorm,
  LpNormalization: lpNorm,
  RMSNormalization: rmsNorm,
  SimplifiedLayerNormalization: rmsNorm,
  MeanVarianceNormalization: meanVariance,
};
