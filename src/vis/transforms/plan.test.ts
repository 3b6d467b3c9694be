import { describe, expect, test } from "vitest";
import { runModelBytes } from "../../../test/runGraph";
import { randomTensor } from "../../../test/smallGraph";
import { appendGradient } from "../../autodiff/gradient";
import { lower, type Target } from "../../autodiff/lower";
import { rules } from "../../autodiff/rules";
import { GraphBuilder } from "../../onnx/builder";
import type { Tensor } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import { writeModel } from "../../onnx/write";
import { seeded } from "../random";
import type { Transform } from "../recipe";
import { lucid } from "../recipes";
import { drawTransforms, emitTransforms, planTransforms, stillTransforms, transformedSize, type TransformPlan } from "./plan";
import { warpLowerings, warpRules } from "./warp";

const SIZE = 12;

interface Case {
  transforms: Transform[];
  batch?: number;
  network?: readonly [number, number];
  backend?: Target;
}
const planOf = ({ transforms, batch = 1, network }: Case): TransformPlan => {
  const side = transformedSize(SIZE, transforms);
  return planTransforms(transforms, { size: SIZE, network: network ?? [side, side], batch });
};
const streams = (batch: number, seed: number) => Array.from({ length: batch }, (_, i) => seeded(seed + i, "transforms"));

/** Y = T(X), and dX = T'(dY), by what is fed. */
async function forwardAndAdjoint(c: Case, fed: Record<string, Tensor>, X: Tensor, dY?: Tensor) {
  const plan = planOf(c);
  const b = new GraphBuilder();
  const picture = b.input("X", "float32", X.shape);
  const inputs = Object.fromEntries(plan.inputs.map(({ name, shape }) => [name, b.input(name, "float32", shape)]));
  const emitted = emitTransforms(b, picture, plan, inputs);
  const Y = b.node("Identity", [emitted], {}, { outputNames: ["Y"] });
  const cotangent = b.input("dY", "float32", Y.shape);
  const grad = appendGradient(b, { of: Y, wrt: picture, cotangent, rules: { ...rules, ...warpRules } });
  const dX = b.node("Identity", [grad], {}, { outputNames: ["dX"] });
  const graph = lower(b.build("transforms", [Y, dX]), c.backend ?? "wasm", warpLowerings);
  const out = await runModelBytes(writeModel(graph), { ...fed, X, dY: dY ?? f32(1, Y.shape) });
  return { Y: out.Y!, dX: out.dX! };
}

const dot = (a: Tensor, b: Tensor) => Array.from(a.data as Float32Array).reduce((sum, v, i) => sum + v * Number(b.data[i]), 0);
const norm = (a: Tensor) => Math.sqrt(dot(a, a));
const minus = (a: Tensor, b: Tensor) => f32((a.data as Float32Array).map((v, i) => v - Number(b.data[i])), a.shape); // prettier-ignore

/** The list is affine in the picture: <T X - T 0, dY> = <X, T' dY>, whatever was drawn. */
async function checkAdjoint(c: Case, seed: number): Promise<void> {
  const plan = planOf(c);
  const batch = c.batch ?? 1;
  const fed = drawTransforms(plan, streams(batch, seed), { step: 2, steps: 4 });
  for (const { name, shape } of plan.inputs) expect(fed[name]!.shape, name).toEqual(shape);
  const X = randomTensor([batch, 3, SIZE, SIZE], seed);
  const zero = await forwardAndAdjoint(c, fed, f32(0, X.shape));
  const dY = randomTensor(zero.Y.shape, seed + 1);
  const { Y, dX } = await forwardAndAdjoint(c, fed, X, dY);
  const error = Math.abs(dot(minus(Y, zero.Y), dY) - dot(X, dX)) / (norm(X) * norm(dY));
  expect(error, JSON.stringify(c)).toBeLessThan(1e-5);
}

const pad: Transform = { kind: "pad", pixels: 2, value: 0.25 };
const jitter: Transform = { kind: "jitter", pixels: 3 };
const scale: Transform = { kind: "scale", factors: [0.8, 1.3] };
const rotate: Transform = { kind: "rotate", degrees: [-20, 35] };
const flip: Transform = { kind: "flip" };
const crops: Transform = { kind: "crops", count: 3, pixels: 10, from: 0.6, to: 0.2, centreSd: 0.15, sizeSd: 0.05 };
const blur: Transform = { kind: "blur", sigmas: [0.7, 1.5] };
const noise: Transform = { kind: "noise", sd: 0.1, uniform: 0.05 };
const lists: Record<string, Transform[]> = {
  nothing: [],
  pad: [pad],
  jitter: [jitter],
  scale: [scale],
  rotate: [rotate],
  flip: [flip],
  crops: [crops],
  blur: [blur],
  noise: [noise],
  "Lucid's": lucid.transforms,
  "MACO's": [crops, noise],
  "maps on both sides of a blur": [pad, jitter, blur, scale, rotate],
  "crops of a turned picture": [pad, rotate, crops],
  "crops, blurred, turned one by one": [crops, blur, rotate],
  everything: [pad, flip, jitter, blur, crops, noise, scale],
};

