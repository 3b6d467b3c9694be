import { expect, test } from "vitest";
import { networkInput } from "./resample";
import { testPictures } from "./testPictures";

test("pictures drawn by rule: the same again, all different, within 0..1, neither flat nor black and white", () => {
  const [pictures, again] = [testPictures([20, 30]), testPictures([20, 30])];
  expect(pictures).toEqual(again);
  expect(new Set(pictures.map(({ data }) => String(data))).size).toBe(8);
  for (const { data, shape } of pictures) {
    expect(shape).toEqual([1, 3, 20, 30]);
    const values = [...(data as Float32Array)];
    const mean = values.reduce((a, b) => a + b) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThanOrEqual(1);
    expect(deviation).toBeGreaterThan(0.05);
    expect(new Set(values.map((v) => Math.round(v * 20))).size).toBeGreaterThan(5);
  }
});

test("a larger size is the same picture, finer", () => {
  const [small] = testPictures([16, 16], 1);
  const [large] = testPictures([32, 32], 1);
  const halved = networkInput(
    { width: 32, height: 32, channels: 3, data: interleaved(large!.data as Float32Array, 32 * 32) },
    [16, 16],
  );
  const difference = [...(halved.data as Float32Array)].map((v, i) => Math.abs(v - Number(small!.data[i])));
  expect(difference.reduce((a, b) => a + b) / difference.length).toBeLessThan(0.03);
});

test("a photo: its centre in the wanted shape", () => {
  // columns 0..7, red tells the column; a 2 x 2 square out of 2 x 8 takes columns 3 and 4
  const data = Array.from({ length: 16 }, (_, i) => [(i % 8) * 10, 0, 255]).flat();
  const square = networkInput({ width: 8, height: 2, channels: 3, data }, [2, 2]);
  expect([...(square.data as Float32Array)].map((v) => Math.round(v * 255))).toEqual([
    30, 40, 30, 40, 0, 0, 0, 0, 255, 255, 255, 255,
  ]);
  const wide = networkInput({ width: 8, height: 2, channels: 3, data }, [1, 4]);
  expect([...(wide.data as Float32Array).subarray(0, 4)].map((v) => Math.round(v * 255))).toEqual([7, 25, 45, 63]);
});

const interleaved = (planes: Float32Array, plane: number): number[] =>
  Array.from({ length: plane }, (_, i) => [0, 1, 2].map((c) => planes[c * plane + i]! * 255)).flat();
