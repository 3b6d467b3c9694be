import { describe, expect, test } from "vitest";
import { runGraph } from "../../../test/runGraph";
import { randomTensor } from "../../../test/smallGraph";
import { appendGradient } from "../../autodiff/gradient";
import { rules } from "../../autodiff/rules";
import { lower } from "../../autodiff/lower";
import { GraphBuilder } from "../../onnx/builder";
import type { Tensor } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import { stepLowerings } from "../stepGraph";
import { emitObjective, feedsOf, planObjective } from "./program";
import { INPUT_LAYER, type ShapeOf } from "./term";
import type { Objective } from "./types";

const [N, C, H, W, S] = [3, 4, 3, 5, 6];
const P = H * W;
const layer = "act";

interface World {
  act: Tensor; // [N, C, H * W]
  other: Tensor; // [N, 2, 1]
  picture: Tensor; // [N, 3, S, S]
  alpha: Tensor; // [N, 1, S, S]
  target: Tensor; // [N, C, H * W]
}
const uniform = (t: Tensor): Tensor => f32((t.data as Float32Array).map((v) => 1 / (1 + Math.exp(-2 * v))), t.shape); // prettier-ignore
const world = (seed: number): World => ({
  act: randomTensor([N, C, P], seed),
  other: randomTensor([N, 2, 1], seed + 1),
  picture: uniform(randomTensor([N, 3, S, S], seed + 2)),
  alpha: uniform(randomTensor([N, 1, S, S], seed + 3)),
  target: randomTensor([N, C, P], seed + 4),
});
const shapes: ShapeOf = (name) =>
  name === layer
    ? { channels: C, height: H, width: W, copies: 1 }
    : name === "other"
      ? { channels: 2, height: 1, width: 1, copies: 1 }
      : { channels: 3, height: S, width: S, copies: 1 };

/** The objective of every picture, and its sum's gradient by the activation and by the picture. */
async function valueAndGradient(objective: Objective, w: World, batch = N) {
  const plan = planObjective(objective, batch);
  const b = new GraphBuilder();
  const input = (name: keyof World) => b.input(name, "float32", [batch, ...w[name].shape.slice(1)]);
  const values = { act: input("act"), other: input("other"), picture: input("picture"), alpha: input("alpha") };
  const target = input("target");
  const acts = { [layer]: values.act, other: values.other, [INPUT_LAYER]: b.reshape(values.picture, [batch, 3, S * S]) };
  const context = { b, batch, picture: values.picture, alpha: values.alpha, act: (name: string) => acts[name as typeof layer] };
  const score = emitObjective(context, plan, shapes, () => target);
  const ones = b.expand(b.scalar(1), score.shape);
  const by = (name: "act" | "picture") =>
    appendGradient(b, { of: score, wrt: values[name], cotangent: ones, rules: { ...rules, Detach: "stops" } });
  const outputs = [score, by("act"), by("picture")].map((v, i) => b.node("Identity", [v], {}, { outputNames: [`out${i}`] }));
  const out = await runGraph(lower(b.build("objective", outputs), "wasm", stepLowerings), {
    ...feedsOf(plan, shapes),
    ...Object.fromEntries(Object.entries(w).map(([name, t]) => [name, head(t as Tensor, batch)])),
  });
  return { score: out.out0!, act: out.out1!, picture: out.out2! };
}

const head = (t: Tensor, n: number): Tensor =>
  f32((t.data as Float32Array).slice(0, (n * t.data.length) / t.shape[0]!), [n, ...t.shape.slice(1)]);
const rowsOf = (t: Tensor, n: number): number[] => {
  const each = t.data.length / t.shape[0]!;
  return Array.from((t.data as Float32Array | Float64Array).subarray(n * each, (n + 1) * each));
};
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const dot = (a: readonly number[], b: readonly number[]): number => sum(a.map((v, i) => v * b[i]!));
const length = (a: readonly number[]): number => Math.sqrt(dot(a, a));
const at = (w: World, n: number, c: number, p: number): number => rowsOf(w.act, n)[c * P + p]!;
const column = (w: World, n: number, p: number): number[] => Array.from({ length: C }, (_, c) => at(w, n, c, p));
const positions = Array.from({ length: P }, (_, p) => p);
const mean = (values: readonly number[]): number => sum(values) / values.length;

const vector = [1, -0.5, 0.25, 2];
const cosineOf = (a: readonly number[], b: readonly number[]): number => dot(a, b) / (length(a) * length(b));
const floored = (cosine: number, power: number): number => Math.max(0.1, cosine) ** power;
const gram = (w: World, n: number): number[] =>
  Array.from({ length: C * C }, (_, i) => sum(positions.map((p) => at(w, n, Math.floor(i / C), p) * at(w, n, i % C, p))));
