/** The index against plain sorting, whatever the order and the split of the pictures. */
import { describe, expect, test } from "vitest";
import { quantilesOf } from "../api/stats";
import type { ExaminedLayer } from "../api/units";
import { seeded } from "../vis/random";
import { cropOf } from "./crop";
import { ExampleIndex } from "./exampleIndex";
import { Histograms } from "./histogram";

const CHANNELS = 5;
const PICTURES = 300;
const random = seeded(1, "answers");
/** Unit 0 is dead, unit 1 has many ties, the others are normal numbers of very different size. */
const answer = (c: number): number => (c === 0 ? 0 : c === 1 ? random.integer(4) : Math.fround(random.normal() * 10 ** (c - 3)));
const rows = Array.from({ length: PICTURES }, () => Array.from({ length: CHANNELS }, (_, c) => answer(c)));
const places = rows.map((row) => row.map(() => random.integer(49)));

const examined = (numbers: readonly number[]): { layers: ExaminedLayer[] } => ({
  layers: ["a", "b"].map((layer) => ({
    layer,
    channels: CHANNELS,
    grid: [7, 7],
    field: { spans: null, everywhere: true },
    max: Float32Array.from(numbers.flatMap((n) => rows[n]!)),
    argmax: Int32Array.from(numbers.flatMap((n) => places[n]!)),
    mean: Float32Array.from(numbers.flatMap((n) => rows[n]!.map((v) => v / 2))),
  })),
});

const begin = (over: Partial<ConstructorParameters<typeof ExampleIndex>[0]> = {}) =>
  new ExampleIndex({ weights: "sha", collection: "test", by: "max", k: 6, sample: 40, ...over });
const filled = (numbers: readonly number[], index = begin()) => {
  for (let i = 0; i < numbers.length; i += 7) index.add(numbers.slice(i, i + 7), examined(numbers.slice(i, i + 7)));
  return index;
};
const inOrder = Array.from({ length: PICTURES }, (_, i) => i);
const shuffled = [...inOrder].sort(() => random.uniform() - 0.5);
const units = (index: ExampleIndex) => ["a", "b"].flatMap((l) => Array.from({ length: CHANNELS }, (_, c) => index.unit(l, c)));
const all = filled(inOrder);

describe("what is found", () => {
  test.each([0, 1, 2, 3, 4])("unit %i: the ends as sorting finds them, each with its position", (c) => {
    const sorted = (sign: number) =>
      [...inOrder]
        .sort((a, b) => sign * (rows[a]![c]! - rows[b]![c]!) || a - b)
        .slice(0, 6)
        .map((picture) => ({ picture, value: rows[picture]![c], position: places[picture]![c] }));
    const { highest, lowest } = all.unit("b", c);
    expect(highest).toEqual(sorted(-1));
    expect(lowest).toEqual(sorted(1));
  });

  test.each([2, 3, 4])("unit %i: quantiles of the sample are near those of all, the ends exact; the spread lies on them", (c) => {
    const { quantiles, spread } = filled(inOrder, begin({ sample: 200 })).unit("a", c);
    const truth = quantilesOf(rows.map((row) => row[c]!));
    const width = truth[6] - truth[0];
    quantiles!.forEach((q, i) => expect(Math.abs(q - truth[i]!)).toBeLessThanOrEqual(i % 6 === 0 ? 0 : 0.12 * width));
    expect(spread.map(({ share }) => share)).toEqual([0.05, 0.25, 0.5, 0.75, 0.95]);
    spread.forEach(({ example }, i) => expect(Math.abs(example.value - quantiles![i + 1]!)).toBeLessThan(0.05 * width));
    expect(spread.every(({ example: { picture, value } }) => rows[picture]![c] === value)).toBe(true);
  });

  test("by means: ranked by them, with the maximum's position", () => {
    const { highest } = filled(inOrder, begin({ by: "mean" })).unit("a", 3);
    expect(highest[0]!.value).toBe(all.unit("a", 3).highest[0]!.value / 2);
    expect(highest[0]!.position).toBe(all.unit("a", 3).highest[0]!.position);
  });
});

