/** The files of statistics: what ships, what is read back, what a wrong file is told, and whose they are. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readCatalog } from "./catalog";
import { belongs, loadStats, packResponse, readStats, StatsError, unitStats, type ModelStats, type UnitStats } from "./stats";

const units: UnitStats[] = [
  { quantiles: [0, 1.2345, 12.345, 123.45, 234.5, 900, 1234], int8: { correlation: 0.9876, difference: 0.0314 } },
  { quantiles: [-0.5, -0.25, -0.1, 0, 0.01, 0.02, 0.03], int8: null },
  { quantiles: [0, 0, 0, 0, 0, 0, 0], int8: null },
];
const stats: ModelStats = {
  version: 1,
  model: "tiny",
  photos: { count: 100, of: "ImageNet photos", size: [224, 224] },
  files: { float32: "a".repeat(64), int8: "b".repeat(64) },
  layers: [
    { name: "conv", channels: 3, mean: packResponse(units), max: packResponse([...units].reverse()) },
    { name: "dense", channels: 1, mean: packResponse(units.slice(0, 1)) },
  ],
};

describe("the files that ship", () => {
  const folder = "public/models/stats";
  const { models } = readCatalog(JSON.parse(readFileSync("public/models/catalog.json", "utf8")));
  const ids = existsSync(folder) ? readdirSync(folder).map((name) => name.replace(/\.json$/, "")) : [];

  test("are those of the embedded model and of three more", () => {
    expect(ids.sort()).toEqual(["googlenet", "mobilenetv2-tf", "mobilenetv3-centernet", "squeezenet1.0"]);
  });
  test.each(ids)("%s: small, well formed, of the card's layers, rising, and hardly changed by int8", (id) => {
    expect(statSync(`${folder}/${id}.json`).size).toBeLessThan(400_000);
    const card = models.find((model) => model.id === id)!;
    const read = readStats(JSON.parse(readFileSync(`${folder}/${id}.json`, "utf8")), id);
    expect(read.photos.count).toBe(100);
    expect(read.layers.map(({ name }) => name)).toEqual(card.layers.filter((l) => l.significant).map(({ name }) => name));
    const known = [...card.files, ...(card.originals ?? [])].map(({ sha256 }) => sha256);
    expect(known.some((sha256) => [read.files.float32, read.files.int8].includes(sha256))).toBe(true);
    const correlations: number[] = [];
    for (const { name, channels } of read.layers)
      for (const response of ["mean", "max"] as const) {
        const unit = unitStats(read, { names: [name], channel: channels - 1, response })!;
        expect([...unit.quantiles]).toEqual([...unit.quantiles].sort((a, b) => a - b));
        if (unit.int8) correlations.push(unit.int8.correlation);
      }
    expect(correlations.toSorted((a, b) => a - b)[Math.floor(correlations.length / 2)]).toBeGreaterThan(0.9);
  });
});

describe("reading", () => {
  test("three digits of a unit's largest come back; a layer's other names will do", () => {
    const read = readStats(JSON.parse(JSON.stringify(stats)), "tiny");
    const unit = unitStats(read, { names: ["mixed1", "conv"], channel: 0, response: "mean" })!;
    expect(unit.quantiles.map(Math.round)).toEqual([0, 0, 10, 120, 230, 900, 1230]);
    expect(unit.int8).toEqual({ correlation: expect.closeTo(0.988), difference: expect.closeTo(0.031) });
    const low = unitStats(read, { names: ["conv"], channel: 1, response: "mean" })!;
    expect(low.quantiles[0]).toBeCloseTo(-0.5);
    expect(low.quantiles[6]).toBeCloseTo(0.03);
    expect(low.int8).toBeNull();
    expect(unitStats(read, { names: ["conv"], channel: 2, response: "mean" })!.quantiles).toEqual([0, 0, 0, 0, 0, 0, 0]);
    expect(unitStats(read, { names: ["conv"], channel: 2, response: "max" })!.quantiles[6]).toBeCloseTo(1230);
  });
  test("a layer of one position has its mean for its maximum; strangers have nothing", () => {
    const dense = { names: ["dense"], channel: 0 };
    expect(unitStats(stats, { ...dense, response: "max" })).toEqual(unitStats(stats, { ...dense, response: "mean" }));
    expect(unitStats(stats, { names: ["dense"], channel: 1, response: "mean" })).toBeNull();
    expect(unitStats(stats, { names: ["pool"], channel: 0, response: "mean" })).toBeNull();
  });
  test("a host without the file has no statistics", async () => {
    expect(await loadStats("tiny", async () => undefined)).toBeNull();
    expect(await loadStats("tiny", async (name) => (name === "stats/tiny.json" ? stats : undefined))).toEqual(stats);
  });
  const wrong = (change: Partial<Record<keyof ModelStats, unknown>>) => () => readStats({ ...stats, ...change }, "tiny");
  test.each([
    [{ version: 2 }, "models/stats/tiny.json: version must be 1. Make the file again: npm run stats."],
    [{ model: "other" }, 'model must be "tiny"'],
    [{ photos: { ...stats.photos, count: 0 } }, "photos.count must be a whole number above 0"],
    [{ files: { ...stats.files, int8: "x" } }, "files.int8 must be a SHA-256"],
    [{ layers: [] }, "layers must be a list"],
    [
      { layers: [{ ...stats.layers[0], mean: { ...stats.layers[0]!.mean, quantiles: [1] } }] },
      "layers[0].mean.quantiles must be 21 whole numbers",
    ],
    [
      { layers: [{ ...stats.layers[0], max: { ...stats.layers[0]!.max, lost: [1, 2, "3"] } }] },
      "layers[0].max.lost must be 3 whole numbers or nulls",
    ],
    [{ layers: [3] }, "models/stats/tiny.json:layers[0] is not an object"],
  ])("%o is refused by name", (change, message) => {
    expect(wrong(change)).toThrow(StatsError);
    expect(wrong(change)).toThrow(message);
  });
});

describe("whose they are", () => {
  const card = { id: "tiny", files: [], originals: [{ name: "x.onnx", bytes: 1, sha256: "a".repeat(64) }] };
  test("of the file that was measured, of the int8 one made of it, or of the network by the card's word", () => {
    expect(belongs(stats, card, { sha256: "b".repeat(64) })).toBe("same");
    expect(belongs(stats, card, { sha256: "c".repeat(64), from: "a".repeat(64) })).toBe("same");
    expect(belongs(stats, card, { sha256: "c".repeat(64) })).toBe("network");
    expect(belongs(stats, { ...card, originals: [] }, { sha256: "c".repeat(64) })).toBeNull();
  });
});
