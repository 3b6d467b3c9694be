/** The named recipes, as plain data. */
import type { Recipe, Transform } from "./recipe";

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

/**
 * Feature accentuation (Hamblin et al. 2024): a photo, called "photo", is led on from where it is. Rate and steps chosen by eye on GoogLeNet:
 * the photo is still itself, what the unit sees in it has grown; twice of both is a new picture.
 */
export const accentuation: Recipe = {
  ...lucid,
  name: "accentuation",
  size: 224,
  steps: 64,
  start: "photo",
  transforms: [
    { kind: "pad", pixels: 12, value: 0.5 },
    { kind: "jitter", pixels: 16 },
    { kind: "scale", factors: [1, 0.975, 1.025, 0.95, 1.05] },
    { kind: "rotate", degrees: range(-5, 5) },
    { kind: "jitter", pixels: 8 },
  ],
  optimizer: { ...ADAM, learningRate: 0.01 },
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
