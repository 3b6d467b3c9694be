import { describe, expect, test } from "vitest";
import { readAddress, writeAddress as write, type Address } from "./address";
import { DEFAULTS, type Settings } from "./settings";

/** Of the view that shows a unit's picture. */
const writeAddress = (shown: Pick<Address, "settings" | "compare" | "sheet">): string =>
  write({ ...shown, view: "draw", details: null });

const b: Settings = { ...DEFAULTS, model: "googlenet", layer: "mixed4c", kind: "neuron", channel: 7, x: 3, y: 4, seed: 2 };
const others: [string, Partial<Settings>][] = [
  ["another seed", { seed: 9 }],
  ["another layer and unit", { layer: "mixed5a", kind: "channel", channel: 12, x: null, y: null }],
  ["other weights", { weights: "float32" }],
  ["another recipe", { recipe: { name: "quick", batch: 2 }, size: 96, steps: 96 }],
  ["an objective", { objective: { kind: "deepdream", layer: "a&b=c%20" } }],
  ["another model", { model: "squeezenet", layer: "fire9/concat" }],
];

describe("an address with two pictures", () => {
  test.each(others)("leads back to both: %s", (_, part) => {
    for (const [settings, compare] of [
      [b, { ...b, ...part }],
      [{ ...b, ...part }, b],
    ] as const)
      expect(readAddress(`#${writeAddress({ settings, compare, sheet: null })}`)).toEqual({
        settings,
        compare,
        sheet: null,
        view: "draw",
        details: null,
        faults: [],
      });
  });

  test("says in words what of the other one cannot be followed, and reads the rest", () => {
    const { compare, faults } = readAddress("#channel=3&seed=1&compare=channel%3D5%26seed%3D-1%26weights%3Dint3");
    expect(compare).toMatchObject({ channel: 5, seed: 1, weights: null });
    expect(faults).toEqual([
      'In what it compares with, weights is "int3"; it must be int8 or float16 or float32.',
      'In what it compares with, seed is "-1"; it must be a whole number from 0 to 4294967295.',
    ]);
  });

  test("is of one picture where nothing is compared", () => {
    expect(writeAddress({ settings: b, compare: null, sheet: null })).not.toContain("compare");
    expect(readAddress("#channel=3").compare).toBeNull();
  });
});

describe("an address with a sheet", () => {
  test("leads back to it", () => {
    const sheet = { units: [0, 1, 2, 3], seeds: [4], negative: true };
    expect(readAddress(`#${writeAddress({ settings: b, compare: null, sheet })}`)).toMatchObject({
      settings: b,
      sheet,
      faults: [],
    });
  });
  test("says what of it cannot be followed", () => {
    const { sheet, faults } = readAddress("#channel=1&sheet=0..3");
    expect(sheet).toBeNull();
    expect(faults[0]).toMatch(/^In its sheet: Name at least one number/);
  });
});

describe("an address of a view", () => {
  test("names the view, and carries what the view keeps", () => {
    const address = { settings: b, view: "draw", details: null, compare: null, sheet: null };
    expect(write(address)).not.toContain("view=");
    expect(write({ ...address, view: "layer", details: 'sort=a&b "c"' })).toContain("&view=layer&with=");
  });

  test("one that is not known is told, and the unit's picture is shown", () => {
    const { view, faults } = readAddress("#channel=3&view=moon");
    expect(view).toBe("draw");
    expect(faults).toEqual([expect.stringMatching(/^view is "moon"; this version knows draw/)]);
  });
});
