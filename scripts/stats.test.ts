/** The statistics of a tiny network, held to what the engine measures; and the numbers of one unit, by hand. */
import { describe, expect, test } from "vitest";
import { quantilesOf, readStats, unitStats } from "../src/api/stats";
import { measure } from "../src/engine/measure";
import { nodeRuntime } from "../src/engine/ortNode";
import { readModel } from "../src/onnx/read";
import { testPictures } from "../src/vis/testPictures";
import { LAYER, tinyCard, tinyModel } from "../test/tinyModel";
import { layerStats, responsesOf, unitOf } from "./responses";
import { statsOf } from "./stats";

const runtime = nodeRuntime(1);
const card = { ...tinyCard, layers: [{ name: LAYER, title: "out", significant: true }] };
const graph = readModel(tinyModel(), "tiny");
const photos = testPictures([32, 32]);

describe("statsOf", () => {
  test("says of every channel what the engine measures, photo by photo", async () => {
    const stats = await statsOf(runtime, { card, graph, sha256: "a".repeat(64) }, { photos, of: "drawings" });
    const read = readStats(JSON.parse(JSON.stringify(stats)), "tiny");
    expect(read.photos).toEqual({ count: photos.length, of: "drawings", size: [32, 32] });
    expect(read.layers).toHaveLength(1);
    for (const channel of [0, 5, 11]) {
      const { preprocessing } = card;
      const objective = { kind: "channel", layer: LAYER, channel } as const;
      const { scores } = await measure(runtime, { graph, preprocessing, objective, pictures: photos });
      const expected = quantilesOf([...scores]);
      const { quantiles } = unitStats(read, { names: [LAYER], channel, response: "mean" })!;
      const digit = Math.max(...expected.map(Math.abs)) / 100;
      for (const [i, value] of expected.entries()) expect(Math.abs(quantiles[i]! - value)).toBeLessThanOrEqual(digit / 2 + 1e-6);
      const most = unitStats(read, { names: [LAYER], channel, response: "max" })!;
      expect(most.quantiles[6]).toBeGreaterThan(quantiles[6]);
    }
  });
  test("other weights change the answers", async () => {
    const before = await responsesOf(runtime, { graph, card, photos });
    const after = await responsesOf(runtime, { graph: readModel(tinyModel(1.1), "tiny"), card, photos });
    const { mean, max } = layerStats(before[0]!, after[0]!);
    expect(Math.min(...mean.difference.map(Number))).toBeGreaterThan(5);
    expect(Math.max(...max!.lost.map(Number))).toBeLessThan(200);
  });
});

describe("one unit", () => {
  test("quantiles lie between the two nearest", () => {
    expect(quantilesOf([20, 0, 10])).toEqual([0, 1, 5, 10, 15, 19, 20]);
    expect(quantilesOf([3])).toEqual([3, 3, 3, 3, 3, 3, 3]);
  });
  test("a shift keeps the order of photos, in standard deviations of the responses", () => {
    const { int8 } = unitOf([0, 2, 4, 6], [1, 3, 5, 7]);
    expect(int8).toEqual({ correlation: expect.closeTo(1), difference: expect.closeTo(1 / Math.sqrt(5)) });
    expect(unitOf([0, 1, 2], [2, 1, 0]).int8?.correlation).toBeCloseTo(-1);
  });
  test("one that answers alike to all photos has nothing to compare", () => {
    expect(unitOf([1, 1, 1], [2, 2, 2]).int8).toBeNull();
    expect(unitOf([0, 0, 0], [0, 0, 0])).toEqual({ quantiles: [0, 0, 0, 0, 0, 0, 0], int8: null });
  });
});
