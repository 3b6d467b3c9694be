import { describe, expect, test } from "vitest";
import { diverging, flattened, overlay, sequential, type Rgb } from "./heatmap";

/** Lightness L* of sRGB bytes (CIE 1976), which nothing in the code under test uses. */
function lightness(rgb: Rgb): number {
  const [r, g, b] = rgb.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4)) as unknown as Rgb;
  const Y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return Y > 0.008856 ? 116 * Math.cbrt(Y) - 16 : 903.3 * Y;
}
const steps = Array.from({ length: 11 }, (_, i) => i / 10);

describe("colours", () => {
  test("without sign: lighter at every step, by about as much", () => {
    const rises = steps.slice(1).map((t, i) => lightness(sequential(t)) - lightness(sequential(steps[i]!)));
    expect(Math.min(...rises)).toBeGreaterThan(4);
    expect(Math.max(...rises)).toBeLessThan(14);
  });

  test("with sign: lightest at zero, blue below, red above, as dark at both ends", () => {
    expect(lightness(diverging(0))).toBeGreaterThan(90);
    const [against, favour] = [diverging(-1), diverging(1)];
    expect(against[2]).toBeGreaterThan(against[0] + 80);
    expect(favour[0]).toBeGreaterThan(favour[2] + 80);
    expect(Math.abs(lightness(against) - lightness(favour))).toBeLessThan(8);
    for (const side of [-1, 1]) {
      const ladder = steps.map((t) => lightness(diverging(side * t)));
      expect(ladder).toEqual([...ladder].sort((a, b) => b - a));
    }
  });
});

describe("maps", () => {
  test("colours are summed, the sign is found, the limit leaves one pixel in a hundred above", () => {
    const data = Float32Array.from({ length: 3 * 200 }, (_, i) => (i % 200) / 3);
    const flat = flattened({ shape: [3, 10, 20], data });
    expect(flat).toMatchObject({ width: 20, height: 10, signed: false });
    expect(flat.values[150]).toBeCloseTo(150, 3);
    expect(flat.limit).toBeCloseTo(197, 0);
    expect(flattened({ shape: [1, 2], data: Float32Array.of(1, -1) }).signed).toBe(true);
    expect(flattened({ shape: [1, 2], data: new Float32Array(2) }).limit).toBe(1);
  });

  test("where nothing counts the photo shows; below the threshold too; the strongest is the colour itself", () => {
    const photo = new Float32Array(3 * 3).fill(0.5);
    const flat = { ...flattened({ shape: [1, 3], data: Float32Array.of(0, 0.5, 1) }), limit: 1 };
    const at = (options?: Parameters<typeof overlay>[2]) => {
      const { rgba } = overlay(flat, photo, options);
      return [0, 1, 2].map((i) => [...rgba.subarray(4 * i, 4 * i + 4)]);
    };
    const [zero, half] = at();
    expect(zero![0]).toBe(zero![1]);
    expect(at({ threshold: 0.6 })[1]).toEqual(zero);
    expect(half).not.toEqual(zero);
    expect(at({ opacity: 0 })[1]).toEqual(zero);
    expect(overlay(flat, photo, { opacity: 1 }).rgba.subarray(8, 11)).toEqual(Uint8ClampedArray.from(sequential(1)));
  });
});
