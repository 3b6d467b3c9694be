import { expect, test } from "vitest";
import type { AttributionTarget } from "../../../api/attribution";
import type { ModelSummary } from "../../../api/model";
import { percent, targetWords } from "./words";

const layers = [{ name: "a/relu", title: "mixed4c" }] as unknown as ModelSummary["layers"];
const summary = { layers, labels: ["tench", "goldfish"] };

test.each([
  [{ kind: "class", class: 1 }, "goldfish"],
  [{ kind: "class", class: 7, x: 3, y: 4 }, "class 7 at 3, 4"],
  [{ kind: "unit", layer: "a/relu", channel: 9, x: 0, y: 0 }, "mixed4c, unit 9 at 0, 0"],
  [{ kind: "direction", layer: "b", vector: [0, 2, -1] }, "b, direction 1:2, 2:-1"],
  [{ kind: "difference", of: { kind: "class", class: 1 }, minus: { kind: "class", class: 0 } }, "goldfish rather than tench"],
] as const)("%j is told as %s", (target, words) => {
  expect(targetWords(structuredClone(target) as AttributionTarget, summary)).toBe(words);
});

test("a share has two digits, a very small one has one", () => {
  expect([0.1234, 0.00456, 0.000043].map(percent)).toEqual(["12 %", "0.46 %", "0.004 %"]);
});
