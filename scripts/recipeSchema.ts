/**
 * `npm run schema`: public/recipe.schema.json, for editors and other programs, from the schemas that the app itself checks by
 * (src/vis/schema). A recipe's fields may all be left out; $defs/objective and $defs/record are the two other things that travel.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { toJsonSchemaDefs } from "@valibot/to-json-schema";
import * as v from "valibot";
import { objectiveSchema } from "../src/vis/schema/objective";
import { recipeSchema } from "../src/vis/schema/recipe";
import { recordSchema } from "../src/vis/schema/record";

export const SCHEMA_FILE = resolve(import.meta.dirname, "../public/recipe.schema.json");

/** JSON Schema, draft 2020-12, of what a link, a file or a command line may hold. */
export function recipeJsonSchema(): object {
  const { recipe, ...others } = toJsonSchemaDefs(
    { recipe: v.partial(recipeSchema), objective: objectiveSchema, record: recordSchema },
    { target: "draft-2020-12", errorMode: "throw" },
  );
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "A recipe of Micrographia: how a picture is made",
    description: "What is left out is taken from the recipe that it is laid over: Lucid's, or the one that is named beside it.",
    ...recipe,
    $defs: others,
  };
}

export const recipeSchemaText = (): string => `${JSON.stringify(recipeJsonSchema(), null, 1)}\n`;

/** Whether the file is what the schemas say now. */
export const isCurrent = (): boolean => readFileSync(SCHEMA_FILE, "utf8") === recipeSchemaText();

if (process.argv[1] === import.meta.filename) writeFileSync(SCHEMA_FILE, recipeSchemaText());
