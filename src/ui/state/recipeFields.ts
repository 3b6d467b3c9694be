/** What can be set in a recipe, kind by kind: the words, the units, and what a kind starts as. */
import type { Alpha, Optimizer, Parametrization, Recipe, Schedule, Transform } from "../../vis/recipe";

/** One number, or list of numbers, of a kind. */
export interface Field {
  key: string;
  title: string;
  /** "px", "degrees", "of 1". */
  unit?: string;
  step?: number;
  list?: boolean;
}

export interface KindWords<T> {
  title: string;
  says: string;
  begin: T;
  fields: readonly Field[];
}

type Kinds<T extends { kind: string }> = Readonly<Record<T["kind"], KindWords<T>>>;

const noise: Field = { key: "sd", title: "Noise to start from", step: 0.01 };

export const PARAMETRIZATIONS: Kinds<Parametrization> = {
  fourier: {
    title: "Waves (Fourier)",
    says: "A spectrum, with the energies of natural pictures.",
    begin: { kind: "fourier", sd: 0.01, decayPower: 1 },
    fields: [noise, { key: "decayPower", title: "Decay with frequency", step: 0.1 }],
  },
  pixel: {
    title: "Pixels",
    says: "Each pixel by itself: fine noise shows.",
    begin: { kind: "pixel", sd: 0.01 },
    fields: [noise],
  },
  pyramid: {
    title: "Pyramid",
    says: "Pixel pictures of falling size, added up.",
    begin: { kind: "pyramid", sd: 0.01, levels: 4 },
    fields: [{ key: "levels", title: "Levels", step: 1 }, noise],
  },
  lowres: {
    title: "Low resolution",
    says: "A small picture, enlarged: only large shapes.",
    begin: { kind: "lowres", sd: 0.01, factor: 4 },
    fields: [{ key: "factor", title: "Smaller by", step: 1 }, noise],
  },
  cppn: {
    title: "Network (CPPN)",
    says: "A small network from a place to its colour: smooth, at any size.",
    begin: { kind: "cppn", hidden: 24, layers: 8 },
    fields: [
      { key: "hidden", title: "Units a layer", step: 1 },
      { key: "layers", title: "Layers", step: 1 },
    ],
  },
  shared: {
    title: "Shared waves",
    says: "What is large is shared by all pictures of the batch.",
    begin: { kind: "shared", sd: 0.01, decayPower: 1, factors: [2, 4, 8, 16] },
    fields: [{ key: "factors", title: "Shared pictures, smaller by", list: true }, noise],
  },
  maco: {
    title: "Phases (MACO)",
    says: "Magnitudes stay those of pictures, only phases change.",
    begin: { kind: "maco", sd: 1, pictures: [] },
    fields: [noise],
  },
};

export const TRANSFORMS: Kinds<Transform> = {
  pad: {
    title: "Pad",
    says: "A plain frame around the picture.",
    begin: { kind: "pad", pixels: 12, value: 0.5 },
    fields: [
      { key: "pixels", title: "Width", unit: "px", step: 1 },
      { key: "value", title: "Brightness", unit: "of 1", step: 0.1 },
    ],
  },
  jitter: {
    title: "Jitter",
    says: "A crop at a random place.",
    begin: { kind: "jitter", pixels: 8 },
    fields: [{ key: "pixels", title: "Cut off", unit: "px", step: 1 }],
  },
  scale: {
    title: "Zoom",
    says: "One of these, at random.",
    begin: { kind: "scale", factors: [0.95, 0.975, 1, 1.025, 1.05] },
    fields: [{ key: "factors", title: "Factors", list: true }],
  },
  rotate: {
    title: "Turn",
    says: "One of these, at random.",
    begin: { kind: "rotate", degrees: [-5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5] },
    fields: [{ key: "degrees", title: "Angles", unit: "degrees", list: true }],
  },
  flip: { title: "Mirror", says: "Left to right, every other time.", begin: { kind: "flip" }, fields: [] },
  crops: {
    title: "Crops",
    says: "Windows at random places, all seen at once, smaller as it goes on.",
    begin: { kind: "crops", count: 8, pixels: 128, from: 0.5, to: 0.25, centreSd: 0.15, sizeSd: 0.05 },
    fields: [
      { key: "count", title: "How many", step: 1 },
      { key: "pixels", title: "Drawn at", unit: "px", step: 1 },
      { key: "from", title: "Side at first", unit: "of 1", step: 0.05 },
      { key: "to", title: "Side at last", unit: "of 1", step: 0.05 },
    ],
  },
  blur: {
    title: "Blur",
    says: "By one of these, at random.",
    begin: { kind: "blur", sigmas: [0, 0.5, 1] },
    fields: [{ key: "sigmas", title: "Radii", unit: "px", list: true }],
  },
  noise: {
    title: "Noise",
    says: "Added afresh at each step.",
    begin: { kind: "noise", sd: 0.08, uniform: 0 },
    fields: [
      { key: "sd", title: "Normal", unit: "of 1", step: 0.01 },
      { key: "uniform", title: "Uniform", unit: "of 1", step: 0.01 },
    ],
  },
};

