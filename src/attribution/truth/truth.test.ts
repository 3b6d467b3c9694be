/** Is a map true? Asked of functions whose true map is known: the probe is plain arithmetic. */
import { describe, expect, test } from "vitest";
import { smallGraph, randomTensor } from "../../../test/smallGraph";
import type { Tensor } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import { seeded } from "../../vis/random";
import { integratedGradients } from "../integratedGradients";
import type { MethodContext, Probe } from "../probe";
import { area, deletion, insertion } from "./curves";
import { infidelity } from "./infidelity";
import { maxSensitivity } from "./maxSensitivity";
import { orderOf } from "./order";
import { randomisedFromTop, weightedNodes } from "./randomised";
import { edgeMap, randomMap } from "./rivals";
import { imputed, road } from "./road";
import { rankCorrelation, ssim } from "./similarity";

const SIDE = 16;
const PLANE = SIDE * SIDE;
const random = seeded(3, "truth");
const weights = Float32Array.from({ length: 3 * PLANE }, () => random.normal());
const picture = f32(Float32Array.from({ length: 3 * PLANE }, () => random.uniform()), [1, 3, SIDE, SIDE]); // prettier-ignore

/** f(x) = weights . x + 2 */
const unused = (): never => {
  throw new Error("not asked here");
};
const probe: Probe = {
  size: [SIDE, SIDE],
  mean: [0.5, 0.5, 0.5],
  batch: 4,
  scores: ({ data, shape }) =>
    Promise.resolve(
      Float32Array.from({ length: shape[0]! }, (_, n) =>
        weights.reduce((sum, w, k) => sum + w * (data as Float32Array)[n * weights.length + k]!, 2),
      ),
    ),
  async gradients(pictures) {
    const gradients = Float32Array.from({ length: pictures.data.length }, (_, k) => weights[k % weights.length]!);
    return { scores: await probe.scores(pictures), gradients: f32(gradients, pictures.shape) };
  },
  layer: unused,
  scoresFrom: unused,
  slopesFrom: unused,
};
const context: MethodContext = { probe, picture, pictures: {} };
const black = { kind: "black" } as const;
/** What every number of the picture adds, above black. */
const truth = f32(weights.map((w, k) => w * (picture.data as Float32Array)[k]!), [3, SIDE, SIDE]); // prettier-ignore
const negated = (map: Tensor): Tensor => f32((map.data as Float32Array).map((v) => -v), map.shape); // prettier-ignore

