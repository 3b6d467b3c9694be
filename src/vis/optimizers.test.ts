import { describe, expect, test } from "vitest";
import { runModelBytes } from "../../test/runGraph";
import { randomTensor } from "../../test/smallGraph";
import { lower } from "../autodiff/lower";
import { GraphBuilder } from "../onnx/builder";
import type { Tensor, Value } from "../onnx/graph";
import { f32 } from "../onnx/tensor";
import { writeModel } from "../onnx/write";
import { emitAscent, optimizerState, rateCount, ratesOf, scheduled } from "./optimizers";
import type { Optimizer, Schedule } from "./recipe";

const SHAPE = [2, 3, 4];
const HALF = 12;
const STEPS = 6;
const ADAM: Optimizer = { kind: "adam", learningRate: 0.05, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
const NADAM: Optimizer = { ...ADAM, kind: "nadam", learningRate: 1, epsilon: 1e-7 };
const CONSTANT: Schedule = { kind: "constant" };

/** A step as a graph of its own: theta, g and the state in, theta' and state' out. */
function program(optimizer: Optimizer, shape = SHAPE): Uint8Array {
  const b = new GraphBuilder();
  const theta = b.input("theta", "float32", shape);
  const g = b.input("g", "float32", shape);
  const rates = b.input("rates", "float32", [rateCount(optimizer)]);
  const state = Object.fromEntries(optimizerState(optimizer).map((name) => [name, b.input(name, "float32", shape)]));
  const next = emitAscent(b, optimizer, { theta, state, g, rates });
  const named = (value: Value, name: string) => b.node("Identity", [value], {}, { outputNames: [`${name}'`] });
  const outputs = [named(next.theta, "theta"), ...Object.entries(next.state).map(([name, value]) => named(value, name))];
  return writeModel(lower(b.build("ascent", outputs), "wasm"));
}

/** Several steps in ORT, each along the next of `gradients`; theta after each. */
async function climb(optimizer: Optimizer, schedule: Schedule, gradients: readonly Tensor[], start: Tensor): Promise<number[][]> {
  const bytes = program(optimizer, [...start.shape]);
  let feeds: Record<string, Tensor> = {
    theta: start,
    ...Object.fromEntries(optimizerState(optimizer).map((name) => [name, f32(0, start.shape)])),
  };
  const path: number[][] = [];
  for (const [i, g] of gradients.entries()) {
    const rates = ratesOf({ optimizer, schedule, steps: gradients.length }, i + 1);
    const out = await runModelBytes(bytes, { ...feeds, g, rates: f32(rates, [rates.length]) });
    feeds = Object.fromEntries(Object.keys(feeds).map((name) => [name, out[`${name}'`]!]));
    path.push(Array.from(feeds.theta!.data as Float32Array));
  }
  return path;
}

const start = randomTensor(SHAPE, 1);
const gradients = Array.from({ length: STEPS }, (_, i) => randomTensor(SHAPE, 10 + i, 0.1 + i));
const doubles = (tensor: Tensor) => Array.from(tensor.data as Float32Array);

/** Where climb should be after its last step, if every number of theta moves by itself. */
function alone(of: (g: number, t: number) => number, i: number): number {
  return gradients.reduce((theta, g, t) => theta + of(doubles(g)[i]!, t + 1), doubles(start)[i]!);
}

describe("the optimizers, over several steps, against double precision", () => {
  test.each<Schedule>([CONSTANT, { kind: "cosine", to: 0.1 }])(
    "Adam as the paper's algorithm 1 with epsilon hat, %j",
    async (schedule) => {
      const path = await climb(ADAM, schedule, gradients, start);
      path.at(-1)!.forEach((theta, i) => {
        let [m, v] = [0, 0];
        const expected = alone((g, t) => {
          m = 0.9 * m + 0.1 * g;
          v = 0.999 * v + 0.001 * g * g;
          const rate = (0.05 * scheduled(schedule, t, STEPS) * Math.sqrt(1 - 0.999 ** t)) / (1 - 0.9 ** t);
          return (rate * m) / (Math.sqrt(v) + 1e-8);
        }, i);
        expect(theta).toBeCloseTo(expected, 5);
      });
    },
  );

  test("NAdam as Keras computes it: momentum schedule, its running product, both bias corrections", async () => {
    const path = await climb(NADAM, CONSTANT, gradients, start);
    path.at(-1)!.forEach((theta, i) => {
      let [m, v, product] = [0, 0, 1];
      const expected = alone((g, t) => {
        const [u, uNext] = [0.9 * (1 - 0.5 * 0.96 ** t), 0.9 * (1 - 0.5 * 0.96 ** (t + 1))];
        product *= u;
        m += (g - m) * (1 - 0.9);
        v += (g * g - v) * (1 - 0.999);
        const mHat = (uNext * m) / (1 - product * uNext) + ((1 - u) * g) / (1 - product);
        return mHat / (Math.sqrt(v / (1 - 0.999 ** t)) + 1e-7);
      }, i);
      expect(theta).toBeCloseTo(expected, 4);
    });
  });

  test.each([0, 0.9])("SGD along the gradient over its root mean square, picture by picture, momentum %d", async (momentum) => {
    const path = await climb({ kind: "sgd", learningRate: 0.1, momentum }, { kind: "linear", to: 0 }, gradients, start);
    const theta = doubles(start);
    const m = theta.map(() => 0);
    for (const [t, tensor] of gradients.entries()) {
      const g = doubles(tensor);
      g.forEach((_, i) => {
        const own = g.slice(i < HALF ? 0 : HALF, i < HALF ? HALF : undefined);
        const rms = Math.sqrt(own.reduce((sum, x) => sum + x * x, 0) / HALF);
        m[i] = momentum * m[i]! + g[i]! / rms;
        theta[i]! += 0.1 * (1 - t / (STEPS - 1)) * m[i]!;
      });
    }
    path.at(-1)!.forEach((value, i) => expect(value).toBeCloseTo(theta[i]!, 5));
  });
});

describe("by hand", () => {
  test("the first step of Adam, and of NAdam, goes by about the learning rate, whatever the gradient's size", async () => {
    const g = f32([1e-3, -50], [2]);
    const [adam] = await climb(ADAM, CONSTANT, [g], f32(0, [2]));
    expect(adam![0]).toBeCloseTo(0.05, 4);
    expect(adam![1]).toBeCloseTo(-0.05, 4);
    // u(1) = .468, u(2) = .48528: .48528 * .1 / (1 - .468 * .48528) + (1 - .468) / (1 - .468)
    const [nadam] = await climb(NADAM, CONSTANT, [g], f32(0, [2]));
    expect(nadam![1]).toBeCloseTo(-1.06278, 4);
  });

  test("a picture without gradient stays where it is, and is no NaN", async () => {
    const g = f32([0, 0, 3, -3], [2, 2]);
    expect(await climb({ kind: "sgd", learningRate: 0.5, momentum: 0.5 }, CONSTANT, [g], f32(1, [2, 2]))).toEqual([
      [1, 1, 1.5, 0.5],
    ]);
  });

  test("plain SGD keeps no state, the others what they need", () => {
    expect(optimizerState({ kind: "sgd", learningRate: 1, momentum: 0 })).toEqual([]);
    expect(optimizerState({ kind: "sgd", learningRate: 1, momentum: 0.9 })).toEqual(["m"]);
    expect(optimizerState(ADAM)).toEqual(["m", "v"]);
    expect(optimizerState(NADAM)).toEqual(["m", "v"]);
  });

  test("Adam's rate is TensorFlow's: lr sqrt(1 - b2^t) / (1 - b1^t)", () => {
    const rate = (t: number) => ratesOf({ optimizer: ADAM, schedule: CONSTANT, steps: 100_000 }, t);
    expect(rate(1)).toEqual(Float32Array.of((0.05 * Math.sqrt(1 - 0.999)) / (1 - 0.9)));
    expect(rate(100_000)[0]).toBeCloseTo(0.05, 8);
  });
});

test.each<[Schedule, number, number[]]>([
  [{ kind: "constant" }, 5, [1, 1, 1, 1, 1]],
  [{ kind: "linear", to: 0.2 }, 5, [1, 0.8, 0.6, 0.4, 0.2]],
  [{ kind: "linear", to: 3 }, 3, [1, 2, 3]],
  [{ kind: "cosine", to: 0 }, 5, [1, 0.5 + Math.SQRT1_2 / 2, 0.5, 0.5 - Math.SQRT1_2 / 2, 0]],
  [{ kind: "cosine", to: 0.5 }, 3, [1, 0.75, 0.5]],
  [{ kind: "warmup", warmup: 4, to: 0.1 }, 6, [0.25, 0.5, 0.75, 1, 0.55, 0.1]],
  [{ kind: "warmup", warmup: 0, to: 0 }, 3, [1, 0.5, 0]],
  [{ kind: "warmup", warmup: 4, to: 0 }, 2, [0.25, 0.5]],
  [{ kind: "cosine", to: 0 }, 1, [1]],
])("schedule %j over %i steps", (schedule, steps, expected) => {
  expected.forEach((factor, i) => expect(scheduled(schedule, i + 1, steps)).toBeCloseTo(factor, 12));
});
