/** Groups, dictionaries and decompositions: cases that can be checked by hand. */
import { describe, expect, test } from "vitest";
import { asTheyAre, channelOfY, network, probeOf } from "../../../test/attributionRig";
import { randomTensor, uniformTensor } from "../../../test/smallGraph";
import { f32 } from "../../onnx/tensor";
import { cellsOf, sumsOf } from "./cells";
import { decomposition } from "./decomposition";
import { groupsOf } from "./groups";
import { nmf } from "./nmf";
import { dictionaryAt, magnitudes, strongest, vectorAt } from "./positions";

/** Units 0 and 1 fire together on the left, 3 : 4; unit 2 alone on the right. */
const LAYER = Float32Array.from([3, 6, 0, 0, 4, 8, 0, 0, 0, 0, 5, 1]);
const SHAPE = [3, 4] as const;
const close = (list: ArrayLike<number>, expected: readonly number[], digits = 2): void =>
  Array.from(list).forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, digits));

describe("neuron groups", () => {
  test("what fires together is one group: its units of length 1, its places with the strength", async () => {
    const { factors, error } = await nmf(LAYER, SHAPE, { count: 2 });
    expect(error).toBeLessThan(1e-2);
    close(factors[0]!.channels, [0.6, 0.8, 0]);
    close(factors[0]!.positions, [5, 10, 0, 0], 1);
    close(factors[1]!.channels, [0, 0, 1]);
    close(factors[1]!.positions, [0, 0, 5, 1], 1);
  });

  test("one group of two is left with the smaller singular value: 26 of 151", async () => {
    const { factors, error } = await nmf(LAYER, SHAPE, { count: 1 });
    expect(error).toBeCloseTo(Math.sqrt(26 / 151), 3);
    close(factors[0]!.channels, [0.6, 0.8, 0]);
  });

  test("more updates never do worse; a seed gives the same groups again; silence has groups of nothing", async () => {
    const x = uniformTensor([12, 20], 5).data as Float32Array;
    const errors = await Promise.all(
      [1, 3, 10, 60].map(async (iterations) => (await nmf(x, [12, 20], { count: 3, iterations })).error),
    );
    expect(errors).toEqual([...errors].sort((a, b) => b - a));
    const of = (seed: number) => nmf(x, [12, 20], { count: 3, seed, iterations: 20 });
    expect(await of(4)).toEqual(await of(4));
    expect(await of(4)).not.toEqual(await of(5));
    const silent = await nmf(new Float32Array(12), SHAPE, { count: 2 });
    expect(silent.error).toBe(0);
    expect(silent.factors.every(({ positions }) => positions.every((v) => v === 0))).toBe(true);
  });

  test("it can be ended on its way", async () => {
    const stop = nmf(LAYER, SHAPE, {
      count: 2,
      onIteration: (done) => {
        if (done === 2) throw new Error("enough");
      },
    });
    await expect(stop).rejects.toThrow("enough");
  });

  test("what a group adds: its activations times the slopes; groups and rest are the whole", async () => {
    const slopes = Float32Array.from([1, 1, 9, 9, 0.5, 0.5, 9, 9, 9, 9, -2, -2]);
    const { groups, rest } = await groupsOf(LAYER, slopes, SHAPE, { count: 2 });
    expect(groups[0]!.adds).toBeCloseTo(9 + 6, 1);
    expect(groups[1]!.adds).toBeCloseTo(-12, 1);
    expect(rest + groups[0]!.adds + groups[1]!.adds).toBeCloseTo(3, 3);
    const below = LAYER.map((v) => -v);
    expect((await groupsOf(below, slopes, SHAPE, { count: 2 })).rest).toBeCloseTo(-3, 3);
  });
});

describe("one position", () => {
  test("its vector, its units by strength, how long it is", () => {
    expect([...vectorAt(LAYER, 4, 1)]).toEqual([6, 8, 0]);
    expect(dictionaryAt(LAYER, 4, 1, 5)).toEqual([
      { channel: 1, value: 8 },
      { channel: 0, value: 6 },
    ]);
    expect(dictionaryAt(LAYER, 4, 1, 1)).toHaveLength(1);
    expect([...magnitudes(LAYER, 4)]).toEqual([5, 10, 5, 1]);
    expect(strongest(Float32Array.from([-7, 1, 2]), 2).map(({ channel }) => channel)).toEqual([2, 1]);
  });
});

