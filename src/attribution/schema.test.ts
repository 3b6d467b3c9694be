import type * as v from "valibot";
import { describe, expect, expectTypeOf, test } from "vitest";
import { methodNames } from "./methods";
import { validateMethod, validateTarget, type methodSchema, type targetSchema } from "./schema";
import type { AttributionMethod, AttributionTarget } from "./types";

test("what the schemas accept is what the types name", () => {
  expectTypeOf<v.InferOutput<typeof methodSchema>>().toExtend<AttributionMethod>();
  expectTypeOf<AttributionMethod>().toExtend<v.InferOutput<typeof methodSchema>>();
  expectTypeOf<v.InferOutput<typeof targetSchema>>().toExtend<AttributionTarget>();
  expectTypeOf<AttributionTarget>().toExtend<v.InferOutput<typeof targetSchema>>();
});

describe("methods", () => {
  test.each(methodNames)("%s alone is enough, and an option of no method is too many", (name) => {
    expect(validateMethod({ name })).toEqual({ name });
    expect(() => validateMethod({ name, magic: 1 })).toThrow('method field "magic" is not known');
  });
  test.each([
    [
      { name: "integratedGradients", baseline: { kind: "green" } },
      'method field "baseline.kind" is "green"; it must be black or white or',
    ],
    [{ name: "lrp", composite: "best" }, 'method field "composite" is "best"; it must be epsilon or gamma or'],
    [null, "an object with a name"],
  ])("%j is refused", (json, message) => {
    expect(() => validateMethod(json)).toThrow(message);
  });
});

describe("targets", () => {
  const unit: AttributionTarget = { kind: "unit", layer: "a", channel: 1 };
  test("differences may lie in one another, to a depth", () => {
    const difference: AttributionTarget = { kind: "difference", of: unit, minus: { kind: "class", class: "cat" } };
    expect(validateTarget(difference)).toEqual(difference);
    let deep: AttributionTarget = unit;
    for (let i = 0; i < 10; i++) deep = { kind: "difference", of: deep, minus: unit };
    expect(() => validateTarget(deep)).toThrow("differences lie more than 8 deep in one another; at most 8 are allowed.");
  });
  test.each([
    [{ kind: "unit", layer: "a", channel: -1 }, 'target field "channel" is -1; it must be a whole number from 0 to 1000000.'],
    [{ kind: "direction", layer: "a", vector: [] }, 'target field "vector" is a list of 0; it must be a list of 1 to 8192'],
    [{ kind: "pixel" }, 'target field "kind" is "pixel"; it must be class or unit or direction or difference.'],
    ["zebra", "an object whose kind is class or unit or direction or difference"],
  ])("%j is refused", (json, message) => {
    expect(() => validateTarget(json)).toThrow(message);
  });
});
