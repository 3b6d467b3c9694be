/** Recipes from links, files and command lines: what one may hold, so that none can hang a reader's machine. */
import * as v from "valibot";
import type { Recipe } from "../recipe";
import { lucid } from "../recipes";
import { sideAfter } from "../transforms/affine";
import { copiesOf } from "../transforms/plan";
import { fields, firstFault, kind, list, number, oneOf, text, variants, whole } from "./fields";

/** The least and the most of each. */
export const LIMITS = {
  /** Pixels a side, of the picture. */
  size: [16, 1024],
  /** Pixels a side, of what the transforms make of it. */
  side: [16, 2048],
  steps: [1, 10_000],
  seed: [0, 2 ** 32 - 1],
  batch: [1, 64],
  crops: [1, 64],
  transforms: [0, 16],
  /** Pixels of padding and jitter. */
  pixels: [0, 256],
  factor: [0.25, 4],
  degrees: [-180, 180],
  name: [0, 80],
} as const;

/** Pixels of all pictures of a batch together, or of all that the network is shown at one step: 16 of 1024 x 1024. */
const MOST_PIXELS = 2 ** 24;

/** A recipe that cannot be followed; the message names the field, its value and what is allowed. */
export class RecipeError extends Error {
  override readonly name = "RecipeError";
}

const range = ([low, high]: readonly [number, number]) => whole(low, high);
const pixels = range(LIMITS.pixels);
const share = number(0, 1);
const sd = number(0, 10);
/** Below 1, so that a running mean forgets. */
const momentum = number(0, 0.9999999);
export const pictureName = text(1, 200, "a picture's name");
const numbers = (low: number, high: number) => list(number(low, high), [1, 256], "numbers");

const transform = variants([
  kind("pad", { pixels, value: share }),
  kind("jitter", { pixels }),
  kind("scale", { factors: numbers(...LIMITS.factor) }),
  kind("rotate", { degrees: numbers(...LIMITS.degrees) }),
  kind("flip", {}),
  kind("crops", {
    count: range(LIMITS.crops),
    pixels: range(LIMITS.size),
    from: number(0.01, 1),
    to: number(0.01, 1),
    centreSd: share,
    sizeSd: share,
  }),
  kind("blur", { sigmas: numbers(0, 64) }),
  kind("noise", { sd: share, uniform: number(0, 2) }),
]);

const decayPower = number(0, 3);
const parametrization = variants([
  kind("fourier", { sd, decayPower }),
  kind("pixel", { sd }),
  kind("pyramid", { sd, levels: whole(1, 11) }),
  kind("lowres", { sd, factor: number(1, 1024) }),
  kind("cppn", { hidden: whole(1, 128), layers: whole(1, 16) }),
  kind("shared", { sd, decayPower, factors: list(number(1, 1024), [0, 16], "numbers") }),
  kind("maco", { sd, pictures: list(pictureName, [0, 256], "names of pictures") }),
]);

const learningRate = number(0, 10);
const optimizer = variants([
  kind("adam", { learningRate, beta1: momentum, beta2: momentum, epsilon: share }),
  kind("nadam", { learningRate, beta1: momentum, beta2: momentum, epsilon: share }),
  kind("sgd", { learningRate, momentum }),
]);

const schedule = variants([
  kind("constant", {}),
  kind("linear", { to: number(0, 10) }),
  kind("cosine", { to: number(0, 10) }),
  kind("warmup", { warmup: whole(0, LIMITS.steps[1]), to: number(0, 10) }),
]);

const alpha = variants([kind("learned", { background: number(0, 10) }), kind("attribution", { percentile: number(0, 99.99) })]);

export const recipeSchema = fields({
  version: v.literal(1, "1, the only version that this program reads"),
  name: text(...LIMITS.name),
  size: range(LIMITS.size),
  steps: range(LIMITS.steps),
  seed: range(LIMITS.seed),
  batch: range(LIMITS.batch),
  seeds: v.optional(list(range(LIMITS.seed), LIMITS.batch, "seeds")),
  parametrization,
  color: oneOf("decorrelated", "plain", "gray"),
  alpha: v.nullable(alpha),
  start: v.nullable(pictureName),
  transforms: list(transform, LIMITS.transforms, "transforms"),
  optimizer,
  schedule,
  redirectSteps: whole(0, LIMITS.steps[1]),
  maxPool: oneOf("exact", "smooth"),
});

/**
 * `json` as a Recipe, what it leaves out taken from `base`. Throws RecipeError naming the first field that is wrong.
 * Unknown fields are refused: a misspelt one would otherwise change nothing in silence.
 */
export function validateRecipe(json: unknown, base: Recipe = lucid): Recipe {
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw new RecipeError("a recipe must be a JSON object.");
  const recipe = { ...base, ...json };
  const fault = firstFault(recipeSchema, recipe, "recipe") ?? faultTogether(recipe);
  if (fault) throw new RecipeError(fault);
  return recipe;
}

/** What is wrong with fields that are well each by itself. */
function faultTogether({ size, batch, seeds, transforms }: Recipe): string | null {
  if (seeds && seeds.length !== batch)
    return `recipe field "seeds" has ${seeds.length} seeds, but the batch is ${batch}; there must be one for each picture.`;
  const [least, most] = LIMITS.side;
  let side = size;
  for (const t of transforms) {
    side = sideAfter(side, t);
    if (side < least)
      return `the transforms leave ${side} of ${size} pixels; at least ${least} must be left. Choose a larger size or smaller jitter.`;
    if (side > most) return `the transforms make ${side} of ${size} pixels; at most ${most} are allowed. Pad less.`;
  }
  const views = batch * copiesOf(transforms);
  if (batch * size * size > MOST_PIXELS)
    return `${batch} pictures of ${size} pixels a side are more than one step can hold (${MOST_PIXELS} pixels). Choose a smaller batch or size.`;
  return views * side * side > MOST_PIXELS
    ? `${views} views of ${side} pixels a side are more than one step can hold (${MOST_PIXELS} pixels). Choose a smaller batch or fewer crops.`
    : null;
}