describe("insertion and deletion", () => {
  test("the true order is above every other under insertion, below under deletion", async () => {
    const maps = [truth, randomMap([SIDE, SIDE]), negated(truth)];
    const inserted = await Promise.all(maps.map((map) => insertion(context, map, { steps: 16, baseline: black })));
    const deleted = await Promise.all(maps.map((map) => deletion(context, map, { steps: 16, baseline: black })));
    const [best, chance, worst] = inserted.map((curve) => curve.auc) as [number, number, number];
    expect(best).toBeGreaterThan(chance + 5);
    expect(chance).toBeGreaterThan(worst + 5);
    const [low, middle, high] = deleted.map((curve) => curve.auc) as [number, number, number];
    expect(low).toBeLessThan(middle - 5);
    expect(middle).toBeLessThan(high - 5);
  });

  test("curves run between the empty and the whole picture, and are the sums of the ordered shares", async () => {
    const [score] = (await probe.scores(picture)) as unknown as [number];
    const { scores, shares, auc } = await insertion(context, truth, { steps: 4, baseline: black });
    expect(Array.from(shares)).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect(scores[0]).toBeCloseTo(2, 4);
    expect(scores[4]).toBeCloseTo(score, 3);
    const byPixel = Array.from({ length: PLANE }, (_, i) => [0, 1, 2].reduce((s, c) => s + (truth.data as Float32Array)[c * PLANE + i]!, 0)); // prettier-ignore
    const quarter = byPixel.sort((a, b) => b - a).slice(0, PLANE / 4);
    expect(scores[1]).toBeCloseTo(
      quarter.reduce((a, b) => a + b, 2),
      3,
    );
    expect(auc).toBeCloseTo(area(scores), 5);
    const removed = await deletion(context, negated(truth), { steps: 4, baseline: black });
    expect(removed.scores[3]).toBeCloseTo(scores[1]!, 3);
  });

  test("normalised is 1/2 for a straight line and null for a picture that scores no higher than nothing", async () => {
    const line: Probe = { ...probe, scores: async ({ data, shape }) => Float32Array.from({ length: shape[0]! }, (_, n) => (data as Float32Array).subarray(n * 3 * PLANE, (n + 1) * 3 * PLANE).reduce((a, b) => a + b, 7)) }; // prettier-ignore
    const white = f32(new Float32Array(3 * PLANE).fill(1), [1, 3, SIDE, SIDE]);
    const options = { steps: 8, baseline: black };
    const curve = await insertion({ probe: line, picture: white, pictures: {} }, randomMap([SIDE, SIDE]), options);
    expect(curve.normalised).toBeCloseTo(0.5, 5);
    const empty = f32(new Float32Array(3 * PLANE), [1, 3, SIDE, SIDE]);
    expect((await insertion({ probe: line, picture: empty, pictures: {} }, truth, options)).normalised).toBeNull();
  });

  test("an aborted signal is heard, and progress ends at its end", async () => {
    const stop = new AbortController();
    stop.abort(new Error("enough"));
    await expect(insertion({ ...context, signal: stop.signal }, truth)).rejects.toThrow("enough");
    const heard: number[] = [];
    await insertion({ ...context, onProgress: (done, of) => heard.push(done / of) }, truth, { steps: 20 });
    expect(heard.at(-1)).toBe(1);
  });

  test("equal pixels come in no order of their place", () => {
    const order = orderOf(f32(new Float32Array(PLANE), [SIDE, SIDE]));
    expect(Array.from(order).sort((a, b) => a - b)).toEqual(Array.from({ length: PLANE }, (_, i) => i));
    const mean = order.subarray(0, PLANE / 4).reduce((a, b) => a + b, 0) / (PLANE / 4);
    expect(Math.abs(mean - PLANE / 2)).toBeLessThan(PLANE / 8);
  });
});

describe("rivals", () => {
  test("Sobel's slope of a ramp is eight times its step inside, and none is seen in one colour", () => {
    const ramp = f32(Float32Array.from({ length: 3 * PLANE }, (_, i) => (i % SIDE) / 100), [1, 3, SIDE, SIDE]); // prettier-ignore
    const { data, shape } = edgeMap(ramp);
    expect(shape).toEqual([SIDE, SIDE]);
    expect(data[5 * SIDE + 5]).toBeCloseTo(0.08, 5);
    expect(data[5 * SIDE]).toBeCloseTo(0.04, 5);
    const plain = edgeMap(f32(new Float32Array(3 * PLANE).fill(0.3), [1, 3, SIDE, SIDE])).data as Float32Array;
    expect(Math.max(...plain)).toBeLessThan(1e-6);
  });
});

describe("similarity", () => {
  const other = randomMap([SIDE, SIDE], 9);
  test("a map is like itself, whatever its scale, and unlike noise", () => {
    const scaled = f32((truth.data as Float32Array).map((v) => 3 * v + 1), truth.shape); // prettier-ignore
    expect(ssim(truth, scaled)).toBeCloseTo(1, 3);
    expect(rankCorrelation(truth, scaled)).toBeCloseTo(1, 4);
    expect(rankCorrelation(truth, negated(truth))).toBeCloseTo(-1, 6);
    expect(ssim(truth, other)).toBeLessThan(0.3);
    expect(Math.abs(rankCorrelation(truth, other))).toBeLessThan(0.2);
  });

  test("signs are left out when asked, ties share a rank, flat maps tell nothing", () => {
    expect(rankCorrelation(truth, negated(truth), { absolute: true })).toBeCloseTo(1, 6);
    expect(ssim(truth, negated(truth), { absolute: true })).toBeCloseTo(1, 5);
    // ranks 1.5 1.5 3 4 and 1 2 3 4: 4.5 / sqrt(4.5 * 5)
    expect(rankCorrelation(f32([1, 1, 2, 3], [2, 2]), f32([1, 2, 3, 4], [2, 2]))).toBeCloseTo(Math.sqrt(0.9), 6);
    expect(rankCorrelation(f32([1, 1, 1, 1], [2, 2]), f32([1, 2, 3, 4], [2, 2]))).toBe(0);
    expect(() => ssim(truth, f32([1, 2, 3, 4], [2, 2]))).toThrow("16 x 16 and 2 x 2");
  });
});