const rate: Field = { key: "learningRate", title: "Learning rate", step: 0.005 };
const adamFields: Field[] = [
  rate,
  { key: "beta1", title: "Momentum (β₁)", step: 0.05 },
  { key: "beta2", title: "Memory (β₂)", step: 0.001 },
];
const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

export const OPTIMIZERS: Kinds<Optimizer> = {
  adam: {
    title: "Adam",
    says: "Steps of even size for each number.",
    begin: { kind: "adam", learningRate: 0.05, ...adam },
    fields: adamFields,
  },
  nadam: {
    title: "NAdam",
    says: "Adam that looks one step ahead.",
    begin: { kind: "nadam", learningRate: 0.05, ...adam },
    fields: adamFields,
  },
  sgd: {
    title: "Gradient, normalised",
    says: "DeepDream’s: straight up the gradient.",
    begin: { kind: "sgd", learningRate: 0.05, momentum: 0 },
    fields: [rate, { key: "momentum", title: "Momentum", step: 0.05 }],
  },
};

const end: Field = { key: "to", title: "To a share of", unit: "of 1", step: 0.05 };
export const SCHEDULES: Kinds<Schedule> = {
  constant: { title: "Constant", says: "The same rate throughout.", begin: { kind: "constant" }, fields: [] },
  linear: { title: "Falling evenly", says: "In a straight line.", begin: { kind: "linear", to: 0.1 }, fields: [end] },
  cosine: { title: "Falling softly", says: "Half a cosine wave.", begin: { kind: "cosine", to: 0.1 }, fields: [end] },
  warmup: {
    title: "Rising, then falling",
    says: "From 0, then along half a cosine wave.",
    begin: { kind: "warmup", warmup: 16, to: 0.1 },
    fields: [{ key: "warmup", title: "Rises for", unit: "steps", step: 1 }, end],
  },
};

export const ALPHAS: Kinds<Alpha | { kind: "none" }> = {
  none: { title: "Opaque", says: "All of the picture is drawn.", begin: { kind: "none" }, fields: [] },
  learned: {
    title: "See-through, learned",
    says: "Seen over another random background at each step. See-through (under Refine) thins it.",
    begin: { kind: "learned", background: 0.5 },
    fields: [{ key: "background", title: "Background’s strength", step: 0.1 }],
  },
  attribution: {
    title: "See-through, by gradient",
    says: "Opaque where the gradient was strong.",
    begin: { kind: "attribution", percentile: 80 },
    fields: [{ key: "percentile", title: "Wholly opaque from percentile", step: 5 }],
  },
};

export const COLORS: Readonly<Record<Recipe["color"], string>> = {
  decorrelated: "As in photos (decorrelated)",
  plain: "Plain RGB",
  gray: "Greys",
};
export const MAX_POOLS: Readonly<Record<Recipe["maxPool"], string>> = { exact: "Exact", smooth: "Smoothed" };
