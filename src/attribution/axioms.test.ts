/** What the methods promise, on a network of convolutions, pools, gates and joins at 16 x 16 pixels. */
import { describe, expect, test } from "vitest";
import { answer, asTheyAre, channelOfY, listOf, network, probeOf, sumOf } from "../../test/attributionRig";
import { randomTensor, relativeDifference, uniformTensor, type NodeSpec } from "../../test/smallGraph";
import type { Tensor } from "../onnx/graph";
import { f32 } from "../onnx/tensor";
import type { Objective } from "../vis/objective/types";
import type { AttributionMethod, LrpComposite } from "./types";

const SIZE = [16, 16] as const;
const picture = uniformTensor([1, 3, ...SIZE], 3);
const conv = (input: string, weight: string, output: string, bias: string | null = null): NodeSpec => ({
  op: "Conv",
  inputs: bias ? [input, weight, bias] : [input, weight],
  outputs: [output],
  attrs: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] },
});
const relu = (input: string, output: string): NodeSpec => ({ op: "Relu", inputs: [input], outputs: [output] });
const weights = {
  W1: randomTensor([8, 3, 3, 3], 1, 0.4),
  B1: randomTensor([8], 2, 0.2),
  W2: randomTensor([8, 8, 3, 3], 3, 0.25),
  B2: randomTensor([8], 4, 0.2),
  W3: randomTensor([4, 16, 3, 3], 5, 0.2),
  G: randomTensor([8, 8, 1, 1], 6, 0.5),
};
const pool = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] };
/** What comes after the first layer: a max pool, a gate of squeeze and excitation, a sum, a join, a mean. */
const rest = (biased: boolean): NodeSpec[] => [
  { op: "MaxPool", inputs: ["r1"], outputs: ["p"], attrs: pool },
  { op: "GlobalAveragePool", inputs: ["p"], outputs: ["squeezed"] },
  { op: "Conv", inputs: ["squeezed", "G"], outputs: ["g"], attrs: { kernel_shape: [1, 1] } },
  { op: "Sigmoid", inputs: ["g"], outputs: ["gate"] },
  { op: "Mul", inputs: ["p", "gate"], outputs: ["gated"] },
  conv("gated", "W2", "c2", biased ? "B2" : null),
  relu("c2", "r2"),
  { op: "Add", inputs: ["r2", "p"], outputs: ["sum"] },
  { op: "Concat", inputs: ["sum", "r2"], outputs: ["join"], attrs: { axis: 1 } },
  conv("join", "W3", "c3"),
  { op: "GlobalAveragePool", inputs: ["c3"], outputs: ["y"] },
];
const biased = network(SIZE, [conv("x", "W1", "c1", "B1"), relu("c1", "r1"), ...rest(true)], weights);
const unbiased = network(SIZE, [conv("x", "W1", "c1"), relu("c1", "r1"), ...rest(false)], weights);
const map = async (graph: typeof biased, method: AttributionMethod, objective: Objective = channelOfY(1)): Promise<Tensor> =>
  (await answer(probeOf(graph, objective, asTheyAre(SIZE)), method, picture)).map;
const gapOf = async (graph: typeof biased, method: AttributionMethod): Promise<number> => {
  const { map: made, complete } = await answer(probeOf(graph, channelOfY(1), asTheyAre(SIZE)), method, picture);
  return Math.abs(sumOf(made) - complete!) / Math.abs(complete!);
};

describe("completeness: the map's sum is the score less the baseline's", () => {
  test.each<[string, AttributionMethod, number]>([
    ["integrated gradients, black", { name: "integratedGradients", points: 64 }, 0.01],
    ["integrated gradients, blur", { name: "integratedGradients", points: 64, baseline: { kind: "blur", sigma: 4 } }, 0.01],
    ["integrated gradients, white", { name: "integratedGradients", points: 64, baseline: { kind: "white" } }, 0.01],
    ["integrated gradients, Gauss-Legendre", { name: "integratedGradients", points: 128, rule: "gaussLegendre" }, 0.01],
    ["blur IG", { name: "blurIg", steps: 64, sigma: 8 }, 0.02],
    ["expected gradients, one background", { name: "expectedGradients", samples: 100, backgrounds: ["drawn:0"] }, 0.05],
    ["DeepLIFT, black", { name: "deepLift" }, 1e-4],
    ["DeepLIFT, white", { name: "deepLift", baseline: { kind: "white" } }, 1e-4],
    ["DeepLIFT, mean colour", { name: "deepLift", baseline: { kind: "mean" } }, 1e-4],
  ])("%s", async (_, method, most) => {
    expect(await gapOf(biased, method)).toBeLessThan(most);
  });
});

describe("LRP shares out the whole score where there are no biases", () => {
  test.each<LrpComposite>([
    "epsilon",
    "gamma",
    "zPlus",
    "epsilonPlus",
    "epsilonPlusFlat",
    "epsilonGammaBox",
    "epsilonAlpha2Beta1",
  ])("%s", async (composite) => {
    expect(await gapOf(unbiased, { name: "lrp", composite })).toBeLessThan(2e-3);
  });
});