describe("order and splitting change nothing", () => {
  test("another order", () => expect(units(filled(shuffled))).toEqual(units(all)));

  test("two halves joined, and one taken up again after it was put away", () => {
    const joined = filled(shuffled.slice(0, 111));
    joined.merge(filled(shuffled.slice(111)));
    expect(units(joined)).toEqual(units(all));
    const resumed = ExampleIndex.restore(filled(shuffled.slice(0, 111)).serialise());
    expect(resumed.pictures).toBe(111);
    expect(units(filled(shuffled.slice(111), resumed))).toEqual(units(all));
    expect(resumed.serialise()).toHaveLength(all.serialise().length);
  });

  test("its size does not grow with the pictures", () =>
    expect(filled(inOrder.slice(0, 100)).serialise().length).toBe(all.serialise().length));
});

describe("what does not fit is refused", () => {
  test("other weights, other layers, other units, cut bytes", () => {
    expect(() => all.merge(begin({ weights: "other" }))).toThrow(
      "indexes differ in weights: sha and other. Join those of one model",
    );
    const one = { layers: examined([0]).layers.slice(0, 1) };
    expect(() => all.add([0], one)).toThrow("this index is of a, b, but pictures were examined in a. Begin another index.");
    expect(() => all.add([0, 1], examined([0]))).toThrow('layer "a": 5 answers for 2 pictures and 5 units.');
    expect(() => all.unit("c", 0)).toThrow('layer "c" is not in this index of a, b.');
    expect(() => all.unit("a", 5)).toThrow('layer "a" has units 0 to 4; 5 is not one of them.');
    expect(() => ExampleIndex.restore(all.serialise().subarray(0, -4))).toThrow("cut short or too many");
    expect(() => ExampleIndex.restore(new Uint8Array(100))).toThrow("these 100 bytes are no index of examples");
  });
});

describe("histogram", () => {
  test.each([0, 1, 2, 3, 4])("unit %i: every answer is in its bin", (c) => {
    const { start, width, counts } = all.unit("a", c).histogram!;
    const expected = new Uint32Array(counts.length);
    for (const row of rows) expected[Math.floor((row[c]! - start) / width)]!++;
    expect(counts).toEqual(expected);
    expect(counts.length).toBeLessThanOrEqual(64);
    if (c > 1) expect(counts.length).toBeGreaterThan(31); // as fine as fits
  });

  test("one value, no number, and numbers far apart", () => {
    const h = new Histograms(2);
    for (const value of [1e5, NaN, Infinity]) h.add(0, value);
    expect(h.unit(0)).toMatchObject({ start: 1e5, counts: Uint32Array.of(1) });
    h.add(0, -1e-6);
    const { start, width, counts } = h.unit(0)!;
    expect([start <= -1e-6, start + width * counts.length > 1e5, counts.reduce((a, b) => a + b, 0)]).toEqual([true, true, 2]);
    expect(h.unit(1)).toBeNull();
  });
});

describe("crop", () => {
  const field = { spans: [{ jump: 16, from: -40, to: 40 }, { jump: 16, from: -8, to: 7 }], everywhere: false } as const; // prettier-ignore
  test("in a wide picture the sides are not seen; the field is cut off at what is", () => {
    const place = { field, grid: [14, 14], size: [224, 224], picture: { width: 896, height: 448 } } as const;
    expect(cropOf({ ...place, position: 14 * 7 + 3 })).toEqual({ left: 224 + 80, right: 224 + 112, top: 144, bottom: 306 });
    expect(cropOf({ ...place, position: 0 })).toEqual({ left: 224, right: 224 + 16, top: 0, bottom: 82 });
  });
});