describe("ROAD", () => {
  test("missing pixels continue a plane exactly inside, take the only colour there is, and leave the others alone", () => {
    const slope = Float32Array.from({ length: PLANE }, (_, i) => (i % SIDE) / 20 + Math.floor(i / SIDE) / 40);
    const hole = Uint32Array.from(slope.keys()).filter((i) => {
      const [y, x] = [Math.floor(i / SIDE), i % SIDE];
      return y > 3 && y < 11 && x > 2 && x < 9;
    });
    const holed = slope.slice();
    hole.forEach((i) => (holed[i] = 9));
    const filled = imputed(holed, [SIDE, SIDE], hole);
    expect(Math.max(...filled.map((v, i) => Math.abs(v - slope[i]!)))).toBeLessThan(1e-4);
    const one = new Float32Array(PLANE);
    one[PLANE - 1] = 0.7;
    const most = Uint32Array.from({ length: PLANE - 1 }, (_, i) => i);
    expect(Math.max(...imputed(one, [SIDE, SIDE], most).map((v) => Math.abs(v - 0.7)))).toBeLessThan(1e-3);
  });

  test("the true map of a linear function is far above chance and its opposite as far below; shares are checked", async () => {
    const slopes = f32(weights.map((w, k) => w * ((picture.data as Float32Array)[k]! - 0.5)), [3, SIDE, SIDE]); // prettier-ignore
    const [good, chance, bad] = await Promise.all(
      [slopes, randomMap([SIDE, SIDE], 4), negated(slopes)].map((map) => road(context, map)),
    );
    expect(good!.score).toBeGreaterThan(Math.abs(chance!.score) + 5);
    expect(bad!.score).toBeLessThan(-Math.abs(chance!.score) - 5);
    expect(await road(context, slopes)).toEqual(good);
    await expect(road(context, slopes, { shares: [1] })).rejects.toThrow("takes 256 of 256 pixels");
  });
});

describe("infidelity and max-sensitivity", () => {
  test("integrated gradients on a linear function are faithful to the last digit, other maps are not", async () => {
    const { map } = await integratedGradients(context, { name: "integratedGradients", points: 20, baseline: black });
    const exact = await infidelity(context, map);
    expect(exact.infidelity).toBeLessThan(1e-6);
    expect(exact.scaled).toBeLessThan(1e-6);
    const doubled = await infidelity(context, f32((truth.data as Float32Array).map((v) => 2 * v), truth.shape)); // prettier-ignore
    expect(doubled.infidelity).toBeGreaterThan(1);
    expect(doubled.scaled).toBeLessThan(1e-6);
    const chance = await infidelity(context, f32(Float32Array.from({ length: PLANE }, () => random.normal()), [SIDE, SIDE])); // prettier-ignore
    expect(chance.scaled).toBeGreaterThan(0.5);
    expect((await infidelity(context, f32(new Float32Array(PLANE), [SIDE, SIDE]))).scaled).toBe(1);
  });

  test("a gradient that is the same everywhere has no sensitivity; the picture itself has its change over its size", async () => {
    expect(await maxSensitivity(() => Promise.resolve(truth), picture)).toBe(0);
    const most = await maxSensitivity((near) => Promise.resolve(near), picture, { radius: 0.02 });
    const size = Math.sqrt((picture.data as Float32Array).reduce((s, v) => s + v * v, 0));
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual((0.02 * Math.sqrt(3 * PLANE)) / size);
    expect(await maxSensitivity((near) => Promise.resolve(near), picture, { radius: 0.04 })).toBeCloseTo(2 * most, 4);
  });
});

