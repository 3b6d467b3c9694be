import { expect, test } from "vitest";
import { lucid } from "../../vis/recipes";
import { NumberListError, parseNumbers, writeNumbers } from "./numberList";

test.each([
  ["-10..10, 0 x5", [...Array.from({ length: 21 }, (_, i) => i - 10), 0, 0, 0, 0, 0]],
  ["0.9..1.1 by 0.05", [0.9, 0.95, 1, 1.05, 1.1]],
  ["1, 0.975, -2", [1, 0.975, -2]],
])("%s is read and written", (text, numbers) => {
  expect(parseNumbers(text)).toEqual(numbers);
  expect(writeNumbers(numbers)).toBe(text);
});
test("the recipes' own lists are short", () => {
  const texts = lucid.transforms.flatMap((t) =>
    "factors" in t ? writeNumbers(t.factors) : "degrees" in t ? writeNumbers(t.degrees) : [],
  );
  expect(texts).toEqual(["0.9..1.1 by 0.02", "-10..10, 0 x5"]);
});
test.each([
  ["", "at least one number"],
  ["a", '"a" is no number'],
  ["5..1", "leads nowhere"],
  ["0 x300", "at most 256"],
])("%j is refused in words", (text, message) => {
  expect(() => parseNumbers(text)).toThrow(NumberListError);
  expect(() => parseNumbers(text)).toThrow(message);
});
