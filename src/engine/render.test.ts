import { describe, expect, test } from "vitest";
import type { Picture } from "../api/engine";
import { GraphBuilder } from "../onnx/builder";
import type { StaticGraph, Value } from "../onnx/graph";
import { f32 } from "../onnx/tensor";
import { planObjective } from "../vis/objective/program";
import { ObjectiveError, type Objective } from "../vis/objective/types";
import { seeded } from "../vis/random";
import type { Recipe } from "../vis/recipe";
import { lucid } from "../vis/recipes";
import { transformedSize } from "../vis/transforms/plan";
import { nodeRuntime } from "./ortNode";
import { renderPicture, type RenderOptions } from "./render";
import { compileStepper, stepperKey } from "./stepper";

const runtime = nodeRuntime(1);
const SIZE = 32;
const still: Recipe = { ...lucid, size: SIZE, steps: 40, transforms: [] };
const moving: Recipe = {
  ...still,
  transforms: [
    { kind: "pad", pixels: 2, value: 0.5 },
    { kind: "jitter", pixels: 2 },
    { kind: "scale", factors: [0.95, 1, 1.05] },
    { kind: "rotate", degrees: [-5, 0, 5] },
  ],
};
const objective: Objective = { kind: "channel", layer: "act", channel: 0 };

/** A model of one layer "act" over "image" [1, 3, side, side]. */
function model(recipe: Recipe, layer: (b: GraphBuilder, image: Value) => Value): StaticGraph {
  const side = transformedSize(recipe.size, recipe.transforms);
  const b = new GraphBuilder();
  const image = b.input("image", "float32", [1, 3, side, side]);
  return b.build("model", [b.node("Mul", [layer(b, image), b.scalar(1)], {}, { outputNames: ["act"] })]);
}

const CONV = { kernel_shape: [3, 3], strides: [2, 2], dilations: [1, 1], pads: [1, 1, 1, 1], group: 1 };
function normal(shape: number[], scale = 1) {
  const random = seeded(1, "weights");
  return f32(
    Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => scale * random.normal()),
    shape,
  );
}
const convolutional = (b: GraphBuilder, image: Value) => b.conv(image, b.constant(normal([4, 3, 3, 3])), null, CONV);

async function render(
  recipe: Recipe,
  layer: (b: GraphBuilder, image: Value) => Value,
  { objective: wanted = objective, ...options }: Partial<RenderOptions> & { objective?: Objective } = {},
  signal = new AbortController().signal,
) {
  const plan = planObjective(wanted, recipe.batch);
  const stepper = await compileStepper(runtime, model(recipe, layer), { objective: plan, recipe });
  try {
    const made = await renderPicture({ stepper, objective: plan }, { recipe, signal, ...options });
    return { ...made, picture: made.pictures[0]! };
  } finally {
    await stepper.dispose();
  }
}

const mean = (scores: Float32Array) => scores.reduce((a, b) => a + b, 0) / scores.length;

describe("the objective rises", () => {
  test.each<Objective>([
    { kind: "channel", layer: "act", channel: 0 },
    { kind: "neuron", layer: "act", channel: 2, x: 5, y: 6 },
    { kind: "direction", layer: "act", vector: [1, -1, 0, 0.5] },
  ])("$kind", async (objective) => {
    const { scores, score } = await render(moving, convolutional, { objective });
    expect(scores).toHaveLength(moving.steps);
    expect(score).toBe(scores.at(-1));
    expect(mean(scores.slice(-8))).toBeGreaterThan(mean(scores.slice(0, 8)) + 0.2);
  });

  test("a dense layer [N, C] counts as a grid of one position", async () => {
    const dense = (b: GraphBuilder, image: Value) =>
      b.matmul(b.reshape(image, [1, 3 * SIZE * SIZE]), b.constant(normal([3 * SIZE * SIZE, 5], 0.1)));
    const { scores } = await render(still, dense);
    expect(scores.at(-1)!).toBeGreaterThan(scores[0]! + 1);
  });
});

test.each(["fourier", "pixel"] as const)("the %s parametrization can fit a photo", async (kind) => {
  // the layer is minus the squared distance to a picture of discs over a gradient
  const target = Float32Array.from({ length: 3 * SIZE * SIZE }, (_, i) => {
    const [c, y, x] = [Math.floor(i / SIZE ** 2), Math.floor(i / SIZE) % SIZE, i % SIZE];
    return Math.hypot(x - 10 - c, y - 12) < 8 ? 0.85 - 0.2 * c : 0.2 + (0.4 * y) / SIZE;
  });
  const distance = (b: GraphBuilder, image: Value) => {
    const error = b.sub(image, b.constant(f32(target, [1, 3, SIZE, SIZE])));
    return b.neg(b.mul(error, error));
  };
  const recipe: Recipe = { ...still, steps: 300, parametrization: kind === "pixel" ? { kind, sd: 0.01 } : still.parametrization };
  const { score, picture } = await render(recipe, distance, {
    objective: { kind: "direction", layer: "act", vector: [1, 1, 1] },
  });
  expect(Math.sqrt(-score / 3)).toBeLessThan(0.03);
  expect(picture.rgba[4 * (12 * SIZE + 10)]! / 255).toBeCloseTo(0.85, 1); // red, inside the disc
});

