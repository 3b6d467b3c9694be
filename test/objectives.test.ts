/** Every kind of objective on a real network, the model that comes with the app: it rises under ascent. */
import { existsSync, readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import type { Catalog } from "../src/api/model";
import { compileGoal } from "../src/engine/goal";
import { nodeRuntime } from "../src/engine/ortNode";
import { renderPicture } from "../src/engine/render";
import { labelsOf, namingOf } from "../src/models/naming";
import { readModel } from "../src/onnx/read";
import { resolveObjective } from "../src/vis/objective/resolve";
import type { Objective } from "../src/vis/objective/types";
import type { Recipe } from "../src/vis/recipe";
import { lucid } from "../src/vis/recipes";

const { default: id, models } = JSON.parse(readFileSync("public/models/catalog.json", "utf8")) as Catalog;
const card = models.find((model) => model.id === id)!;
const file = `public/models/${card.files[0]!.url}`;
const here = existsSync(file);

const layer = "tower_0/MobilenetV3/expanded_conv_8/add";
const CHANNELS = 64;
const vector = Array.from({ length: CHANNELS }, (_, c) => Math.sin(c + 1));
const channel = (c: number): Objective => ({ kind: "channel", layer, channel: c });
const less = (by: number, of: Objective): Objective => ({ kind: "scale", by: -by, of });

/** A small picture and few, plain steps: what rises here rises everywhere. */
const recipe: Recipe = {
  ...lucid,
  size: 64,
  steps: 12,
  transforms: [
    { kind: "pad", pixels: 4, value: 0.5 },
    { kind: "jitter", pixels: 8 },
  ],
  redirectSteps: 0,
};

const one: Record<string, Objective> = {
  channel: channel(3),
  neuron: { kind: "neuron", layer, channel: 3 },
  "direction, dot": { kind: "direction", layer, vector },
  "direction, cosine": { kind: "direction", layer, vector, cosinePower: 2 },
  "direction at a position": { kind: "direction", layer, vector, x: 1, y: 2 },
  tensor: { kind: "tensor", layer, tensor: [...vector, ...vector], shape: [CHANNELS, 1, 2] },
  "tensor, cosine": { kind: "tensor", layer, tensor: [...vector, ...vector], shape: [CHANNELS, 1, 2], cosinePower: 1 },
  "local group": { kind: "group", layer, vector, x: 0, y: 0, width: 2, height: 2 },
  DeepDream: { kind: "deepdream", layer },
  "class logit by name": { kind: "class", class: "zebra" },
  "class logit by number": { kind: "class", class: 16 },
  negative: less(1, channel(3)),
  "activation painting": { kind: "painting", layer, channel: 3, mask: [1, 1, 0, 0], grid: [2, 2] },
  "feature inversion": { kind: "inversion", layer, picture: "drawn:1" },
  likeness: { kind: "inversion", layer: "input", picture: "drawn:1" },
  caricature: { kind: "caricature", layer, picture: "drawn:1", cosinePower: 2 },
  "joint over units": { kind: "sum", of: [channel(3), channel(9)] },
  "joint over layers": {
    kind: "sum",
    of: [
      channel(3),
      { kind: "scale", by: 0.5, of: { kind: "channel", layer: "tower_0/MobilenetV3/expanded_conv_4/add", channel: 2 } },
    ],
  },
  product: {
    kind: "product",
    of: [
      { kind: "sum", of: [channel(3), { kind: "constant", value: 10 }] },
      { kind: "constant", value: 2 },
    ],
  },
  "with total variation": { kind: "sum", of: [channel(3), less(5, { kind: "totalVariation" })] },
  "with L1": { kind: "sum", of: [channel(3), less(1, { kind: "l1" })] },
  "with L2": { kind: "sum", of: [channel(3), less(1, { kind: "l2" })] },
  "with blur at each step": { kind: "sum", of: [channel(3), less(0.01, { kind: "blurEachStep" })] },
  "with a calm border": { kind: "sum", of: [channel(3), less(1, { kind: "boundary", width: 8 })] },
};
const alone: Record<string, Objective> = {
  "less total variation": less(1, { kind: "totalVariation" }),
  "less L1": less(1, { kind: "l1", towards: 0.2 }),
  "less L2": less(1, { kind: "l2", towards: 0.8 }),
  "less to blur": less(1, { kind: "blurEachStep" }),
  "a calm border": less(1, { kind: "boundary", width: 8 }),
};
const together: Record<string, Objective> = {
  diversity: { kind: "sum", of: [channel(3), less(10, { kind: "diversity", layer })] },
  "less likeness": less(1, { kind: "diversity", layer }),
  alignment: { kind: "sum", of: [channel(3), { kind: "scale", by: 10, of: { kind: "alignment", layer: "input" } }] },
  "one for each": { kind: "each", of: [channel(3), { kind: "deepdream", layer }] },
  interpolation: { kind: "interpolate", from: channel(3), to: channel(9) },
};

describe.skipIf(!here)("on the model that comes with the app", () => {
  const runtime = nodeRuntime(1);
  afterAll(() => runtime.dispose());
  const graph = here ? readModel(readFileSync(file), id) : null!;
  const labels = labelsOf(card, readFileSync(`public/models/${card.labels}`, "utf8"));
  const naming = namingOf({ graph, preprocessing: card.preprocessing, card, labels });

  async function rise(asked: Objective, over: Recipe): Promise<number[]> {
    const objective = resolveObjective(asked, naming);
    const goal = await compileGoal(runtime, { graph, preprocessing: card.preprocessing, objective, recipe: over });
    const { scores } = await renderPicture(goal, { recipe: over, signal: new AbortController().signal });
    await goal.stepper.dispose();
    return [...scores];
  }
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const rises = async (objective: Objective, over: Recipe): Promise<void> => {
    const scores = await rise(objective, over);
    expect(scores.every(Number.isFinite)).toBe(true);
    expect(mean(scores.slice(-3)), scores.map((v) => v.toFixed(3)).join(" ")).toBeGreaterThan(mean(scores.slice(0, 3)));
  };

  test.each(Object.entries(one))("%s rises", async (_, objective) => rises(objective, recipe));
  // the start is nearly flat, so that there is little to take away: begin with a picture
  test.each(Object.entries(alone))("%s rises", async (_, objective) =>
    rises(objective, { ...recipe, parametrization: { kind: "pixel", sd: 1 } }),
  );
  test.each(Object.entries(together))("%s rises, two pictures at once", async (_, objective) =>
    rises(objective, { ...recipe, batch: 2 }),
  );
  test("opacity rises where the picture is transparent", async () =>
    rises({ kind: "opacity" }, { ...recipe, alpha: { kind: "learned", background: 0.5 } }));
  test("class names are looked up in any case, and unknown ones are refused with what is near", () => {
    expect(resolveObjective({ kind: "class", class: "Zebra" }, naming)).toMatchObject({
      kind: "channel",
      channel: labels.indexOf("zebra"),
    });
    expect(() => resolveObjective({ kind: "class", class: "bear cat" }, naming)).toThrow(
      `class "bear cat" is none of this model's ${labels.length}`,
    );
    expect(() => resolveObjective({ kind: "class", class: "ball" }, naming)).toThrow(/near it are: "sports ball"/);
  });
});
