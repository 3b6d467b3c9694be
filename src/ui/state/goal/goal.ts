/**
 * What a reader wants of a picture, as the page's controls hold it: a unit, what is wanted of it, a sign, and penalties.
 * write.ts makes an Objective of it, read.ts finds it again in one. Types, and the words for them.
 */
import type { Objective, PenaltyObjective } from "../../../vis/objective/types";
import type { Settings } from "../settings";

/** The unit that the simple picker holds. */
export type Unit = Pick<Settings, "kind" | "channel" | "x" | "y" | "direction"> & { layer: string };

/** One line of a joint objective. The first line's unit is the picker's own. */
export interface Term {
  /** How it joins the lines above it; products bind closer than sums. */
  op: "+" | "-" | "x";
  weight: number;
  layer: string;
  channel: number;
}

export type Goal =
  /** The picker's unit, and nothing else. */
  | { kind: "unit" }
  /** By name, or by number where names repeat. */
  | { kind: "class"; class: string | number }
  | { kind: "deepdream" }
  /** Pictures of one unit that are pushed apart; weight > 0. */
  | { kind: "sides"; weight: number }
  /** From the unit to another over the batch; `align` > 0 keeps neighbours alike. */
  | { kind: "blend"; to: { layer: string; channel: number }; align: number }
  | { kind: "joint"; terms: readonly Term[] }
  /** The unit over a window of positions; null is the centre. */
  | { kind: "group"; x: number | null; y: number | null; width: number; height: number }
  /** `mask` row-major over [height, width]. */
  | { kind: "painting"; mask: readonly number[]; grid: readonly [height: number, width: number] }
  | { kind: "caricature"; picture: string; cosinePower: number }
  | { kind: "inversion"; picture: string }
  /** The recipe starts from the picture; `near` > 0 holds the layer's answer to it. */
  | { kind: "accentuate"; picture: string; near: number }
  /** Anything else, as it is. */
  | { kind: "json"; objective: Objective };

export type GoalKind = Goal["kind"];
export type PenaltyKind = PenaltyObjective["kind"];

export interface Plan {
  goal: Goal;
  /** Turned round: as little of it as possible. */
  negative: boolean;
  /** What each counts against the goal, > 0; those left out count nothing. */
  penalties: Readonly<Partial<Record<PenaltyKind, number>>>;
}

export const PLAIN: Plan = { goal: { kind: "unit" }, negative: false, penalties: {} };

interface GoalWords {
  title: string;
  /** One plain sentence. */
  says: string;
}

export const GOAL_WORDS: Readonly<Record<GoalKind, GoalWords>> = {
  unit: { title: "The unit itself", says: "What excites one channel, neuron or direction most." },
  sides: { title: "Several sides of one unit", says: "A few pictures at once that excite the same unit in different ways." },
  painting: {
    title: "Where you paint",
    says: "The unit is excited where you paint over the picture, and nowhere in particular else.",
  },
  group: { title: "A patch of the grid", says: "The unit is excited in a small window of positions." },
  blend: { title: "A blend of two units", says: "A row of pictures that leads from one unit to another." },
  joint: {
    title: "Units together",
    says: "Several units, of one layer or several, added, subtracted or multiplied, each with a weight.",
  },
  deepdream: {
    title: "DeepDream of the layer",
    says: "Whatever the layer reacts to, more of it: the squares of all its values.",
  },
  class: { title: "A class by name", says: "What the network answers with this name." },
  caricature: { title: "Caricature", says: "A picture redrawn from noise with what the layer sees in it exaggerated." },
  inversion: {
    title: "What is left of a picture",
    says: "A picture redrawn from noise until the layer cannot tell it from yours.",
  },
  accentuate: { title: "Accentuate a picture", says: "Your picture, changed step by step towards what excites the unit." },
  json: { title: "Written as JSON", says: "Any objective that the engine knows, spelled out." },
};

/** By purpose, in the order of the list. */
export const GOAL_GROUPS: readonly { title: string; kinds: readonly GoalKind[] }[] = [
  { title: "One unit", kinds: ["unit", "sides", "painting", "group"] },
  { title: "Several units", kinds: ["blend", "joint"] },
  { title: "A whole layer, or the answer", kinds: ["deepdream", "class"] },
  { title: "From a picture", kinds: ["caricature", "inversion", "accentuate"] },
  { title: "Anything else", kinds: ["json"] },
];

/** Goals in which the picker's channel has a part. */
export const USES_UNIT: ReadonlySet<GoalKind> = new Set(["unit", "sides", "painting", "group", "blend", "joint", "accentuate"]);

export const PENALTY_WORDS: Readonly<Record<PenaltyKind, GoalWords>> = {
  totalVariation: { title: "Smoothness", says: "Against differences between neighbouring pixels (total variation)." },
  l1: { title: "Greyness, sparse", says: "Against anything but grey, most of it kept wholly grey (L1)." },
  l2: { title: "Greyness, even", says: "Against strong colours anywhere (L2)." },
  blurEachStep: {
    title: "Blur at each step",
    says: "Each step blends in some of the blurred picture, so fine detail must earn its place.",
  },
  boundary: { title: "Calm border", says: "Against detail and colour along the edges of the picture." },
  opacity: { title: "See-through", says: "Against opacity, so that only what matters is drawn." },
};
