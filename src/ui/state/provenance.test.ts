import { describe, expect, test } from "vitest";
import { pictureToPng } from "../../provenance/picturePng";
import type { Objective } from "../../vis/objective/types";
import { recipes } from "../../vis/recipes";
import type { PictureRecord } from "../../vis/schema/record";
import { readRecord, settingsOf } from "./provenance";
import { readSettings, recipeFrom, writeSettings } from "./settings";

const record: PictureRecord = {
  format: "micrographia",
  version: 1,
  model: {
    id: "m",
    title: "M",
    weights: "a".repeat(64),
    preprocessing: { input: "x", layout: "NCHW", channels: "RGB", range: 1, mean: [0, 0, 0], std: [1, 1, 1], size: 64 },
  },
  objective: { kind: "neuron", layer: "l", channel: 7, x: 2 },
  recipe: { ...recipes.soft!, seed: 9, steps: 20, maxPool: "smooth" },
  pictures: [],
  backend: "wasm",
  shows: { kind: "picture", index: 0 },
  made: { objective: 1, steps: 20, turns: 0, device: "WASM", app: "0.1.0" },
};
const card = { id: "m", recipe: "soft" };

describe("from a record to the choices that made it", () => {
  test("a unit is the picker's, and the model's own recipe is not named", () => {
    const settings = settingsOf(record, card);
    expect(settings).toMatchObject({ model: "m", layer: "l", kind: "neuron", channel: 7, x: 2, y: null, objective: null });
    expect(settings).toMatchObject({ recipe: { name: "", maxPool: "smooth" }, seed: 9, steps: 20 });
    expect(recipeFrom(settings, recipes.soft!)).toEqual(record.recipe);
  });
  test.each(Object.values(recipes))("whatever the recipe, a link leads to the same one: $name", (recipe) => {
    const objective: Objective = { kind: "scale", by: -1, of: { kind: "direction", layer: "l", vector: [0, 1, -2] } };
    const settings = settingsOf({ ...record, recipe, objective }, card);
    const followed = readSettings(writeSettings(settings));
    expect(recipeFrom(followed, recipes.soft!)).toEqual(recipe);
    expect(followed.objective).toEqual(objective);
  });
});

describe("readRecord", () => {
  const picture = { width: 1, height: 1, rgba: new Uint8ClampedArray(4) };
  test("finds it in a PNG, and nothing in other files", async () => {
    expect(await readRecord(new File([pictureToPng(picture, record)], "a.png"))).toEqual(record);
    expect(await readRecord(new File([pictureToPng(picture, null)], "a.png"))).toBeNull();
    expect(await readRecord(new File(["ONNX"], "a.png"))).toBeNull();
  });
});
