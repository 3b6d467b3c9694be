import { describe, expect, test } from "vitest";
import { seeded } from "./random";

const FIRST_OF_SEED_1 = [0.42951744492165744, 0.7434426120016724, 0.5900344958063215, 0.42875465960241854];

describe("seeded", () => {
  test("repeats for the same seed and purpose, differs for another seed or purpose", () => {
    const draw = (seed: number, purpose: string) => {
      const random = seeded(seed, purpose);
      return Array.from({ length: 8 }, () => random.uniform());
    };
    expect(draw(1, "theta")).toEqual(draw(1, "theta"));
    expect(draw(2, "theta")).not.toEqual(draw(1, "theta"));
    expect(draw(1, "transforms")).not.toEqual(draw(1, "theta"));
  });

  test("never changes: pictures of old links must come out the same", () => {
    const random = seeded(1, "theta");
    expect(Array.from({ length: 4 }, () => random.uniform())).toEqual(FIRST_OF_SEED_1);
  });

  test.each([0, 1, 2, 3, 1000, 2 ** 32 - 1])("seed %i: uniform and normal numbers have their moments", (seed) => {
    const random = seeded(seed, "moments");
    const moments = (draw: () => number) => {
      const values = Array.from({ length: 20_000 }, draw);
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      return { mean, variance: values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length };
    };
    const uniform = moments(() => random.uniform());
    expect(uniform.mean).toBeCloseTo(0.5, 1);
    expect(uniform.variance).toBeCloseTo(1 / 12, 2);
    const normal = moments(() => random.normal());
    expect(Math.abs(normal.mean)).toBeLessThan(0.04);
    expect(Math.abs(normal.variance - 1)).toBeLessThan(0.05);
  });

  test("integer covers its range and pick its list", () => {
    const random = seeded(5, "range");
    expect(new Set(Array.from({ length: 300 }, () => random.integer(9)))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7, 8]));
    expect(new Set(Array.from({ length: 100 }, () => random.pick(["a", "b"])))).toEqual(new Set(["a", "b"]));
  });
});