const difference = (w: World, n: number, axis: "x" | "y"): number => {
  const pixels = rowsOf(w.picture, n);
  const differences = pixels.flatMap((v, i) => {
    const [x, y] = [i % S, Math.floor(i / S) % S];
    if (axis === "x") return x + 1 < S ? [Math.abs(pixels[i + 1]! - v)] : [];
    return y + 1 < S ? [Math.abs(pixels[i + S]! - v)] : [];
  });
  return mean(differences);
};
const tensor = Array.from({ length: C * 2 * 3 }, (_, i) => Math.sin(i + 1));
const [top, left] = [Math.floor((H - 2) / 2), Math.floor((W - 3) / 2)];
const covered = (w: World, n: number): number[] =>
  tensor.map((_, i) => at(w, n, Math.floor(i / 6), (top + (Math.floor(i / 3) % 2)) * W + left + (i % 3)));

/** The definitions, in plain numbers: of picture n of the batch. */
const cases: [Objective, (w: World, n: number) => number][] = [
  [{ kind: "channel", layer, channel: 2 }, (w, n) => mean(positions.map((p) => at(w, n, 2, p)))],
  [{ kind: "neuron", layer, channel: 1 }, (w, n) => at(w, n, 1, 1 * W + 2)],
  [{ kind: "neuron", layer, channel: 1, x: 4, y: 0 }, (w, n) => at(w, n, 1, 4)],
  [{ kind: "direction", layer, vector }, (w, n) => mean(positions.map((p) => dot(column(w, n, p), vector)))],
  [{ kind: "direction", layer, vector, x: 0, y: 2 }, (w, n) => dot(column(w, n, 2 * W), vector)],
  [
    { kind: "direction", layer, vector, cosinePower: 2 },
    (w, n) => mean(positions.map((p) => dot(column(w, n, p), vector) * floored(cosineOf(column(w, n, p), vector), 2))),
  ],
  [{ kind: "tensor", layer, tensor, shape: [C, 2, 3] }, (w, n) => dot(covered(w, n), tensor)],
  [
    { kind: "tensor", layer, tensor, shape: [C, 2, 3], cosinePower: 1.5 },
    (w, n) => dot(covered(w, n), tensor) * floored(cosineOf(covered(w, n), tensor), 1.5),
  ],
  [
    { kind: "group", layer, vector, x: 1, y: 1, width: 2, height: 2 },
    (w, n) => mean([6, 7, 11, 12].map((p) => dot(column(w, n, p), vector))),
  ],
  [
    { kind: "painting", layer, channel: 3, mask: positions.map((p) => Number(p === 3 || p === 9)), grid: [H, W] },
    (w, n) => mean([at(w, n, 3, 3), at(w, n, 3, 9)]),
  ],
  [{ kind: "deepdream", layer }, (w, n) => mean(rowsOf(w.act, n).map((v) => v * v))],
  [
    { kind: "inversion", layer, picture: "photo" },
    (w, n) => {
      const [a, t] = [rowsOf(w.act, n), rowsOf(w.target, n)];
      return -sum(a.map((v, i) => (v - t[i]!) ** 2)) / dot(t, t);
    },
  ],
  [
    { kind: "caricature", layer, picture: "photo", cosinePower: 2 },
    (w, n) => {
      const [a, t] = [rowsOf(w.act, n), rowsOf(w.target, n)];
      return (dot(a, t) / length(t)) * floored(cosineOf(a, t), 2);
    },
  ],
  [
    { kind: "diversity", layer },
    (w, n) => sum([0, 1, 2].filter((m) => m !== n).map((m) => cosineOf(gram(w, n), gram(w, m)))) / 2,
  ],
  [
    { kind: "alignment", layer },
    (w, n) =>
      -sum(
        [0, 1, 2]
          .filter((m) => m !== n)
          .map((m) => mean(rowsOf(w.act, n).map((v, i) => (v - rowsOf(w.act, m)[i]!) ** 2)) / 2 / 2 ** Math.abs(m - n)),
      ),
  ],
  [{ kind: "totalVariation" }, (w, n) => difference(w, n, "x") + difference(w, n, "y")],
  [{ kind: "l1", towards: 0.25 }, (w, n) => mean(rowsOf(w.picture, n).map((v) => Math.abs(v - 0.25)))],
  [{ kind: "l2" }, (w, n) => Math.sqrt(mean(rowsOf(w.picture, n).map((v) => (v - 0.5) ** 2)))],
  [{ kind: "opacity" }, (w, n) => mean(rowsOf(w.alpha, n))],
  [{ kind: "constant", value: 3 }, () => 3],
  [
    {
      kind: "sum",
      of: [
        { kind: "channel", layer, channel: 0 },
        { kind: "scale", by: -2, of: { kind: "totalVariation" } },
      ],
    },
    (w, n) => mean(positions.map((p) => at(w, n, 0, p))) - 2 * (difference(w, n, "x") + difference(w, n, "y")),
  ],
  [
    {
      kind: "product",
      of: [
        { kind: "channel", layer, channel: 0 },
        { kind: "neuron", layer: "other", channel: 1 },
      ],
    },
    (w, n) => mean(positions.map((p) => at(w, n, 0, p))) * rowsOf(w.other, n)[1]!,
  ],
  [
    // two structures in one batch: the layers differ
    {
      kind: "each",
      of: [
        { kind: "channel", layer, channel: 1 },
        { kind: "channel", layer: "other", channel: 0 },
      ],
    },
    (w, n) => (n % 2 ? rowsOf(w.other, n)[0]! : mean(positions.map((p) => at(w, n, 1, p)))),
  ],
  [
    { kind: "interpolate", from: { kind: "channel", layer, channel: 0 }, to: { kind: "channel", layer, channel: 3 } },
    (w, n) => mean(positions.map((p) => (1 - n / 2) * at(w, n, 0, p) + (n / 2) * at(w, n, 3, p))),
  ],
];

