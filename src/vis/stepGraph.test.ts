import { describe, expect, test } from "vitest";
import { runModelBytes } from "../../test/runGraph";
import { relativeDifference } from "../../test/smallGraph";
import { lower } from "../autodiff/lower";
import { GraphBuilder } from "../onnx/builder";
import type { StaticGraph, Tensor, Value } from "../onnx/graph";
import { f32 } from "../onnx/tensor";
import { writeModel } from "../onnx/write";
import { feedsOf, planObjective } from "./objective/program";
import type { Objective } from "./objective/types";
import { ratesOf } from "./optimizers";
import { initialTheta } from "./parametrization/parametrization";
import { seeded } from "./random";
import type { Optimizer, Recipe } from "./recipe";
import { lucid } from "./recipes";
import { next, STEP, stepGraph, stepLowerings, type StepGraph } from "./stepGraph";
import { drawTransforms, transformedSize } from "./transforms/plan";

const SIZE = 16;
const ADAM = lucid.optimizer as Extract<Optimizer, { kind: "adam" }>;
const still: Recipe = { ...lucid, size: SIZE, transforms: [] };

/** A model of one layer "act" over "image" [batch, 3, side, side]. */
function model(side: number, layer: (b: GraphBuilder, image: Value) => Value, batch = 1): StaticGraph {
  const b = new GraphBuilder();
  const image = b.input("image", "float32", [batch, 3, side, side]);
  const act = b.node("Mul", [layer(b, image), b.scalar(1)], {}, { outputNames: ["act"] });
  return b.build("model", [act]);
}

const CONV = { kernel_shape: [3, 3], strides: [2, 2], dilations: [1, 1], pads: [1, 1, 1, 1], group: 1 };
const weights = (shape: number[], seed: number, scale = 1) => {
  const random = seeded(seed, "weights");
  return f32(
    Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => scale * random.normal()),
    shape,
  );
};
const convolutional = (b: GraphBuilder, image: Value) => b.conv(image, b.constant(weights([4, 3, 3, 3], 1)), null, CONV);

const objective: Objective = { kind: "channel", layer: "act", channel: 1 };
const stepOf = (recipe: Recipe, batch = 1): StepGraph =>
  stepGraph(model(transformedSize(SIZE, recipe.transforms), convolutional, batch), {
    recipe: { ...recipe, batch },
    objective: planObjective(objective, batch),
    redirect: false,
  });
const bytesOf = ({ graph }: StepGraph) => writeModel(lower(graph, "wasm", stepLowerings));

type State = Record<string, Tensor>;
const shapeOf = (step: StepGraph) => step.state.get(STEP.theta)!;
const start = (recipe: Recipe, step: StepGraph): State => ({
  ...Object.fromEntries([...step.state].map(([name, shape]) => [name, f32(0, shape)])),
  [STEP.theta]: f32(
    initialTheta(
      recipe,
      Array.from({ length: step.objective.batch }, (_, i) => seeded(i, "theta")),
    ),
    shapeOf(step),
  ),
});

function feeds(recipe: Recipe, step: StepGraph, t: number, state: State): State {
  const rates = ratesOf(recipe, t);
  const randoms = Array.from({ length: step.objective.batch }, () => seeded(t, "transforms"));
  return {
    ...state,
    ...feedsOf(step.objective, step.shapes),
    ...drawTransforms(step.transforms, randoms, { step: t, steps: recipe.steps }),
    [STEP.rates]: f32(rates, [rates.length]),
  };
}

const after = (step: StepGraph, out: State): State =>
  Object.fromEntries([...step.state.keys()].map((name) => [name, out[next(name)]!]));
const scoreOf = (out: State, image = 0) => Number(out[STEP.score]!.data[image]);
const [M, V] = ["step.m", "step.v"];

describe("one step", () => {
  test("m' holds the gradient of the score by theta: along it, the score rises as a finite difference says", async () => {
    const recipe = { ...lucid, size: SIZE };
    const step = stepOf(recipe);
    const bytes = bytesOf(step);
    const state = start(recipe, step);
    const out = await runModelBytes(bytes, feeds(recipe, step, 1, state));
    const gradient = (out[next(M)]!.data as Float32Array).map((m) => m / (1 - ADAM.beta1));
    const slope = Math.hypot(...gradient);
    const eps = 0.02;
    const at = async (sign: number) => {
      const moved = (state[STEP.theta]!.data as Float32Array).map((x, i) => x + (sign * eps * gradient[i]!) / slope);
      return scoreOf(await runModelBytes(bytes, feeds(recipe, step, 1, { ...state, [STEP.theta]: f32(moved, shapeOf(step)) })));
    };
    expect(slope).toBeGreaterThan(0);
    expect(((await at(1)) - (await at(-1))) / (2 * eps) / slope).toBeCloseTo(1, 2);
  });

  test("theta', m', v' are Adam's, uphill", async () => {
    const step = stepOf(still);
    const bytes = bytesOf(step);
    const { learningRate, beta1, beta2, epsilon } = ADAM;
    let state = start(still, step);
    for (let t = 1; t <= 3; t++) {
      const out = await runModelBytes(bytes, feeds(still, step, t, state));
      const zeroed = { ...state, [M]: f32(0, shapeOf(step)) };
      const alone = await runModelBytes(bytes, feeds(still, step, t, zeroed));
      const gradient = (alone[next(M)]!.data as Float32Array).map((m) => m / (1 - beta1));
      const m = (state[M]!.data as Float32Array).map((x, i) => beta1 * x + (1 - beta1) * gradient[i]!);
      const v = (state[V]!.data as Float32Array).map((x, i) => beta2 * x + (1 - beta2) * gradient[i]! ** 2);
      const rate = (learningRate * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
      const theta = (state[STEP.theta]!.data as Float32Array).map((x, i) => x + (rate * m[i]!) / (Math.sqrt(v[i]!) + epsilon));
      expect(relativeDifference(out[next(M)]!, f32(m, shapeOf(step)))).toBeLessThan(1e-5);
      expect(relativeDifference(out[next(V)]!, f32(v, shapeOf(step)))).toBeLessThan(1e-5);
      expect(relativeDifference(out[next(STEP.theta)]!, f32(theta, shapeOf(step)))).toBeLessThan(1e-4);
      state = after(step, out);
    }
  });

  test("a batch of equal thetas gives equal scores and equal steps", async () => {
    const step = stepOf(still, 2);
    const state = start(still, step);
    const half = (state[STEP.theta]!.data as Float32Array).slice(0, state[STEP.theta]!.data.length / 2);
    const doubled = f32(
      Float32Array.from({ length: 2 * half.length }, (_, i) => half[i % half.length]!),
      shapeOf(step),
    );
    const out = await runModelBytes(bytesOf(step), feeds(still, step, 1, { ...state, [STEP.theta]: doubled }));
    expect(scoreOf(out, 0)).toBeCloseTo(scoreOf(out, 1), 6);
    const stepped = out[next(STEP.theta)]!.data as Float32Array;
    for (let i = 0; i < half.length; i++) expect(stepped[i]).toBeCloseTo(stepped[half.length + i]!, 6);
  });
});
