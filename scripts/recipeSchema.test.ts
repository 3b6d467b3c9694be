import { Ajv2020 } from "ajv/dist/2020";
import { describe, expect, test } from "vitest";
import { recipes } from "../src/vis/recipes";
import { isCurrent, recipeJsonSchema } from "./recipeSchema";

const ajv = new Ajv2020({ strictTypes: false }).addSchema({ $id: "recipe", ...recipeJsonSchema() });
const faultsOf = (part: string, json: unknown): string =>
  ajv.validate(`recipe${part}`, json) ? "" : ajv.errorsText(ajv.errors, { separator: "\n" });

test("public/recipe.schema.json is what the schemas say: otherwise run `npm run schema`", () => expect(isCurrent()).toBe(true));

describe("recipe.schema.json", () => {
  test.each(Object.keys(recipes))("%s is one", (name) => expect(faultsOf("", recipes[name])).toBe(""));
  test.each([{ steps: 3 }, {}, { alpha: null, parametrization: { kind: "maco", sd: 1, pictures: [] } }])("%j is one", (json) =>
    expect(faultsOf("", json)).toBe(""),
  );
  test.each<[object, string]>([
    [{ step: 3 }, "must NOT have additional properties"],
    [{ steps: 1e9 }, "data/steps must be <= 10000"],
    [{ parametrization: { kind: "fourier", sd: 0.1 } }, "data/parametrization must have required property 'decayPower'"],
  ])("%j is none", (json, fault) => expect(faultsOf("", json)).toContain(fault));

  test("objectives within objectives", () => {
    const channel = { kind: "channel", layer: "mixed", channel: 3 };
    expect(faultsOf("#/$defs/objective", { kind: "sum", of: [channel, { kind: "scale", by: -1, of: channel }] })).toBe("");
    expect(faultsOf("#/$defs/objective", { kind: "sum", of: [{ ...channel, channel: -1 }] })).toContain(
      "/of/0/channel must be >= 0",
    );
  });
});
