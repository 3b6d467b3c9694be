import { describe, expect, test } from "vitest";
import { parseUnits, readSheet, writeSheet, type SheetPlan } from "./sheetPlan";

describe("a sheet in a link", () => {
  test.each<[string, SheetPlan]>([
    ["0..7:1,2", { units: [0, 1, 2, 3, 4, 5, 6, 7], seeds: [1, 2], negative: false }],
    ["3,9,40:5:both", { units: [3, 9, 40], seeds: [5], negative: true }],
  ])("%s", (text, plan) => {
    expect(readSheet(text)).toEqual(plan);
    expect(writeSheet(plan)).toBe(text);
  });

  test("ranges may be written with a dash", () =>
    expect(readSheet("0-3, 8 – 9:1-2")).toEqual({ units: [0, 1, 2, 3, 8, 9], seeds: [1, 2], negative: false }));
  test("what is asked for twice is drawn once", () =>
    expect(readSheet("1,1,2:0 x3")).toMatchObject({ units: [1, 2], seeds: [0] }));

  test.each([
    ["0..7", "Name at least one number"],
    ["0..7:1:plus", "is no sheet"],
    ["0.5:1", "0.5 is no unit: whole numbers from 0 to 999999 are."],
    ["1:-1", "-1 is no seed: whole numbers from 0 to 4294967295 are."],
    ["0..200:1", "These are 201 units; at most 128 fit on a sheet."],
    ["1:1..9", "These are 9 seeds; at most 8 fit on a sheet."],
  ])("%s is not followed: %s", (text, message) => expect(() => readSheet(text)).toThrow(message));

  test("the layer bounds the units", () =>
    expect(() => parseUnits("10", 10)).toThrow("10 is no unit: whole numbers from 0 to 9 are."));
});
