/** Expanded weights against impulses sent through the network, and against what small networks must have. */
import { describe, expect, test } from "vitest";
import { runGraph } from "../../test/runGraph";
import { GraphBuilder } from "../onnx/builder";
import type { StaticGraph, Value } from "../onnx/graph";
import { f32 } from "../onnx/tensor";
import { seeded } from "../vis/random";
import { BoundsFinder } from "./bounds";
import { COTANGENT, cotangentOf, expansion, GRADIENT, kernelsOf } from "./expand";
import { correlationsOf, cosinesOf, nearestUnits, strongestInputs } from "./inputs";
import { linearPart } from "./linearPart";

const random = seeded(5, "weights");
const conv = (k: number, pad = 0) => ({
  kernel_shape: [k, k],
  pads: [pad, pad, pad, pad],
  strides: [1, 1],
  dilations: [1, 1],
  group: 1,
});
const pool = { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [1, 1], ceil_mode: 0 };
const SIDE = 11;

/** A network from x [1, 4, 11, 11] to y; `x` is a value of its own, after a first layer, so that there is something before it. */
function net(build: (b: GraphBuilder, x: Value, w: (...shape: number[]) => Value) => Value): StaticGraph {
  const b = new GraphBuilder();
  const w = (...shape: number[]): Value =>
    b.constant(f32(Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => random.normal()), shape)); // prettier-ignore
  const image = b.input("image", "float32", [1, 3, SIDE, SIDE]);
  const x = b.node("Conv", [image, w(4, 3, 1, 1)], conv(1), { outputNames: ["x"] });
  const y = b.node("Identity", [build(b, x, w)], {}, { outputNames: ["y"] });
  return b.build("net", [y]);
}

/** Every unit's kernels [C', C, kh, kw] by the gradient. */
async function expanded(model: StaticGraph) {
  const made = expansion(model, { from: "x", to: "y" });
  const rows: number[][] = [];
  for (let unit = 0; unit < made.to.channels; unit++) {
    const { [GRADIENT]: grad } = await runGraph(made.graph, { [COTANGENT]: cotangentOf(made, [unit]) });
    rows.push([...kernelsOf(made, grad!.data as Float32Array, 1)]);
  }
  return { made, rows };
}

/** The same by sending an impulse from each unit and place of the window through the linear part, and looking at the centre. */
async function byImpulses({ made }: Awaited<ReturnType<typeof expanded>>, model: StaticGraph) {
  const { graph } = linearPart(model, { from: "x", to: "y" });
  const { left, right, top, bottom } = made.window;
  const answer = async (at: number | null) => {
    const data = new Float32Array(4 * SIDE * SIDE);
    if (at !== null) data[at] = 1;
    const out = (await runGraph(graph, { x: f32(data, [1, 4, SIDE, SIDE]) }))[graph.outputs[0]!]!.data as Float32Array;
    const [height, width] = made.to.grid;
    return Array.from({ length: made.to.channels }, (_, c) => out[(c * height + made.position[0]) * width + made.position[1]]!);
  };
  const silent = await answer(null);
  const rows: number[][] = silent.map(() => []);
  for (let c = 0; c < 4; c++)
    for (let row = top; row < bottom; row++)
      for (let column = left; column < right; column++)
        (await answer((c * SIDE + row) * SIDE + column)).forEach((v, unit) => rows[unit]!.push(v - silent[unit]!));
  return rows;
}