describe.each(Object.entries(lists))("%s: the gradient is the exact adjoint", (_, transforms) => {
  test.each(["wasm", "webgpu"] as const)("in the %s form", async (backend) => checkAdjoint({ transforms, backend }, 3));
  test("for a batch, each picture with draws of its own", async () => checkAdjoint({ transforms, batch: 3 }, 5));
  test("for a network of another size", async () => {
    await checkAdjoint({ transforms, network: [20, 20] }, 7);
    await checkAdjoint({ transforms, network: [15, 22], backend: "webgpu" }, 8);
  });
});

describe("by hand", () => {
  const pictureOf = (f: (c: number, y: number, x: number) => number): Tensor =>
    f32(Float32Array.from({ length: 3 * SIZE * SIZE }, (_, i) => f(Math.floor(i / SIZE ** 2), Math.floor(i / SIZE) % SIZE, i % SIZE)), [1, 3, SIZE, SIZE]); // prettier-ignore
  const ramp = pictureOf((c, y, x) => (100 * c + 10 * y + x) / 400);
  const closest = (a: Tensor, b: Tensor) => Math.max(...Array.from(minus(a, b).data as Float32Array, Math.abs));

  test("a flip mirrors left and right, every other time", async () => {
    const mirrored = pictureOf((c, y, x) => (100 * c + 10 * y + (SIZE - 1 - x)) / 400);
    const plan = planOf({ transforms: [flip] });
    const random = streams(1, 1);
    const seen = { as: 0, mirrored: 0 };
    for (let t = 1; t <= 12; t++) {
      const { Y } = await forwardAndAdjoint({ transforms: [flip] }, drawTransforms(plan, random, { step: t, steps: 12 }), ramp);
      if (closest(Y, ramp) < 1e-6) seen.as++;
      else if (closest(Y, mirrored) < 1e-6) seen.mirrored++;
    }
    expect(seen.as + seen.mirrored).toBe(12);
    expect(seen.mirrored).toBeGreaterThan(1);
    expect(seen.as).toBeGreaterThan(1);
  });

  test("with nothing drawn every list shows the picture: centred, sharp, and each crop all of it", async () => {
    const transforms = [pad, jitter, blur, { ...crops, pixels: SIZE + 1 }, noise, scale, rotate] as Transform[];
    const { Y } = await forwardAndAdjoint({ transforms }, stillTransforms(planOf({ transforms })), ramp);
    expect(Y.shape).toEqual([3, 3, SIZE + 1, SIZE + 1]); // the pad's 4 more and the jitter's 3 less
    // 13 pixels show the middle 13 of the padded 16: half a pixel of pad on each side, so the middle lies between two pixels' centres
    const at = (copy: number, y: number, x: number) => Number(Y.data[((copy * 3 + 1) * 13 + y) * 13 + x]);
    for (const copy of [0, 1, 2]) expect(at(copy, 6, 6)).toBeCloseTo((100 + 10 * 5.5 + 5.5) / 400, 4);
  });

  test("a crop of the whole picture at its own size is the picture", async () => {
    const whole: Transform = { ...crops, count: 2, pixels: SIZE, from: 1, to: 1, centreSd: 0, sizeSd: 0 } as Transform;
    const plan = planOf({ transforms: [whole] });
    const { Y } = await forwardAndAdjoint(
      { transforms: [whole] },
      drawTransforms(plan, streams(1, 1), { step: 1, steps: 9 }),
      ramp,
    );
    expect(Y.shape).toEqual([2, 3, SIZE, SIZE]);
    const half = Y.data.length / 2;
    for (const copy of [0, 1])
      expect(closest(f32((Y.data as Float32Array).slice(copy * half, (copy + 1) * half), ramp.shape), ramp)).toBeLessThan(1e-6);
  });

  test("crops shrink evenly from the first step to the last, and lie about the centre", () => {
    const steady = { ...crops, count: 64, sizeSd: 0.05 } as Extract<Transform, { kind: "crops" }>;
    const plan = planOf({ transforms: [steady] });
    const side = (step: number): number => {
      const [axes] = Object.values(drawTransforms(plan, streams(1, 1), { step, steps: 5 })) as [Tensor];
      const steps = Array.from({ length: 64 }, (_, i) => Number(axes.data[4 * i]));
      return (steps.reduce((sum, v) => sum + v, 0) / 64) * (steady.pixels / SIZE); // share of the picture
    };
    expect([1, 3, 5].map(side)).toEqual([0.6, 0.4, 0.2].map((v) => expect.closeTo(v, 2) as number));
    const [axes] = Object.values(drawTransforms(plan, streams(1, 2), { step: 1, steps: 5 })) as [Tensor];
    const shifts = Array.from({ length: 64 }, (_, i) => Number(axes.data[4 * i + 1]) / SIZE);
    expect(Math.abs(shifts.reduce((a, b) => a + b, 0) / 64)).toBeLessThan(0.06);
    expect(Math.sqrt(shifts.reduce((a, b) => a + b * b, 0) / 64)).toBeCloseTo(0.15, 1);
  });

  test("the blur of one bright pixel is the kernel, and flat stays flat up to the border", async () => {
    const sigma = 1.5;
    const transforms: Transform[] = [{ kind: "blur", sigmas: [sigma] }];
    const fed = drawTransforms(planOf({ transforms }), streams(1, 1), { step: 1, steps: 1 });
    const { Y } = await forwardAndAdjoint(
      { transforms },
      fed,
      pictureOf((c, y, x) => Number(c === 1 && y === 5 && x === 6)),
    );
    const row = (i: number): number => {
      const bell = Array.from({ length: SIZE }, (_, k) => Math.exp(-((i - k) ** 2) / (2 * sigma ** 2)));
      return 1 / bell.reduce((a, b) => a + b, 0);
    };
    for (const [y, x] of [
      [5, 6],
      [5, 8],
      [3, 7],
      [0, 0],
    ] as const) {
      const expected = row(y) * row(x) * Math.exp(-((y - 5) ** 2 + (x - 6) ** 2) / (2 * sigma ** 2));
      expect(Y.data[(SIZE + y) * SIZE + x]).toBeCloseTo(expected, 6);
      expect(Y.data[y * SIZE + x]).toBe(0); // another colour
    }
    const flat = await forwardAndAdjoint(
      { transforms },
      fed,
      pictureOf(() => 0.7),
    );
    for (const v of flat.Y.data as Float32Array) expect(v).toBeCloseTo(0.7, 5);
  });

  test("noise has the deviation that it should, differs from step to step, and not from run to run", () => {
    const transforms: Transform[] = [{ kind: "noise", sd: 0.08, uniform: 0.08 }];
    const plan = planTransforms(transforms, { size: 96, network: [96, 96], batch: 2 });
    const random = streams(2, 4);
    const draw = () => drawTransforms(plan, random, { step: 1, steps: 2 })["transform.0.noise"]!.data as Float32Array;
    const [first, second] = [draw(), draw()];
    const [again] = [drawTransforms(plan, streams(2, 4), { step: 1, steps: 2 })["transform.0.noise"]!.data as Float32Array];
    expect(again).toEqual(first);
    const correlation = (a: Float32Array, b: Float32Array) =>
      a.reduce((sum, v, i) => sum + v * b[i]!, 0) /
      Math.sqrt(a.reduce((s, v) => s + v * v, 0) * b.reduce((s, v) => s + v * v, 0));
    expect(Math.abs(correlation(first, second))).toBeLessThan(0.05);
    const half = first.length / 2;
    expect(Math.abs(correlation(first.slice(0, half), first.slice(half)))).toBeLessThan(0.05);
    const deviation = Math.sqrt(first.reduce((sum, v) => sum + v * v, 0) / first.length);
    expect(deviation).toBeCloseTo(Math.sqrt(0.08 ** 2 + 0.08 ** 2 / 12), 3);
  });
});

test("a picture of a batch draws what it would draw alone", () => {
  for (const transforms of Object.values(lists)) {
    const at = { step: 1, steps: 3 };
    const both = drawTransforms(planOf({ transforms, batch: 2 }), [seeded(1, "x"), seeded(2, "x")], at);
    const second = drawTransforms(planOf({ transforms }), [seeded(2, "x")], at);
    for (const [name, { data }] of Object.entries(second)) {
      const all = both[name]!.data as Float32Array;
      expect(all.slice(all.length / 2), name).toEqual(data);
    }
  }
});
