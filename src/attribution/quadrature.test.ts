import { describe, expect, test } from "vitest";
import { gaussLegendre } from "./quadrature";

describe("Gauss-Legendre", () => {
  test("two points: (1 -+ 1/sqrt 3) / 2, half each", () => {
    const { points, weights } = gaussLegendre(2);
    expect(points[0]).toBeCloseTo((1 - 1 / Math.sqrt(3)) / 2, 14);
    expect(points[1]).toBeCloseTo((1 + 1 / Math.sqrt(3)) / 2, 14);
    expect([...weights]).toEqual([expect.closeTo(0.5, 14), expect.closeTo(0.5, 14)]);
  });

  test.each([1, 2, 3, 10, 64, 257])("%i points integrate x^(2 n - 1) exactly, and rise", (n) => {
    const { points, weights } = gaussLegendre(n);
    const power = 2 * n - 1;
    expect(points.reduce((sum, x, i) => sum + weights[i]! * x ** power, 0)).toBeCloseTo(1 / (power + 1), 13);
    expect(weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 13);
    expect([...points]).toEqual([...points].sort((a, b) => a - b));
  });

  test("no points are refused", () => {
    expect(() => gaussLegendre(0)).toThrow("quadrature with 0 points: give a whole number of at least 1.");
  });
});
