import { describe, expect, test } from "vitest";
import { recipes, RecipeError, validateRecipe } from "./recipes";

describe("validateRecipe", () => {
  test.each(Object.keys(recipes))("accepts %s, after a journey through JSON", (name) =>
    expect(validateRecipe(JSON.parse(JSON.stringify(recipes[name])))).toEqual(recipes[name]),
  );

  test("fills in what is left out from the base", () => {
    expect(validateRecipe({ steps: 3 }, recipes.distill2017)).toEqual({ ...recipes.distill2017, steps: 3 });
    expect(validateRecipe({})).toEqual(recipes.lucid);
  });

  test.each<[unknown, string]>([
    ["lucid", "a recipe must be a JSON object."],
    [{ step: 5 }, 'recipe field "step" is not known; there are version, name, size, steps'],
    [{ version: 2 }, "recipe version 2 is not known; this program reads version 1."],
    [{ steps: 0 }, 'recipe field "steps" is 0; it must be a whole number from 1 to 10000.'],
    [{ steps: "12" }, 'recipe field "steps" is "12"; it must be a whole number from 1 to 10000.'],
    [{ size: 1e9 }, 'recipe field "size" is 1000000000; it must be a whole number from 16 to 1024.'],
    [{ size: 128.5 }, 'recipe field "size" is 128.5'],
    [{ seed: -1 }, 'recipe field "seed" is -1; it must be a whole number from 0 to 4294967295.'],
    [{ name: 5 }, 'recipe field "name" is 5'],
    [{ color: "grey" }, 'recipe field "color" is "grey"; it must be decorrelated or plain or gray.'],
    [{ parametrization: null }, 'recipe field "parametrization.kind" is undefined'],
    [{ parametrization: { kind: "fourier", sd: 0.01 } }, 'recipe field "parametrization.decayPower" is undefined'],
    [{ optimizer: { kind: "rmsprop" } }, 'recipe field "optimizer.kind" is "rmsprop"; it must be adam or nadam or sgd.'],
    [{ transforms: {} }, "transforms must be a list of at most 16."],
    [{ transforms: [null] }, 'recipe field "transforms[0].kind" is undefined'],
    [{ transforms: [{ kind: "scale", factors: [] }] }, 'recipe field "transforms[0].factors" must list 1 to 256 numbers.'],
    [
      { transforms: [{ kind: "scale", factors: [0] }] },
      'recipe field "transforms[0].factors[0]" is 0; it must be a number from 0.25 to 4.',
    ],
    [{ transforms: [{ kind: "pad", pixels: 4 }] }, 'recipe field "transforms[0].value" is undefined'],
    [
      { size: 32, transforms: [{ kind: "jitter", pixels: 20 }] },
      "the transforms leave 12 of 32 pixels; at least 16 must be left. Choose a larger size or smaller jitter.",
    ],
  ])("refuses %j", (json, message) => {
    expect(() => validateRecipe(json)).toThrow(RecipeError);
    expect(() => validateRecipe(json)).toThrow(message);
  });
});
