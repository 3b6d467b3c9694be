import { expect, test } from "vitest";
import { parseDirection, writeDirection } from "./direction";

test("what is written is read back", () => {
  const vector = parseDirection("42:1, 7:-0.5, 42:1", 64);
  expect(writeDirection(vector)).toBe("7:-0.5, 42:2");
  expect(parseDirection(writeDirection(vector), 64)).toEqual(vector);
});

test("of many channels the strongest are told, and how many more there are", () => {
  expect(writeDirection([0.1, -3, 0, 2, 1], 2)).toBe("1:-3, 3:2 and 2 more");
});
