import { expect, test } from "vitest";
import type { Recipe } from "../../vis/recipe";
import { lucid, quick } from "../../vis/recipes";
import { differencesOf } from "./differences";
import type { JobOrder } from "./renderJob.svelte";

type Compared = Parameters<typeof differencesOf>[0];
const job = (recipe: Partial<Recipe>, weights: JobOrder["weights"] = "int8", title = "mixed4c, channel 3"): Compared => ({
  title,
  device: { backend: "wasm", label: "WASM", reason: null },
  order: {
    request: { weights: "a", card: { title: "GoogLeNet" }, recipe: { ...lucid, ...recipe } },
    weights,
    pictureTitle: (name: string) => `picture ${name}`,
  } as unknown as JobOrder,
});

test("only what was chosen otherwise", () => {
  expect(differencesOf(job({}), job({}))).toEqual([]);
  expect(differencesOf(job({ seed: 1 }), job({ seed: 2 }))).toEqual([{ what: "Seed", a: "1", b: "2" }]);
  expect(differencesOf(job({}), job({}, "float32", "mixed5a, channel 3"))).toEqual([
    { what: "Weights", a: "int8", b: "float32" },
    { what: "Looks for", a: "mixed4c, channel 3", b: "mixed5a, channel 3" },
  ]);
});

test("as short as it tells them apart, pictures by their titles", () => {
  const slower = { ...lucid.optimizer, learningRate: 0.01 };
  expect(differencesOf(job({}), job({ optimizer: slower }))).toEqual([
    { what: "Optimizer", a: JSON.stringify(lucid.optimizer), b: JSON.stringify(slower) },
  ]);
  expect(differencesOf(job({ start: "x" }), job({}))).toEqual([{ what: "Begun from", a: "picture x", b: "noise" }]);
  expect(differencesOf(job({}), job({ ...quick, size: lucid.size })).map(({ what }) => what)).toEqual([
    "Recipe",
    "Steps",
    "Before each look",
    "Optimizer",
  ]);
});
