/** Whether a map is true, through the engine: every measure, progress, maps that know nothing, weights drawn anew. */
import { describe, expect, test } from "vitest";
import { LAYER, tinyCard, tinyModel } from "../../test/tinyModel";
import type { AttributionRequest } from "../api/attribution";
import type { Picture, Progress } from "../api/engine";
import { Engine } from "./engine";
import { nodeRuntime } from "./ortNode";

const picture: Picture = {
  width: 32,
  height: 32,
  rgba: Uint8ClampedArray.from({ length: 4 * 32 * 32 }, (_, i) => (i * 7919) % 256),
};
const request: AttributionRequest = {
  weights: "tiny",
  card: tinyCard,
  picture,
  target: { kind: "unit", layer: LAYER, channel: 3, x: 4, y: 4 },
  method: { name: "occlusion", patch: 4, stride: 2 },
  device: "auto",
};
const engine = new Engine({
  readWeights: async () => tinyModel(),
  readLabels: async () => "",
  device: async () => ({ backend: "wasm", label: "WASM", reason: null }),
  makeRuntime: async () => nodeRuntime(1),
});
const quiet = () => {};
const { map } = await engine.attribute("map", request, quiet);

describe("truth", () => {
  test("every measure of a method's map, with progress that rises to its end; better than a map that knows nothing", async () => {
    const told: Progress[] = [];
    const own = await engine.truth("own", { ...request, map, sensitivity: 2 }, (p) => void told.push(p));
    const random = await engine.truth("random", { ...request, map: "random" }, quiet);
    const edges = await engine.truth("edges", { ...request, map: "edges" }, quiet);
    expect(own.deletion.auc).toBeLessThan(random.deletion.auc);
    expect(own.insertion.scores).toHaveLength(17);
    expect(own.insertion.scores[16]).toBeCloseTo(own.deletion.scores[0]!, 4); // the whole picture, both
    expect(own.road.score).toBeGreaterThan(random.road.score);
    expect(own.infidelity.scaled).toBeLessThan(random.infidelity.scaled!);
    expect(own.sensitivity).toBeGreaterThan(0);
    expect([random.sensitivity, edges.sensitivity]).toEqual([null, null]);
    const done = told.flatMap((p) => (p.phase === "attribute" ? [p.done / p.of] : []));
    expect(done.at(-1)).toBe(1);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
  });

  test("is cancelled between two answers", async () => {
    const work = engine.truth("gone", { ...request, map }, (p) => p.phase === "attribute" && engine.cancel("gone"));
    await expect(work).rejects.toThrow(/stopped/);
  });
});

describe("weights drawn anew", () => {
  test("none: the same map; all: another; more than there are: refused, with both numbers", async () => {
    const same = await engine.randomised("r0", { ...request, map, layers: 0 }, quiet);
    expect([same.ssim, same.rankCorrelation]).toEqual([expect.closeTo(1, 4), expect.closeTo(1, 6)]);
    const layers = same.names.length;
    expect(layers).toBeGreaterThan(0);
    const all = await engine.randomised("r1", { ...request, map, layers }, quiet);
    expect(all.ssim).toBeLessThan(0.9);
    expect(all.map.data).not.toEqual(map.data);
    await expect(engine.randomised("r2", { ...request, map, layers: 99 }, quiet)).rejects.toThrow(
      new RegExp(`layers is 99, but .* has ${layers} layers`),
    );
  });
});