describe("implementation invariance: the same function, written in another way, has the same map", () => {
  const half = (t: Tensor, from: number): Tensor => {
    const size = t.data.length / 2;
    return f32((t.data as Float32Array).slice(from * size, (from + 1) * size), [t.shape[0]! / 2, ...t.shape.slice(1)]);
  };
  const otherwise = network(
    SIZE,
    [
      conv("x", "W1a", "c1a", "B1a"),
      conv("x", "W1b", "c1b", "B1b"),
      { op: "Concat", inputs: ["c1a", "c1b"], outputs: ["c1"], attrs: { axis: 1 } },
      { op: "Neg", inputs: ["c1"], outputs: ["n"] },
      { op: "Min", inputs: ["n", "zero"], outputs: ["m"] },
      { op: "Neg", inputs: ["m"], outputs: ["r1"] },
      ...rest(true),
    ],
    {
      ...weights,
      zero: f32(0, []),
      W1a: half(weights.W1, 0),
      W1b: half(weights.W1, 1),
      B1a: half(weights.B1, 0),
      B1b: half(weights.B1, 1),
    },
  );
  test.each<AttributionMethod>([
    { name: "saliency", signed: true },
    { name: "integratedGradients", points: 8 },
    { name: "smoothGrad", samples: 4 },
    { name: "blurIg", steps: 8, sigma: 4 },
    { name: "deepLift" },
  ])("$name", async (method) => {
    expect(relativeDifference(await map(otherwise, method), await map(biased, method))).toBeLessThan(1e-4);
  });
});

describe("linearity: the map of a combination of targets is the combination of their maps", () => {
  test.each<AttributionMethod>([
    { name: "saliency", signed: true },
    { name: "inputXGradient" },
    { name: "deepLift" },
    { name: "smoothGrad", samples: 4 },
    { name: "lrp", composite: "epsilon" },
  ])("$name", async (method) => {
    const both: Objective = { kind: "sum", of: [channelOfY(0), { kind: "scale", by: -2, of: channelOfY(2) }] };
    const [joint, first, second] = [
      await map(biased, method, both),
      listOf(await map(biased, method, channelOfY(0))),
      listOf(await map(biased, method, channelOfY(2))),
    ];
    const combined = f32(first.map((v, i) => v - 2 * second[i]!), joint.shape); // prettier-ignore
    expect(relativeDifference(joint, combined)).toBeLessThan(1e-3);
  });
});

describe("what else they are", () => {
  test("guided IG that may not leave the straight path is integrated gradients, by left ends; free, it goes another way", async () => {
    const straight = await map(biased, { name: "integratedGradients", points: 64 });
    const held = await map(biased, { name: "guidedIg", steps: 100, maxDistance: 0 });
    const free = await map(biased, { name: "guidedIg", steps: 20, maxDistance: 0.2 });
    expect(relativeDifference(held, straight)).toBeLessThan(0.05);
    expect(relativeDifference(free, straight)).toBeGreaterThan(0.1);
  });

  test("saliency is the size of the gradient", async () => {
    const signed = listOf(await map(biased, { name: "saliency", signed: true }));
    expect(listOf(await map(biased, { name: "saliency" }))).toEqual(signed.map(Math.abs));
    expect(signed.some((v) => v < 0)).toBe(true);
  });

  test("SmoothGrad, SmoothGrad^2 and VarGrad are mean, mean square and variance of the same gradients", async () => {
    const options = { samples: 6, noise: 0.3, seed: 5 };
    const mean = listOf(await map(biased, { name: "smoothGrad", ...options }));
    const squares = listOf(await map(biased, { name: "smoothGradSquared", ...options }));
    const variance = listOf(await map(biased, { name: "varGrad", ...options }));
    const largest = Math.max(...squares);
    variance.forEach((v, i) => expect(Math.abs(v - (squares[i]! - mean[i]! ** 2)) / largest).toBeLessThan(1e-5));
    const still = listOf(await map(biased, { name: "smoothGrad", ...options, noise: 0 }));
    expect(relativeDifference(f32(still), f32(listOf(await map(biased, { name: "saliency", signed: true }))))).toBeLessThan(1e-5);
  });

  test("guided backpropagation and DeconvNet are one with the gradient where nothing is rectified", async () => {
    const linear = network(
      SIZE,
      [conv("x", "W1", "c1", "B1"), { op: "GlobalAveragePool", inputs: ["c1"], outputs: ["y"] }],
      weights,
    );
    const gradient = await map(linear, { name: "saliency", signed: true });
    expect(relativeDifference(await map(linear, { name: "guidedBackprop" }), gradient)).toBeLessThan(1e-6);
    expect(relativeDifference(await map(linear, { name: "deconvNet" }), gradient)).toBeLessThan(1e-6);
    const there = listOf(await map(biased, { name: "guidedBackprop" }));
    expect(there).not.toEqual(listOf(await map(biased, { name: "deconvNet" })));
  });

  test("the same seed gives the same map, another seed another", async () => {
    const of = (seed: number) => map(biased, { name: "expectedGradients", samples: 4, seed });
    expect(listOf(await of(1))).toEqual(listOf(await of(1)));
    expect(listOf(await of(2))).not.toEqual(listOf(await of(1)));
  });
});
