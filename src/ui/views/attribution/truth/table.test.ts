import { describe, expect, test } from "vitest";
import type { Truth } from "../../../../api/truth";
import { MEASURES, sorted, type Marks } from "./table";

const marks = (insertion: number | null, scaled: number | null = null, gap: number | null = null): Marks => ({
  truth: { insertion: { normalised: insertion }, infidelity: { scaled } } as unknown as Truth,
  gap,
});
const measure = (id: string) => MEASURES.find((one) => one.id === id)!;

describe("rows of marks", () => {
  const rows = [
    { name: "a", marks: marks(0.5, 0.2) },
    { name: "none", marks: { truth: null, gap: null } },
    { name: "b", marks: marks(0.9, 0.8, 0.01) },
    { name: "blurred scores higher", marks: marks(null, 0.1) },
  ];
  test("the best is first whichever way is better, and what has no mark is last", () => {
    expect(sorted(rows, measure("insertion")).map(({ name }) => name)).toEqual(["b", "a", "none", "blurred scores higher"]);
    expect(sorted(rows, measure("infidelity")).map(({ name }) => name)).toEqual(["blurred scores higher", "a", "b", "none"]);
    expect(sorted(rows, measure("gap")).map(({ name }) => name)[0]).toBe("b");
  });
  test("numbers read as people write them", () => {
    expect(measure("insertion").text(-0.123)).toBe("−0.12");
    expect(measure("gap").text(0.0042)).toBe("0.42 %");
  });
});
