import { expect, test } from "vitest";
import { f32 } from "../onnx/tensor";
import { compareLogits } from "./compare";

test("agreement, and differences over each picture's own range", () => {
  const before = [f32([0, 4, 2], [1, 3]), f32([10, 0, 0], [1, 3])];
  const after = [f32([0, 3, 2], [1, 3]), f32([1, 0, 2], [1, 3])];
  expect(compareLogits(before, after)).toEqual({
    pictures: 2,
    top1Agreement: 0.5,
    largest: 0.9,
    mean: (0.25 / 3 + (0.9 + 0.2) / 3) / 2,
  });
});

test("the same answers lost nothing, constant ones included", () => {
  const same = [f32([3, 3], [1, 2])];
  expect(compareLogits(same, same)).toEqual({ pictures: 1, top1Agreement: 1, largest: 0, mean: 0 });
});

test("what cannot be compared is refused with both values", () => {
  expect(() => compareLogits([], [])).toThrow("0 answers are to be compared with 0");
  expect(() => compareLogits([f32([1])], [f32([1, 2])])).toThrow("shape [1] are to be compared with [2]");
});
