/**
 * What made a picture, as JSON small enough to lie in its PNG: with the weights at hand, enough to make it again, bit for bit on the same
 * backend.
 */
import * as v from "valibot";
import { channelOrders, type Preprocessing } from "../../onnx/preprocessing";
import { ObjectiveError, type Objective } from "../objective/types";
import type { Recipe } from "../recipe";
import { fields, firstFault, kind, list, number, oneOf, text, variants, whole } from "./fields";
import { objectiveSchema, validateObjective } from "./objective";
import { LIMITS, pictureName, RecipeError, recipeSchema, validateRecipe } from "./recipe";

export interface PictureRecord {
  format: "micrographia";
  version: 1;
  model: {
    /** The catalogue's id, or the name of a file that the catalogue does not know. */
    id: string;
    title: string;
    /** SHA-256 of the file that held the weights, lower-case hex. */
    weights: string;
    /** How it wants its pictures. */
    preprocessing: Preprocessing;
  };
  objective: Objective;
  recipe: Recipe;
  /** Pictures that the objective and the recipe name, those drawn by rule excepted. */
  pictures: { name: string; sha256: string }[];
  backend: "webgpu" | "wasm";
  shows: Shown | Film;
  made: {
    /** The objective reached, of what is shown; null where it was no number. */
    objective: number | null;
    /** Steps made: fewer than the recipe's where it was stopped. */
    steps: number;
    /** How often another objective was taken up on the way: more than 0, and the picture cannot be made again in one go. */
    turns: number;
    /** For people: "WASM, 2 threads". */
    device: string;
    /** The version of the program. */
    app: string;
  };
}

/** One picture of the batch, from 0; or all of them in rows of `columns`, so many transparent pixels apart. */
export type Shown = { kind: "picture"; index: number } | { kind: "sheet"; columns: number; gap: number };

/** How it grew: what came in with each of `steps` (the last of all: what came out), in rows where it is one picture. */
export interface Film {
  kind: "film";
  of: Shown;
  steps: number[];
  columns: number;
  gap: number;
}

/** A record that cannot be followed; the message names the field, its value and what is allowed. */
export class RecordError extends Error {
  override readonly name = "RecordError";
}

const digestWords = "a SHA-256 in lower-case hex";
const sha256 = v.pipe(v.string(digestWords), v.regex(/^[0-9a-f]{64}$/, digestWords));
const side = whole(1, 8192);
const figures = list(number(-1e6, 1e6), [1, 4], "numbers");
const preprocessing = fields({
  input: text(0, 1000),
  layout: oneOf("NCHW", "NHWC"),
  channels: oneOf(...channelOrders),
  range: v.picklist([1, 255], "1 or 255"),
  mean: figures,
  std: figures,
  size: v.union([side, v.strictTuple([side, side])], "a side, or a list of height and width, of 1 to 8192 pixels"),
});

const FRAMES_MOST = 1024;
const still = [
  kind("picture", { index: whole(0, LIMITS.batch[1] - 1) }),
  kind("sheet", { columns: whole(1, LIMITS.batch[1]), gap: whole(0, 256) }),
];

export const recordSchema = fields({
  format: v.literal("micrographia", '"micrographia"'),
  version: v.literal(1, "1, the only version that this program reads"),
  model: fields({ id: text(1, 1000), title: text(0, 1000), weights: sha256, preprocessing }),
  objective: objectiveSchema,
  recipe: recipeSchema,
  pictures: list(fields({ name: pictureName, sha256 }), [0, 1024], "pictures"),
  backend: oneOf("webgpu", "wasm"),
  shows: variants([
    ...still,
    kind("film", {
      of: variants(still),
      steps: list(whole(1, LIMITS.steps[1]), [1, FRAMES_MOST], "steps"),
      columns: whole(1, FRAMES_MOST),
      gap: whole(0, 256),
    }),
  ]),
  made: fields({
    objective: v.nullable(v.number("a number")),
    steps: whole(0, LIMITS.steps[1]),
    turns: whole(0, LIMITS.steps[1]),
    device: text(0, 200),
    app: text(0, 80),
  }),
});

/** `json` as a PictureRecord. Throws RecordError naming the first field that is wrong. */
export function validateRecord(json: unknown): PictureRecord {
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw new RecordError("a record must be a JSON object.");
  const { objective, recipe } = json as Partial<PictureRecord>;
  try {
    validateObjective(objective);
    validateRecipe(recipe);
  } catch (error) {
    if (error instanceof ObjectiveError || error instanceof RecipeError) throw new RecordError(error.message);
    throw error;
  }
  const fault = firstFault(recordSchema, json, "record");
  if (fault) throw new RecordError(fault);
  return json as PictureRecord;
}
