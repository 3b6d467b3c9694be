import { describe, expect, test } from "vitest";
import { seeded } from "./random";
import type { Bitmap } from "./resample";
import { radialSpectrum } from "./spectrum";

const bitmap = (width: number, height: number, value: (x: number, y: number) => number): Bitmap => {
  const data = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++) data.fill(255 * value(i % width, Math.floor(i / width)), 4 * i, 4 * i + 3);
  return { width, height, data, channels: 4 };
};
const peak = ({ frequency, power }: ReturnType<typeof radialSpectrum>): number => frequency[power.indexOf(Math.max(...power))]!;

describe("radialSpectrum", () => {
  test.each([0.125, 0.25])("a grating of %f cycles per pixel peaks there, whatever its direction and the picture's size", (f) => {
    for (const [dx, dy] of [
      [1, 0],
      [0, 1],
      [Math.SQRT1_2, Math.SQRT1_2],
    ] as const)
      for (const size of [64, 100, 128]) {
        const found = peak(
          radialSpectrum(bitmap(size, size, (x, y) => 0.5 + 0.4 * Math.sin(2 * Math.PI * f * (x * dx + y * dy)))),
        );
        expect(Math.abs(found - f)).toBeLessThan(1.5 / size);
      }
  });

  test("frequencies are cycles per pixel of the picture, also where it is averaged down first", () => {
    const found = peak(radialSpectrum(bitmap(512, 512, (x) => 0.5 + 0.4 * Math.sin((2 * Math.PI * x) / 32))));
    expect(found).toBeCloseTo(1 / 32, 3);
  });

  test("white noise is flat, a flat picture has no power, and shares add up to one", () => {
    const random = seeded(1, "noise");
    const { power } = radialSpectrum(bitmap(128, 128, () => random.uniform()));
    const parts = [power.slice(4, 24), power.slice(24, 44), power.slice(44, 64)].map((part) => part.reduce((a, b) => a + b, 0));
    for (const part of parts) expect(part / parts[0]!).toBeCloseTo(1, 0);
    expect(power.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 4);
    expect(Math.max(...radialSpectrum(bitmap(32, 32, () => 0.3)).power)).toBeLessThan(1e-6);
  });

  test("a picture that is not square is looked at in its middle", () => {
    const wide = bitmap(96, 48, (x) => 0.5 + 0.4 * Math.sin((2 * Math.PI * x) / 4));
    expect(peak(radialSpectrum(wide))).toBeCloseTo(0.25, 2);
  });
});