test("a unit that starts dead stays dead, and comes to life when the first steps are redirected", async () => {
  const kernel = normal([4, 3, 3, 3]);
  const sums = [0, 1, 2, 3].map((c) => (kernel.data as Float32Array).subarray(27 * c, 27 * (c + 1)).reduce((a, b) => a + b, 0));
  const bias = f32(
    Float32Array.from(sums, (sum) => -0.5 * sum - 1.5),
    [4],
  ); // middle grey lies well below zero
  const dead = (b: GraphBuilder, image: Value) =>
    b.relu(b.conv(image, b.constant(kernel), b.constant(bias), { ...CONV, pads: [0, 0, 0, 0] }));
  const dark = await render({ ...still, redirectSteps: 0 }, dead);
  expect(Math.max(...dark.scores)).toBe(0);
  const lit = await render({ ...still, redirectSteps: 16 }, dead);
  expect(lit.scores[0]).toBe(0);
  expect(lit.score).toBeGreaterThan(0.1);
});

describe("renderPicture", () => {
  test("the same seed gives the same picture, another seed another", async () => {
    const short = { ...moving, steps: 4 };
    const [a, b, c] = [
      await render(short, convolutional),
      await render(short, convolutional),
      await render({ ...short, seed: 2 }, convolutional),
    ];
    expect(b.scores).toEqual(a.scores);
    expect(b.picture.rgba).toEqual(a.picture.rgba);
    expect(c.picture.rgba).not.toEqual(a.picture.rgba);
  });

  test("reports every step in order, the first with a frame, and frames only now and then", async () => {
    const steps: number[] = [];
    const frames: number[] = [];
    await render({ ...moving, steps: 60 }, convolutional, {
      onStep: ({ step, frames: shown, stepsPerSecond }) => {
        steps.push(step);
        if (shown) frames.push(step);
        expect(shown?.[0]!.rgba.length ?? 4 * SIZE * SIZE).toBe(4 * SIZE * SIZE);
        expect(stepsPerSecond).toBeGreaterThan(0);
      },
    });
    expect(steps).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
    expect(frames[0]).toBe(1);
    expect(frames.length).toBeLessThan(60);
  });

  test("no frames when none are wanted", async () => {
    const frames: unknown[] = [];
    await render({ ...moving, steps: 3 }, convolutional, { previews: false, onStep: ({ frames: shown }) => frames.push(shown) });
    expect(frames).toEqual([null, null, null]);
  });

  test("stops between steps with the signal's reason", async () => {
    const stop = new AbortController();
    let last = 0;
    const work = render(
      { ...moving, steps: 1000 },
      convolutional,
      {
        onStep: ({ step }) => {
          last = step;
          if (step === 3) stop.abort(new Error("enough"));
        },
      },
      stop.signal,
    );
    await expect(work).rejects.toThrow("enough");
    expect(last).toBe(3);
  });

  test("hears a message that arrives while it works", async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("later")), 50);
    await expect(render({ ...moving, steps: 10_000 }, convolutional, {}, stop.signal)).rejects.toThrow("later");
  });

  test("a NaN names the step and the cure", async () => {
    const broken = (b: GraphBuilder, image: Value) => b.sqrt(b.sub(image, 2));
    await expect(render(moving, broken)).rejects.toThrow(
      "the objective became NaN at step 1 of 40. Lower the learning rate (now 0.05) or try another seed.",
    );
  });

  test("an objective that does not fit the layer is refused before the first step", async () => {
    const work = render(moving, convolutional, { objective: { kind: "channel", layer: "act", channel: 9 } });
    await expect(work).rejects.toBeInstanceOf(ObjectiveError);
  });
});

test("steppers are shared by seeds, steps, rates and units, and by nothing that is compiled in", () => {
  const keyOf = (o: Objective, recipe: Partial<Recipe> = {}) =>
    stepperKey(planObjective(o, recipe.batch ?? 1), { ...lucid, ...recipe });
  const key = keyOf(objective);
  const faster = { ...lucid.optimizer, learningRate: 0.1 };
  expect(keyOf(objective, { seed: 9, steps: 7, name: "mine", optimizer: faster, schedule: { kind: "linear", to: 0 } })).toBe(key);
  expect(keyOf({ kind: "neuron", layer: "act", channel: 3 })).toBe(key);
  for (const other of [{ size: 64 }, { transforms: [] }, { redirectSteps: 0 }, { color: "plain" as const }, { batch: 2 }])
    expect(keyOf(objective, other)).not.toBe(key);
  expect(keyOf({ kind: "channel", layer: "other", channel: 0 })).not.toBe(key);
});

test("a network that is not square gets its picture in its own shape", async () => {
  const b = new GraphBuilder();
  const image = b.input("image", "float32", [1, 3, 16, 40]);
  const wide = b.build("wide", [b.node("Mul", [convolutional(b, image), b.scalar(1)], {}, { outputNames: ["act"] })]);
  const plan = planObjective(objective, 1);
  const stepper = await compileStepper(runtime, wide, { objective: plan, recipe: moving });
  const { pictures, scores } = await renderPicture(
    { stepper, objective: plan },
    { recipe: moving, signal: new AbortController().signal },
  );
  const [picture] = pictures as [Picture];
  await stepper.dispose();
  expect(picture).toMatchObject({ width: 32, height: 13 });
  expect(picture.rgba.length).toBe(4 * 32 * 13);
  expect(mean(scores.slice(-5))).toBeGreaterThan(mean(scores.slice(0, 5)));
});
