import { describe, expect, test } from "vitest";
import { recipes } from "../recipes";
import { RecipeError, validateRecipe } from "./recipe";

const crops = { kind: "crops", count: 64, pixels: 224, from: 0.5, to: 0.05, centreSd: 0.15, sizeSd: 0.05 };

describe("validateRecipe", () => {
  test.each(Object.keys(recipes))("accepts %s, after a journey through JSON", (name) =>
    expect(validateRecipe(JSON.parse(JSON.stringify(recipes[name])))).toEqual(recipes[name]),
  );

  test("fills in what is left out from the base", () => {
    expect(validateRecipe({ steps: 3 }, recipes.distill2017)).toEqual({ ...recipes.distill2017, steps: 3 });
    expect(validateRecipe({})).toEqual(recipes.lucid);
  });

  test.each([
    { batch: 3, seeds: [1, 5, 9] },
    { transforms: [{ kind: "flip" }, { kind: "blur", sigmas: [0, 1] }, { kind: "noise", sd: 0.1, uniform: 0 }] },
    { parametrization: { kind: "cppn", hidden: 24, layers: 8 }, color: "gray", alpha: { kind: "learned", background: 0.5 } },
    { schedule: { kind: "warmup", warmup: 10, to: 0 }, optimizer: { kind: "sgd", learningRate: 1, momentum: 0.9 } },
    { start: "photo", maxPool: "smooth", batch: 1, size: 512, transforms: [crops] },
  ])("accepts %j", (json) => expect(validateRecipe(json)).toMatchObject(json));

  test.each<[unknown, string]>([
    ["lucid", "a recipe must be a JSON object."],
    [[], "a recipe must be a JSON object."],
    [{ step: 5 }, 'recipe field "step" is not known; there are version, name, size, steps, seed, batch, seeds, parametrization,'],
    [{ version: 2 }, 'recipe field "version" is 2; it must be 1, the only version that this program reads.'],
    [{ steps: 0 }, 'recipe field "steps" is 0; it must be a whole number from 1 to 10000.'],
    [{ steps: "12" }, 'recipe field "steps" is "12"; it must be a whole number from 1 to 10000.'],
    [{ steps: undefined }, 'recipe field "steps" is missing; it must be a whole number from 1 to 10000.'],
    [{ size: 1e9 }, 'recipe field "size" is 1000000000; it must be a whole number from 16 to 1024.'],
    [{ size: 128.5 }, 'recipe field "size" is 128.5'],
    [{ seed: -1 }, 'recipe field "seed" is -1; it must be a whole number from 0 to 4294967295.'],
    [{ batch: 65 }, 'recipe field "batch" is 65; it must be a whole number from 1 to 64.'],
    [{ seeds: [1, 2] }, 'recipe field "seeds" has 2 seeds, but the batch is 1; there must be one for each picture.'],
    [{ seeds: [-1] }, 'recipe field "seeds[0]" is -1; it must be a whole number from 0 to 4294967295.'],
    [{ name: 5 }, 'recipe field "name" is 5; it must be a text of at most 80 letters.'],
    [{ name: "n".repeat(81) }, `recipe field "name" is "${"n".repeat(60)}…"; it must be a text of at most 80 letters.`],
    [{ color: "grey" }, 'recipe field "color" is "grey"; it must be decorrelated or plain or gray.'],
    [{ alpha: true }, 'recipe field "alpha" is true; it must be an object whose kind is learned or attribution.'],
    [{ start: 1 }, 'recipe field "start" is 1; it must be a picture\'s name of 1 to 200 letters.'],
    [{ parametrization: null }, 'recipe field "parametrization" is null; it must be an object whose kind is fourier or pixel or'],
    [
      { parametrization: [1] },
      'recipe field "parametrization.kind" is missing; it must be fourier or pixel or pyramid or lowres or',
    ],
    [
      { parametrization: { kind: "fourier", sd: 0.01 } },
      'recipe field "parametrization.decayPower" is missing; it must be a number from 0 to 3.',
    ],
    [
      { parametrization: { kind: "pixel", sd: 0.01, decayPower: 1 } },
      'recipe field "parametrization.decayPower" is not known; there are kind, sd.',
    ],
    [{ optimizer: { kind: "rmsprop" } }, 'recipe field "optimizer.kind" is "rmsprop"; it must be adam or nadam or sgd.'],
    [{ optimizer: { kind: "toString" } }, 'recipe field "optimizer.kind" is "toString"; it must be adam or nadam or sgd.'],
    [{ transforms: {} }, 'recipe field "transforms" is an object; it must be a list of at most 16 transforms.'],
    [{ transforms: [null] }, 'recipe field "transforms[0]" is null; it must be an object whose kind is pad or jitter or'],
    [
      { transforms: [{ kind: "scale", factors: [] }] },
      'recipe field "transforms[0].factors" is a list of 0; it must be a list of 1 to 256 numbers.',
    ],
    [
      { transforms: [{ kind: "scale", factors: [0] }] },
      'recipe field "transforms[0].factors[0]" is 0; it must be a number from 0.25 to 4.',
    ],
    [
      { transforms: [{ kind: "pad", pixels: 4 }] },
      'recipe field "transforms[0].value" is missing; it must be a number from 0 to 1.',
    ],
    [
      { transforms: [{ ...crops, count: 65 }] },
      'recipe field "transforms[0].count" is 65; it must be a whole number from 1 to 64.',
    ],
    [
      { size: 32, transforms: [{ kind: "jitter", pixels: 20 }] },
      "the transforms leave 12 of 32 pixels; at least 16 must be left. Choose a larger size or smaller jitter.",
    ],
    [
      { transforms: [...Array<object>(16).fill({ kind: "pad", pixels: 256, value: 0 })] },
      "the transforms make 2176 of 128 pixels; at most 2048 are allowed. Pad less.",
    ],
    [{ batch: 64, size: 1024 }, "64 pictures of 1024 pixels a side are more than one step can hold (16777216 pixels)."],
    [{ transforms: [crops, crops] }, "4096 views of 224 pixels a side are more than one step can hold"],
    [JSON.parse('{"__proto__": {"steps": 1}}'), 'recipe field "__proto__" is not known'],
    [{ sd: 1 }, 'recipe field "sd" is not known'],
    [{ redirectSteps: Infinity }, 'recipe field "redirectSteps" is Infinity; it must be a whole number from 0 to 10000.'],
  ])("refuses %j", (json, message) => {
    expect(() => validateRecipe(json)).toThrow(RecipeError);
    expect(() => validateRecipe(json)).toThrow(message);
  });
});
