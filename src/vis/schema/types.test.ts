/** The schemas say exactly what the types say: checked by the compiler. */
import type * as v from "valibot";
import { expectTypeOf, test } from "vitest";
import type { Objective } from "../objective/types";
import type { Recipe } from "../recipe";
import type { objectiveSchema } from "./objective";
import type { recipeSchema } from "./recipe";
import type { PictureRecord, recordSchema } from "./record";

test("what the schemas accept is what the types name", () => {
  expectTypeOf<v.InferOutput<typeof recipeSchema>>().toEqualTypeOf<Recipe>();
  expectTypeOf<v.InferOutput<typeof objectiveSchema>>().toEqualTypeOf<Objective>();
  expectTypeOf<v.InferOutput<typeof recordSchema>>().toExtend<PictureRecord>();
});