describe("an activation grid", () => {
  test("blocks of positions: mean vectors, sizes by the longest, sums of values", () => {
    // Two units on a grid of 2 x 3: columns 0 and 1 are one block.
    const activations = Float32Array.from([3, 1, 6, 2, 2, 0, 0, 4, 8, 0, 0, 1]);
    const cells = cellsOf(activations, [2, 3], 2);
    expect([cells.rows, cells.columns, [...cells.cellOf]]).toEqual([2, 2, [0, 0, 1, 2, 2, 3]]);
    expect(cells.vectors.map((vector) => [...vector])).toEqual([
      [2, 2],
      [6, 8],
      [2, 0],
      [0, 1],
    ]);
    expect(cells.sizes[1]).toBe(1);
    expect(cells.sizes[2]).toBeCloseTo(0.2, 6);
    expect([...sumsOf(Float32Array.from([1, 2, 3, 4, 5, 6]), cells)]).toEqual([3, 3, 9, 6]);
    expect(cellsOf(activations, [2, 3], 9)).toMatchObject({ rows: 2, columns: 3 });
    expect(cellsOf(new Float32Array(4), [1, 2], 2).sizes).toEqual([0, 0]);
  });
});

describe("a score as a sum over units", () => {
  test("the weightiest whatever their sign, the others together, and what is left", () => {
    const { parts, others, rest, exact } = decomposition(Float32Array.from([1, -5, 3, 0.5]), 2, 2.5, 2);
    expect(parts).toEqual([
      { channel: 1, value: -5 },
      { channel: 2, value: 3 },
    ]);
    expect(others).toEqual({ value: 1.5, count: 2 });
    expect([rest, exact]).toEqual([0, true]);
    expect(decomposition(Float32Array.from([1, 1]), 4, 1, 2)).toMatchObject({ rest: 1, exact: false });
  });

  test("behind a mean and a dense layer it is exact: mean activation times weight, and the bias", async () => {
    const W = randomTensor([5, 3, 3, 3], 1, 0.4);
    const V = randomTensor([5, 4], 2);
    const bias = [0.5, -1, 2, 0.25];
    const head = (last: string[]) =>
      network(
        [8, 8],
        [
          { op: "Conv", inputs: ["x", "W"], outputs: ["c"], attrs: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] } },
          { op: "Relu", inputs: ["c"], outputs: ["a"] },
          { op: "GlobalAveragePool", inputs: ["a"], outputs: ["m"] },
          { op: "Flatten", inputs: ["m"], outputs: ["f"], attrs: { axis: 1 } },
          { op: "Gemm", inputs: ["f", "V", "b"], outputs: [last.length ? "z" : "y"] },
          ...last.map((op) => ({ op, inputs: ["z"], outputs: ["y"] })),
        ],
        { W, V, b: f32(bias) },
      );
    const picture = uniformTensor([1, 3, 8, 8], 3);
    const found = async (last: string[]) => {
      const probe = probeOf(head(last), channelOfY(2), asTheyAre([8, 8]));
      const { activations, gradients, scores } = await probe.layer(picture, "a");
      const A = activations.data as Float32Array;
      const [silent] = await probe.scoresFrom(f32(new Float32Array(A.length), activations.shape), picture, "a");
      const sums = (of: (i: number) => number) =>
        Float32Array.from({ length: 5 }, (_, c) => Array.from({ length: 64 }, (_, p) => of(c * 64 + p)).reduce((a, b) => a + b));
      const units = sums((i) => A[i]! * Number(gradients.data[i]));
      return { means: sums((i) => A[i]! / 64), units, silent, parts: decomposition(units, scores[0]!, silent!, 5) };
    };
    const linear = await found([]);
    expect(linear.silent).toBeCloseTo(2, 5);
    close(
      linear.units,
      Array.from(linear.means, (mean, c) => mean * Number(V.data[c * 4 + 2])),
      4,
    );
    expect(linear.parts.exact).toBe(true);
    expect((await found(["Sigmoid"])).parts.exact).toBe(false);
  });
});
