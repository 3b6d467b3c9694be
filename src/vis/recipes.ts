/** The named recipes, as plain data, and the check that a recipe from a link or a file is one. */
import type { Recipe, Transform } from "./recipe";
import { transformedSize } from "./transforms/plan";

const ADAM = { kind: "adam", learningRate: 0.05, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;
const FOURIER = { kind: "fourier", sd: 0.01, decayPower: 1 } as const;

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Lucid's optvis/transform.py, standard_transforms: zooms of 1 + (i - 5) / 50, turns of -10 to 10 degrees, and none five times as often. */
const LUCID_TRANSFORMS: Transform[] = [
  { kind: "pad", pixels: 12, value: 0.5 },
  { kind: "jitter", pixels: 8 },
  { kind: "scale", factors: range(0, 10).map((i) => 1 + (i - 5) / 50) },
  { kind: "rotate", degrees: [...range(-10, 10), 0, 0, 0, 0, 0] },
  { kind: "jitter", pixels: 4 },
];

/** Lucid's default (Olah et al. 2017-2019): what most published feature visualisations follow. */
export const lucid: Recipe = {
  version: 1,
  name: "lucid",
  size: 128,
  steps: 512,
  seed: 1,
  batch: 1,
  parametrization: FOURIER,
  color: "decorrelated",
  alpha: null,
  start: null,
  transforms: LUCID_TRANSFORMS,
  optimizer: ADAM,
  schedule: { kind: "constant" },
  redirectSteps: 16,
  maxPool: "exact",
};

/**
 * Ours: as good a picture as Lucid's, as soon as can be. Found by measuring GoogLeNet's units and looking at the pictures (bench/quick.ts):
 * twice the rate; less momentum, which lags behind where there are so few steps (the finding that counts most); and gentler transforms,
 * with just the border that they need, as wide ones hold each step back. Rates that fall do worse: contrast has to be gained till the end.
 */
export const quick: Recipe = {
  ...lucid,
  name: "quick",
  steps: 96,
  transforms: [
    { kind: "pad", pixels: 4, value: 0.5 },
    { kind: "jitter", pixels: 4 },
    { kind: "scale", factors: range(0, 10).map((i) => 1 + (i - 5) / 100) },
    { kind: "rotate", degrees: [...range(-5, 5), 0, 0, 0, 0, 0] },
    { kind: "jitter", pixels: 2 },
  ],
  optimizer: { ...ADAM, learningRate: 0.1, beta1: 0.6 },
};

/**
 * Lucid's with a steeper spectrum, climbed more slowly: for networks of strided depthwise convolutions, such as MobileNets, which
 * otherwise answer with weave and moire. Chosen by eye on MobileNet v3, where it shows jars, cups and faces; the objective it reaches
 * is about the same.
 */
export const soft: Recipe = {
  ...lucid,
  name: "soft",
  parametrization: { ...FOURIER, decayPower: 1.5 },
  optimizer: { ...ADAM, learningRate: 0.015 },
};

/** "Feature Visualization", Distill 2017, appendix: gentler zooms and turns, five times the steps. */
export const distill2017: Recipe = {
  ...lucid,
  name: "distill2017",
  steps: 2560,
  transforms: [
    { kind: "pad", pixels: 16, value: 0.5 },
    { kind: "jitter", pixels: 16 },
    { kind: "scale", factors: [1, 0.975, 1.025, 0.95, 1.05] },
    { kind: "rotate", degrees: range(-5, 5) },
    { kind: "jitter", pixels: 8 },
  ],
};

/** OpenAI Microscope's: Lucid's transforms for eight times the steps, larger, and two seeds of each unit. */
export const microscope: Recipe = { ...lucid, name: "microscope", size: 224, steps: 4096, batch: 2 };

/** Microscope's with transparency, over random backgrounds as strong as Lucid's collapse_alpha_random has them. */
export const microscopeAlpha: Recipe = {
  ...microscope,
  name: "microscope-alpha",
  alpha: { kind: "learned", background: 0.5 },
};

/**
 * MACO (Fel et al. 2023) by the figures of Xplique's features_visualizations/maco.py: phases only, small crops that become smaller, opaque
 * where the gradient was strong.
 */
export const maco: Recipe = {
  ...lucid,
  name: "maco",
  size: 512,
  steps: 256,
  parametrization: { kind: "maco", sd: 1, pictures: [] },
  alpha: { kind: "attribution", percentile: 80 },
  transforms: [
    { kind: "crops", count: 32, pixels: 224, from: 0.5, to: 0.05, centreSd: 0.15, sizeSd: 0.05 },
    { kind: "noise", sd: 0.08, uniform: 0.08 },
  ],
  optimizer: { kind: "nadam", learningRate: 1, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 },
};

/** Feature accentuation (Hamblin et al. 2024): a photo, called "photo", is led on from where it is, gently enough to stay itself. */
export const accentuation: Recipe = {
  ...lucid,
  name: "accentuation",
  size: 224,
  steps: 128,
  start: "photo",
  transforms: [
    { kind: "pad", pixels: 12, value: 0.5 },
    { kind: "jitter", pixels: 16 },
    { kind: "scale", factors: [1, 0.975, 1.025, 0.95, 1.05] },
    { kind: "rotate", degrees: range(-5, 5) },
    { kind: "jitter", pixels: 8 },
  ],
  optimizer: { ...ADAM, learningRate: 0.02 },
  schedule: { kind: "cosine", to: 0 },
};

export const recipes: Readonly<Record<string, Recipe>> = {
  quick,
  lucid,
  distill2017,
  microscope,
  "microscope-alpha": microscopeAlpha,
  maco,
  soft,
  accentuation,
};

/** The recipe that a model's card names; Lucid's when it names none that is known. */
export const recipeOf = ({ recipe = lucid.name }: { recipe?: string }): Recipe =>
  Object.hasOwn(recipes, recipe) ? recipes[recipe]! : lucid;

/** The seed of each picture of the batch. */
export const seedsOf = ({ seed, seeds, batch }: Pick<Recipe, "seed" | "seeds" | "batch">): number[] =>
  seeds ?? Array.from({ length: batch }, (_, i) => (seed + i) >>> 0);

/** A recipe that cannot be followed; the message names the field, its value and what is allowed. */
export class RecipeError extends Error {
  override readonly name = "RecipeError";
}

/** What a link or a file may ask for, so that none can hang a reader's machine. */
export const LIMITS = {
  size: [16, 1024],
  steps: [1, 10_000],
  batch: [1, 64],
  pixels: [0, 256],
  factor: [0.25, 4],
  degrees: [-180, 180],
} as const;

/**
 * `json` as a Recipe, defaults taken from `base`. Throws RecipeError naming the first field that is wrong.
 * Unknown fields are refused: a misspelt one would otherwise change nothing in silence.
 */
export function validateRecipe(json: unknown, base: Recipe = lucid): Recipe {
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw new RecipeError("a recipe must be a JSON object.");
  const unknown = Object.keys(json).find((key) => key !== "seeds" && !Object.hasOwn(base, key));
  if (unknown) throw new RecipeError(`recipe field "${unknown}" is not known; there are ${Object.keys(base).join(", ")}.`);
  const recipe = { ...base, ...(json as Partial<Recipe>) };
  if (recipe.version !== 1)
    throw new RecipeError(`recipe version ${String(recipe.version)} is not known; this program reads version 1.`);
  if (typeof recipe.name !== "string" || recipe.name.length > 80)
    throw new RecipeError(`recipe field "name" is ${JSON.stringify(recipe.name)}; it must be a text of at most 80 letters.`);
  inRange("size", recipe.size, LIMITS.size, true);
  inRange("steps", recipe.steps, LIMITS.steps, true);
  inRange("seed", recipe.seed, [0, 2 ** 32 - 1], true);
  inRange("redirectSteps", recipe.redirectSteps, [0, LIMITS.steps[1]], true);
  inRange("batch", recipe.batch, LIMITS.batch, true);
  oneOf("color", recipe.color, ["decorrelated", "plain", "gray"]);
  oneOf("parametrization.kind", recipe.parametrization?.kind, [
    "fourier",
    "pixel",
    "pyramid",
    "lowres",
    "cppn",
    "shared",
    "maco",
  ]);
  if ("sd" in recipe.parametrization) inRange("parametrization.sd", recipe.parametrization.sd, [0, 10]);
  if (recipe.parametrization.kind === "fourier") inRange("parametrization.decayPower", recipe.parametrization.decayPower, [0, 3]);
  oneOf("optimizer.kind", recipe.optimizer?.kind, ["adam", "nadam", "sgd"]);
  inRange("optimizer.learningRate", recipe.optimizer.learningRate, [0, 10]);
  if (recipe.optimizer.kind === "sgd") inRange("optimizer.momentum", recipe.optimizer.momentum, [0, 0.9999999]);
  else {
    inRange("optimizer.beta1", recipe.optimizer.beta1, [0, 0.9999999]);
    inRange("optimizer.beta2", recipe.optimizer.beta2, [0, 0.9999999]);
    inRange("optimizer.epsilon", recipe.optimizer.epsilon, [0, 1]);
  }
  if (!Array.isArray(recipe.transforms) || recipe.transforms.length > 16)
    throw new RecipeError("transforms must be a list of at most 16.");
  recipe.transforms.forEach((t, i) => checkTransform(t, `transforms[${i}]`));
  const [least, most] = LIMITS.size;
  const side = transformedSize(recipe.size, recipe.transforms);
  if (side < least)
    throw new RecipeError(
      `the transforms leave ${side} of ${recipe.size} pixels; at least ${least} must be left. Choose a larger size or smaller jitter.`,
    );
  if (side > 2 * most)
    throw new RecipeError(`the transforms make ${side} of ${recipe.size} pixels; at most ${2 * most} are allowed. Pad less.`);
  return recipe;
}

function checkTransform(t: Transform, where: string): void {
  oneOf(`${where}.kind`, t?.kind, ["pad", "jitter", "scale", "rotate", "flip", "crops", "blur", "noise"]);
  if (t.kind === "pad" || t.kind === "jitter") inRange(`${where}.pixels`, t.pixels, LIMITS.pixels, true);
  if (t.kind === "pad") inRange(`${where}.value`, t.value, [0, 1]);
  if (t.kind === "scale") listInRange(`${where}.factors`, t.factors, LIMITS.factor);
  if (t.kind === "rotate") listInRange(`${where}.degrees`, t.degrees, LIMITS.degrees);
}

function inRange(field: string, value: unknown, [low, high]: readonly [number, number], whole = false): void {
  if (typeof value !== "number" || !(value >= low && value <= high) || (whole && !Number.isInteger(value)))
    throw new RecipeError(
      `recipe field "${field}" is ${JSON.stringify(value)}; it must be a ${whole ? "whole " : ""}number from ${low} to ${high}.`,
    );
}

function listInRange(field: string, values: unknown, range: readonly [number, number]): void {
  if (!Array.isArray(values) || values.length === 0 || values.length > 256)
    throw new RecipeError(`recipe field "${field}" must list 1 to 256 numbers.`);
  values.forEach((v, i) => inRange(`${field}[${i}]`, v, range));
}

function oneOf(field: string, value: unknown, allowed: readonly string[]): void {
  if (!allowed.includes(value as string))
    throw new RecipeError(`recipe field "${field}" is ${JSON.stringify(value)}; it must be ${allowed.join(" or ")}.`);
}