describe("expanded weights", () => {
  test("one convolution: its own weights, exactly", async () => {
    let W!: Value;
    const model = net((b, x, w) => b.conv(x, (W = w(2, 4, 3, 3)), w(2), conv(3, 1)));
    const { made, rows } = await expanded(model);
    expect(made).toMatchObject({ approximations: [], bypassed: false, window: { left: 4, right: 7, top: 4, bottom: 7 } });
    expect(rows.flat()).toEqual([...(model.constants.get(W.name)!.data as Float32Array)]);
  });

  test("an inception block: reduction, convolution, pooled branch, rectifiers, joined", async () => {
    const model = net((b, x, w) => {
      const reduced = b.relu(b.conv(x, w(3, 4, 1, 1), w(3), conv(1)));
      const wide = b.relu(b.conv(reduced, w(2, 3, 3, 3), w(2), conv(3, 1)));
      const pooled = b.conv(b.node("MaxPool", [x], pool), w(1, 4, 1, 1), null, conv(1));
      return b.concat([wide, pooled], 1);
    });
    const found = await expanded(model);
    expect(found.made.approximations.map(({ kind, op }) => `${kind} ${op}`).sort()).toEqual([
      "pool MaxPool",
      "rectifier Relu",
      "rectifier Relu",
    ]);
    expect(found.made.approximations.find(({ kind }) => kind === "pool")!.says).toBe(
      "the largest of 3 x 3 taken as their average",
    );
    const impulses = await byImpulses(found, model);
    found.rows.forEach((row, unit) => row.forEach((v, i) => expect(v).toBeCloseTo(impulses[unit]![i]!, 4)));
    expect(found.rows[0]).toHaveLength(4 * 9);
    const pooled = found.rows[2]!;
    for (let c = 0; c < 4; c++) expect(new Set(pooled.slice(c * 9, c * 9 + 9).map((v) => v.toFixed(5))).size).toBe(1);
  });

  test("gates stand open: a swish is the identity, squeeze and excite 1, LRN its divisor at rest", async () => {
    const plain = (b: GraphBuilder, x: Value, w: Value) => b.conv(x, w, null, conv(1));
    let W!: Value;
    const model = net((b, x, w) => {
      const y = plain(b, x, (W = w(2, 4, 1, 1)));
      const swish = b.mul(b.mul(y, b.node("Clip", [b.add(y, 3), b.scalar(0), b.scalar(6)])), 1 / 6);
      const excited = b.mul(swish, b.sigmoid(b.reduceMean(swish, [2, 3])));
      const energy = b.add(b.mul(b.mul(excited, excited), 1e-4), 4);
      return b.mul(excited, b.pow(energy, -0.5));
    });
    const { made, rows } = await expanded(model);
    expect(made.approximations.map(({ kind, says }) => [kind, /held at ([\d.]+)/.exec(says)![1]])).toEqual([
      ["gate", "6"],
      ["gate", "1"],
      ["gate", "0.5"],
    ]);
    const weights = model.constants.get(W.name)!.data as Float32Array;
    rows.flat().forEach((v, i) => expect(v).toBeCloseTo(0.5 * weights[i]!, 5));
  });

  test("a way around is noted", async () => {
    const model = net((b, x, w) => b.add(b.conv(x, w(3, 4, 1, 1), null, conv(1)), b.value("image")));
    expect((await expanded(model)).made).toMatchObject({ bypassed: true, approximations: [] });
  });

  test("what has no linear part is refused by name", () => {
    const norm = net((b, x) => b.div(x, b.reduceMean(b.mul(x, x), [1])));
    expect(() => linearPart(norm, { from: "x", to: "y" })).toThrow(
      /Div "Div": it has no linear part, so no weights lead through it/,
    );
    const attention = net((b, x) => b.mul(x, b.node("Transpose", [x], { perm: [0, 1, 3, 2] })));
    expect(() => linearPart(attention, { from: "x", to: "y" })).toThrow("neither of them bounded");
    expect(() => linearPart(norm, { from: "y", to: "x" })).toThrow('"x" does not depend on "y"');
  });
});

describe("bounds", () => {
  test("through the ops of gates", () => {
    const b = new GraphBuilder();
    const x = b.input("x", "float32", [1, 2, 4, 4]);
    const of = (value: Value) => new BoundsFinder(b.build("bounds", [value])).of(value.name);
    expect(of(b.relu(x))).toEqual([0, Infinity]);
    expect(of(b.mul(b.sigmoid(x), -3))).toEqual([-3, 0]);
    expect(of(b.add(b.mul(x, x), 1))).toEqual([1, Infinity]);
    expect(of(b.pow(b.add(b.mul(x, x), 4), -0.5))).toEqual([0, 0.5]);
    expect(of(b.node("Clip", [x, b.scalar(0), b.scalar(6)]))).toEqual([0, 6]);
    expect(of(b.concat([b.sigmoid(x), b.node("Tanh", [x])], 1))).toEqual([-1, 1]);
  });
});

describe("ranking", () => {
  const weights = Float32Array.of(1, 1, 0, 0, -5, 1, 2, -2); // 4 inputs of kernels [1, 2]
  const order = (by: "excitation" | "inhibition" | "norm", typical?: number[]) =>
    strongestInputs(weights, 4, { by, count: 9, typical }).map(({ channel }) => channel);
  test("excitation, inhibition and norm; what has none is left out; typical answers weigh", () => {
    expect([order("excitation"), order("inhibition"), order("norm")]).toEqual([
      [0, 3, 2],
      [2, 3],
      [2, 3, 0],
    ]);
    expect(order("norm", [100, 1, 1, 1])).toEqual([0, 2, 3]);
    expect(strongestInputs(weights, 4, { by: "inhibition", count: 1 })[0]).toEqual({
      channel: 2, kernel: Float32Array.of(-5, 1), excitation: 1, inhibition: -5, norm: Math.sqrt(26),
    }); // prettier-ignore
  });

  test("alike by weights and by answers", () => {
    const products = Float32Array.of(4, -2, 0, -2, 1, 0, 0, 0, 0);
    expect([...cosinesOf(products, 3)]).toEqual([1, -1, 0, -1, 1, 0, 0, 0, 0]);
    const answers = Float32Array.from([0, 1, 2, 3].flatMap((n) => [n, 10 + 2 * n, -n, 7]));
    const alike = correlationsOf(answers, 4);
    expect(nearestUnits(alike, 4, 0, 3).map(({ channel, alike: r }) => [channel, Number(r.toFixed(5))])).toEqual([
      [1, 1],
      [3, 0],
      [2, -1],
    ]);
  });
});