describe.each(cases.map(([objective, define]) => ({ kind: objective.kind, objective, define })))(
  "$kind",
  ({ objective, define }) => {
    test("is what its definition says, for every picture", async () => {
      const w = world(1);
      const { score } = await valueAndGradient(objective, w);
      expect(score.shape).toEqual([N]);
      for (let n = 0; n < N; n++) expect(score.data[n]).toBeCloseTo(define(w, n), 4);
    });

    test("its gradient is that of its definition", async () => {
      const w = world(11);
      const { act, picture } = await valueAndGradient(objective, w);
      const total = (v: World): number => define(v, 0) + define(v, 1) + define(v, 2);
      for (const [name, gradient] of [
        ["act", act],
        ["picture", picture],
      ] as const) {
        const along = randomTensor(w[name].shape, 5).data as Float32Array;
        const eps = 1e-4;
        const moved = (sign: number): World => ({
          ...w,
          [name]: { ...w[name], data: Float64Array.from(w[name].data as Float32Array, (v, i) => v + sign * eps * along[i]!) },
        });
        const slope = (total(moved(1)) - total(moved(-1))) / (2 * eps);
        const claimed = dot(Array.from(gradient.data as Float32Array), Array.from(along));
        expect(Math.abs(claimed - slope)).toBeLessThan(2e-3 * (1 + Math.abs(slope)));
      }
    });
  },
);

describe("penalties without a closed form", () => {
  test("blur each step: plain ascent by -k of it is a blend of the blurred picture", async () => {
    const w = world(3);
    const { picture } = await valueAndGradient({ kind: "scale", by: -1, of: { kind: "blurEachStep" } }, w);
    // picture + 1 x gradient = the blurred picture: each pixel the mean of its 3 x 3, the outer eight at half weight
    const pixels = rowsOf(w.picture, 1);
    const [y, x] = [2, 3];
    let [total, weights] = [0, 0];
    for (const j of [-1, 0, 1])
      for (const i of [-1, 0, 1]) {
        const weight = i === 0 && j === 0 ? 1 : 0.5;
        total += weight * pixels[(y + j) * S + x + i]!;
        weights += weight;
      }
    expect(pixels[y * S + x]! + rowsOf(picture, 1)[y * S + x]!).toBeCloseTo(total / weights, 5);
  });

  test("boundary: nothing inside counts, and a grey border costs nothing", async () => {
    const w = world(4);
    const grey = f32((w.picture.data as Float32Array).map((v, i) => (inside(i) ? v : 0.5)), w.picture.shape); // prettier-ignore
    function inside(i: number): boolean {
      return [i % S, Math.floor(i / S) % S].every((k) => k >= 2 && k < S - 2);
    }
    const { picture } = await valueAndGradient({ kind: "boundary", width: 1, color: 0.5 }, w);
    const far = rowsOf(picture, 0)[3 * S + 3]!; // within the blur's reach of no border pixel
    expect(rowsOf(picture, 0)[0]).not.toBe(0);
    expect(Number.isFinite(far)).toBe(true);
    const flat = f32(new Float32Array(w.picture.data.length).fill(0.5), w.picture.shape);
    const { score } = await valueAndGradient({ kind: "boundary", width: 1, color: 0.5 }, { ...w, picture: flat });
    const { score: some } = await valueAndGradient({ kind: "boundary", width: 1, color: 0.5 }, { ...w, picture: grey });
    for (let n = 0; n < N; n++) {
      expect(score.data[n]).toBeCloseTo(0, 6);
      expect(Number(some.data[n])).toBeLessThan(0.05);
    }
  });
});