describe("weights randomised from the top", () => {
  const graph = smallGraph({
    inputs: { x: [1, 3] },
    nodes: [
      { op: "MatMul", inputs: ["x", "low"], outputs: ["h"] },
      { op: "Relu", inputs: ["h"], outputs: ["r"] },
      { op: "Gemm", inputs: ["r", "high", "bias"], outputs: ["y"] },
    ],
    outputs: ["y"],
    constants: { low: randomTensor([3, 500], 1), high: randomTensor([500, 4], 2, 0.1), bias: f32([0, 0, 0, 0]) },
  });
  const numbersOf = (g: typeof graph, name: string) => g.constants.get(name)!.data as Float32Array;
  const deviation = (data: Float32Array) => Math.sqrt(data.reduce((s, v) => s + v * v, 0) / data.length);

  test("the top goes first, what is below and the graph that was handed in stay, sizes are kept", () => {
    expect(weightedNodes(graph).map((node) => node.op)).toEqual(["Gemm", "MatMul"]);
    const before = numbersOf(graph, "high").slice();
    const top = randomisedFromTop(graph, 1);
    expect(numbersOf(top, "low")).toBe(numbersOf(graph, "low"));
    expect(numbersOf(top, "high")).not.toEqual(before);
    expect(numbersOf(graph, "high")).toEqual(before);
    expect(deviation(numbersOf(top, "high")) / deviation(before)).toBeCloseTo(1, 1);
    expect(Array.from(numbersOf(top, "bias"), Math.abs)).toEqual([0, 0, 0, 0]);
  });

  test("a cascade goes on from where it was, another seed is another", () => {
    const [one, two] = [randomisedFromTop(graph, 1, 5), randomisedFromTop(graph, 2, 5)];
    expect(numbersOf(two, "high")).toEqual(numbersOf(one, "high"));
    expect(numbersOf(two, "low")).not.toEqual(numbersOf(one, "low"));
    expect(numbersOf(randomisedFromTop(graph, 1, 6), "high")).not.toEqual(numbersOf(one, "high"));
    expect(randomisedFromTop(graph, 0).constants).toEqual(graph.constants);
    expect(() => randomisedFromTop(graph, 3)).toThrow('"small" has 2 layers');
  });
});

describe("weights that are kept smaller", () => {
  test("int8 weights are drawn as int8 of the same size, and keep their scales; a weight that is decoded is found", () => {
    const q = {
      dtype: "int8",
      shape: [64, 64],
      data: Int8Array.from({ length: 4096 }, (_, i) => ((i * 37) % 101) - 50),
    } as const;
    const graph = smallGraph({
      inputs: { x: [1, 64] },
      nodes: [
        { op: "DequantizeLinear", inputs: ["q", "scale", "zero"], outputs: ["w"], attrs: { axis: 1 } },
        { op: "MatMul", inputs: ["x", "w"], outputs: ["y"] },
      ],
      outputs: ["y"],
      constants: {
        q,
        scale: f32(Array<number>(64).fill(0.02), [64]),
        zero: { dtype: "int8", shape: [64], data: new Int8Array(64) },
      },
    });
    expect(weightedNodes(graph).map(({ op }) => op)).toEqual(["MatMul"]);
    const drawn = randomisedFromTop(graph, 1).constants;
    const [before, after] = [q.data, drawn.get("q")!.data as Int8Array];
    const size = (data: Int8Array): number => Math.sqrt(data.reduce((sum, v) => sum + v * v, 0) / data.length);
    expect(after).toBeInstanceOf(Int8Array);
    expect(size(after) / size(before)).toBeCloseTo(1, 1);
    expect(after.filter((v, i) => v === before[i]).length).toBeLessThan(200);
    expect(drawn.get("scale")).toBe(graph.constants.get("scale"));
  });
});
