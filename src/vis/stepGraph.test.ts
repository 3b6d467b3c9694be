import { describe, expect, test } from "vitest";
import { runModelBytes } from "../../test/runGraph";
import { relativeDifference } from "../../test/smallGraph";
import { lower } from "../autodiff/lower";
import { GraphBuilder } from "../onnx/builder";
import type { StaticGraph, Tensor, Value } from "../onnx/graph";
import { f32 } from "../onnx/tensor";
import { writeModel } from "../onnx/write";
import { encode, type Objective } from "./objective";
import { initialTheta } from "./parametrization";
import { seeded } from "./random";
import type { Recipe } from "./recipe";
import { lucid } from "./recipes";
import { adamRate, STEP, stepGraph, type StepGraph } from "./stepGraph";
import { drawAffine, transformedSize } from "./transforms";
import { warpInputs, warpLowerings } from "./warp";

const SIZE = 16;
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

const bytesOf = ({ graph }: StepGraph) => writeModel(lower(graph, "wasm", warpLowerings));

interface State {
  theta: Tensor;
  m: Tensor;
  v: Tensor;
}
const start = (recipe: Recipe, step: StepGraph): State => ({
  theta: f32(initialTheta(recipe, step.thetaShape[0]!, seeded(recipe.seed, "theta")), step.thetaShape),
  m: f32(0, step.thetaShape),
  v: f32(0, step.thetaShape),
});

function feeds(recipe: Recipe, step: StepGraph, objective: Objective, t: number, state: State): Record<string, Tensor> {
  const { direction, mask } = encode(objective, step.layer);
  const { warp, unwarp } = warpInputs(drawAffine(recipe.transforms, seeded(t, "transforms"), step.zoom));
  const batch = step.thetaShape[0]!;
  const repeat = (row: Float32Array) =>
    f32(
      Float32Array.from({ length: batch * row.length }, (_, i) => row[i % row.length]!),
      [batch, row.length],
    );
  return {
    [STEP.theta]: state.theta,
    [STEP.m]: state.m,
    [STEP.v]: state.v,
    [STEP.rate]: f32(adamRate(recipe.optimizer, t)),
    [STEP.warp]: f32(warp, [3, 2]),
    [STEP.unwarp]: f32(unwarp, [3, 2]),
    [STEP.direction]: repeat(direction),
    [STEP.mask]: repeat(mask),
  };
}

const after = (out: Record<string, Tensor>): State => ({ theta: out[STEP.nextTheta]!, m: out[STEP.nextM]!, v: out[STEP.nextV]! });
const scoreOf = (out: Record<string, Tensor>, image = 0) => Number(out[STEP.score]!.data[image]);

describe("one step", () => {
  const objective: Objective = { kind: "channel", layer: "act", channel: 1 };

  test("m' holds the gradient of the score by theta: along it, the score rises as a finite difference says", async () => {
    const recipe = { ...lucid, size: SIZE };
    const step = stepGraph(model(transformedSize(SIZE, recipe.transforms), convolutional), {
      recipe,
      layer: "act",
      redirect: false,
    });
    const bytes = bytesOf(step);
    const state = start(recipe, step);
    const out = await runModelBytes(bytes, feeds(recipe, step, objective, 1, state));
    const gradient = (out[STEP.nextM]!.data as Float32Array).map((m) => m / (1 - recipe.optimizer.beta1));
    const slope = Math.hypot(...gradient);
    const eps = 0.02;
    const at = async (sign: number) => {
      const moved = (state.theta.data as Float32Array).map((x, i) => x + (sign * eps * gradient[i]!) / slope);
      return scoreOf(
        await runModelBytes(bytes, feeds(recipe, step, objective, 1, { ...state, theta: f32(moved, step.thetaShape) })),
      );
    };
    expect(slope).toBeGreaterThan(0);
    expect(((await at(1)) - (await at(-1))) / (2 * eps) / slope).toBeCloseTo(1, 2);
  });

  test("theta', m', v' are Adam's, uphill", async () => {
    const step = stepGraph(model(SIZE, convolutional), { recipe: still, layer: "act", redirect: false });
    const bytes = bytesOf(step);
    const { learningRate, beta1, beta2, epsilon } = still.optimizer;
    let state = start(still, step);
    for (let t = 1; t <= 3; t++) {
      const out = await runModelBytes(bytes, feeds(still, step, objective, t, state));
      const zeroed = { ...state, m: f32(0, step.thetaShape) };
      const alone = await runModelBytes(bytes, feeds(still, step, objective, t, zeroed));
      const gradient = (alone[STEP.nextM]!.data as Float32Array).map((m) => m / (1 - beta1));
      const m = (state.m.data as Float32Array).map((x, i) => beta1 * x + (1 - beta1) * gradient[i]!);
      const v = (state.v.data as Float32Array).map((x, i) => beta2 * x + (1 - beta2) * gradient[i]! ** 2);
      const rate = (learningRate * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
      const theta = (state.theta.data as Float32Array).map((x, i) => x + (rate * m[i]!) / (Math.sqrt(v[i]!) + epsilon));
      expect(relativeDifference(out[STEP.nextM]!, f32(m, step.thetaShape))).toBeLessThan(1e-5);
      expect(relativeDifference(out[STEP.nextV]!, f32(v, step.thetaShape))).toBeLessThan(1e-5);
      expect(relativeDifference(out[STEP.nextTheta]!, f32(theta, step.thetaShape))).toBeLessThan(1e-4);
      state = after(out);
    }
  });

  test("a batch of equal thetas gives equal scores and equal steps", async () => {
    const step = stepGraph(model(SIZE, convolutional, 2), { recipe: still, layer: "act", redirect: false });
    const state = start(still, step);
    const half = (state.theta.data as Float32Array).slice(0, state.theta.data.length / 2);
    const doubled = f32(
      Float32Array.from({ length: 2 * half.length }, (_, i) => half[i % half.length]!),
      step.thetaShape,
    );
    const out = await runModelBytes(bytesOf(step), feeds(still, step, objective, 1, { ...state, theta: doubled }));
    expect(scoreOf(out, 0)).toBeCloseTo(scoreOf(out, 1), 6);
    const next = out[STEP.nextTheta]!.data as Float32Array;
    for (let i = 0; i < half.length; i++) expect(next[i]).toBeCloseTo(next[half.length + i]!, 6);
  });
});