describe("plans", () => {
  const channel = (c: number, l = layer): Objective => ({ kind: "channel", layer: l, channel: c });

  test("units of one layer share a structure, whatever linear form they are", () => {
    const structures = [
      channel(1),
      { kind: "neuron", layer, channel: 2 } as const,
      { kind: "direction", layer, vector } as const,
      { kind: "each", of: [channel(0), channel(3)] } as const,
    ].map((o) => planObjective(o as Objective, 2).structure);
    expect(new Set(structures).size).toBe(1);
    expect(planObjective(channel(1, "other"), 2).structure).not.toBe(structures[0]);
    expect(planObjective(channel(1), 1).structure).not.toBe(structures[0]);
  });

  test("weights are numbers that are fed: changing them keeps the structure", () => {
    const joint = (by: number): Objective => ({ kind: "sum", of: [channel(1), { kind: "scale", by, of: { kind: "l1" } }] });
    expect(planObjective(joint(-3), 1).structure).toBe(planObjective(joint(0.5), 1).structure);
  });

  test("says which layers and pictures it needs, and whether the batch hangs together", () => {
    const plan = planObjective(
      {
        kind: "sum",
        of: [
          channel(1),
          { kind: "inversion", layer: "other", picture: "photo" },
          { kind: "inversion", layer: INPUT_LAYER, picture: "sky" },
        ],
      },
      2,
    );
    expect(plan.layers).toEqual([layer, "other"]);
    expect(plan.targets.map(({ layer: of, pictures }) => [of, pictures])).toEqual([
      ["other", ["photo", "photo"]],
      [INPUT_LAYER, ["sky", "sky"]],
    ]);
    expect(plan.coupled).toBe(false);
    expect(planObjective({ kind: "diversity", layer }, 2).coupled).toBe(true);
  });

  test.each<[Objective, string]>([
    [{ kind: "class", class: "cat" }, `class "cat" has not been looked up in the model's labels.`],
    [{ kind: "sum", of: [] }, `"sum" must list at least one objective.`],
    [{ kind: "dream" } as unknown as Objective, 'objective kind "dream" is not known; use channel, neuron'],
  ])("%j is refused", (objective, message) => expect(() => planObjective(objective, 1)).toThrow(message));

  test.each<[Objective, string]>([
    [
      { kind: "diversity", layer },
      `"diversity" compares the pictures of a batch, but the recipe's batch is 1; make it 2 or more.`,
    ],
    [{ kind: "tensor", layer, tensor: [1], shape: [C, 1, 1] }, "the tensor has 1 numbers, but its shape [4, 1, 1] needs 4."],
    [
      { kind: "tensor", layer, tensor: new Array<number>(C * 16).fill(1), shape: [C, 4, 4] },
      'the tensor\'s shape is [4, 4, 4], but layer "act" is [4, 3, 5] at this size',
    ],
    [{ kind: "painting", layer, channel: 0, mask: [0, 0], grid: [1, 2] }, 'the painted mask for layer "act" is empty'],
    [
      { kind: "painting", layer, channel: 0, mask: [1], grid: [1, 2] },
      "the painted mask has 1 numbers, but its grid is 2 x 1 = 2.",
    ],
  ])("%j does not fit", async (objective, message) => expect(valueAndGradient(objective, world(1), 1)).rejects.toThrow(message));

  test("a painted mask on another grid is resampled: each position takes what lies over it", () => {
    const feeds = feedsOf(planObjective({ kind: "painting", layer, channel: 0, mask: [1, 0], grid: [1, 2] }, 1), shapes);
    const mask = Array.from(Object.values(feeds)[1]!.data as Float32Array);
    // five columns over two cells: two whole ones, half of the third
    expect(mask.slice(0, W).map((v) => v * 2.5 * H)).toEqual([1, 1, 0.5, 0, 0].map((v) => expect.closeTo(v, 5) as number));
    expect(sum(mask)).toBeCloseTo(1, 5);
  });
});
