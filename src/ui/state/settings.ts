/**
 * What the reader has chosen, as it sits in the address bar: `#model=googlenet&layer=inception_4c_output&channel=42&seed=7`.
 * Besides, `recipe=` is a named recipe, or JSON of a name and the fields that differ from it; `objective=` is JSON, for what the simple
 * unit picker cannot say.
 */
import type { WeightStorage } from "../../quantize/quantize";
import type { Objective } from "../../vis/objective/types";
import type { Recipe } from "../../vis/recipe";
import { lucid, recipes } from "../../vis/recipes";
import { validateObjective } from "../../vis/schema/objective";
import { LIMITS, validateRecipe } from "../../vis/schema/recipe";

export const KINDS = ["channel", "neuron", "direction"] as const;
export type Kind = (typeof KINDS)[number];

export interface Settings {
  /** Catalogue id; null until the catalogue names its default. */
  model: string | null;
  /** How its weights are kept; null is whichever file of it is used. */
  weights: WeightStorage | null;
  /** The graph's value name; null until a model's layers are known. */
  layer: string | null;
  kind: Kind;
  channel: number;
  /** Neuron only; null is the centre. */
  x: number | null;
  y: number | null;
  /** Direction only, as typed: "42:1, 7:-0.5". */
  direction: string;
  /** Null: what the fields above say. */
  objective: Objective | null;
  /** The recipe named (empty: the one that the model's card names), and those of its fields that are set otherwise, the next three apart. */
  recipe: RecipeChoice;
  /** Pixels a side. */
  size: number;
  steps: number;
  seed: number;
}

export type RecipeChoice = Partial<Omit<Recipe, "name" | "size" | "steps" | "seed">> & { name: string };

export const DEFAULTS: Settings = {
  model: null,
  weights: null,
  layer: null,
  kind: "channel",
  channel: 0,
  x: null,
  y: null,
  direction: "",
  objective: null,
  recipe: { name: "" },
  size: 128,
  steps: 256,
  seed: 1,
};

/** Sizes and step counts that are offered; a link may ask for others within LIMITS. */
export const SIZES = [64, 96, 128, 192, 224, 256, 384, 512];
export const STEPS = [64, 128, 256, 512, 1024, 2560];
export const MAX_SEED = LIMITS.seed[1];

/** The whole recipe that the settings ask for; `standard` is the one that the model's card names. */
export function recipeFrom({ recipe: { name, ...rest }, size, steps, seed }: Settings, standard: Recipe): Recipe {
  return { ...baseOf(name, standard), ...rest, ...(name ? { name } : {}), size, steps, seed };
}

/** What `recipe` sets otherwise than the one that it is named after, as settings. */
export function recipeChoice(recipe: Recipe): Pick<Settings, "recipe" | "size" | "steps" | "seed"> {
  const { name, size, steps, seed, ...rest } = recipe;
  const base = baseOf(name, lucid) as Partial<Recipe>;
  const differs = ([field, value]: [string, unknown]): boolean =>
    value !== undefined && JSON.stringify(value) !== JSON.stringify(base[field as keyof Recipe]);
  return { recipe: { name, ...Object.fromEntries(Object.entries(rest).filter(differs)) }, size, steps, seed };
}

const STORAGES: readonly WeightStorage[] = ["int8", "float16", "float32"];

/** A name that is none of the named recipes' is for people: the fields are over Lucid's. */
const baseOf = (name: string, standard: Recipe): Recipe =>
  name === "" ? standard : Object.hasOwn(recipes, name) ? recipes[name]! : lucid;

/** Longer links are not read: an objective of a thousand numbers has about ten thousand letters. */
const MOST_LETTERS = 2_000_000;

export interface Link {
  settings: Settings;
  /** What it says that cannot be followed, in words. */
  faults: readonly string[];
}

/**
 * Settings from a fragment; what it does not say, or says wrongly, is taken from `base`. A link to a model that names no recipe means the
 * model's own. Never throws, and never exceeds LIMITS.
 */
export function readLink(hash: string, base: Settings = DEFAULTS): Link {
  const faults: string[] = [];
  if (hash.length > MOST_LETTERS)
    return { settings: base, faults: [`It has ${hash.length} letters; at most ${MOST_LETTERS} are read.`] };
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const whole = <T extends number | null>(key: string, [low, high]: readonly [number, number], otherwise: T): number | T => {
    const text = given.get(key);
    if (text === null) return otherwise;
    if (/^\d+$/.test(text) && Number(text) >= low && Number(text) <= high) return Number(text);
    faults.push(`${key} is ${shownText(text)}; it must be a whole number from ${low} to ${high}.`);
    return otherwise;
  };
  const attempt = <T>(key: string, otherwise: T, read: (text: string) => T): T => {
    const text = given.get(key);
    if (text === null) return otherwise;
    try {
      return read(text);
    } catch (error) {
      const broken = error instanceof SyntaxError ? `${key} is not JSON: ${shownText(text)}.` : (error as Error).message;
      faults.push(broken);
      return otherwise;
    }
  };

  const asked = given.get("kind");
  const known = KINDS.find((k) => k === asked);
  if (asked !== null && !known) faults.push(`kind is ${shownText(asked)}; it must be ${KINDS.join(" or ")}.`);
  const kept = given.get("weights");
  const storage = STORAGES.find((s) => s === kept);
  if (kept !== null && !storage) faults.push(`weights is ${shownText(kept)}; it must be ${STORAGES.join(" or ")}.`);
  const model = given.get("model") || base.model;
  const otherModel = model !== base.model;
  const otherUnit = ["layer", "kind", "channel", "direction"].some((key) => given.has(key));
  const unsaid = given.has("model") ? { ...base, recipe: { name: "" } } : base;
  const choice = attempt("recipe", unsaid, (text) => ({ ...base, ...readRecipe(text, base) }));
  const settings: Settings = {
    model,
    weights: storage ?? (given.has("model") ? null : base.weights),
    layer: given.get("layer") || (otherModel ? null : base.layer),
    kind: known ?? (given.has("channel") ? "channel" : base.kind),
    channel: whole("channel", [0, 1e6], base.channel),
    x: whole("x", [0, 1e4], null),
    y: whole("y", [0, 1e4], null),
    direction: given.get("direction") ?? base.direction,
    objective: attempt("objective", otherModel || otherUnit ? null : base.objective, (text) =>
      validateObjective(JSON.parse(text)),
    ),
    recipe: choice.recipe,
    size: whole("size", LIMITS.size, choice.size),
    steps: whole("steps", LIMITS.steps, choice.steps),
    seed: whole("seed", LIMITS.seed, choice.seed),
  };
  try {
    validateRecipe(recipeFrom(settings, lucid)); // fields that are well each by itself may be too much together
    return { settings, faults };
  } catch (error) {
    const { size, steps, seed } = DEFAULTS;
    return { settings: { ...settings, recipe: { name: "" }, size, steps, seed }, faults: [...faults, (error as Error).message] };
  }
}

export const readSettings = (hash: string, base: Settings = DEFAULTS): Settings => readLink(hash, base).settings;

/** `recipe=` of a link: a name, or JSON. */
function readRecipe(text: string, base: Settings): Pick<Settings, "recipe" | "size" | "steps" | "seed"> {
  if (!text.trimStart().startsWith("{")) {
    if (text === "") return { ...base, recipe: { name: "" } };
    if (!Object.hasOwn(recipes, text))
      throw new Error(`the recipe ${shownText(text)} is not known; there are ${Object.keys(recipes).join(", ")}.`);
    const { size, steps } = recipes[text]!;
    return { recipe: { name: text }, size, steps, seed: base.seed };
  }
  const json = JSON.parse(text) as Partial<Recipe>;
  const name = typeof json?.name === "string" ? json.name : "";
  const { size: width, steps: count } = name ? baseOf(name, lucid) : base;
  const whole = validateRecipe(json, { ...baseOf(name, lucid), name, size: width, steps: count, seed: base.seed });
  const { size, steps, seed } = whole;
  const rest = Object.entries(json).filter(([field]) => !OWN_FIELDS.includes(field));
  return { recipe: { ...Object.fromEntries(rest), name }, size, steps, seed };
}

/** Fields of a recipe that settings keep apart. */
const OWN_FIELDS: readonly string[] = ["size", "steps", "seed"] satisfies (keyof Recipe & keyof Settings)[];

export const shownText = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);

/** The fragment that leads back to these settings, without its "#". */
export function writeSettings(s: Settings): string {
  const out: [string, string | number][] = [];
  if (s.model) out.push(["model", s.model]);
  if (s.weights) out.push(["weights", s.weights]);
  if (s.layer) out.push(["layer", s.layer]);
  if (s.kind !== "channel") out.push(["kind", s.kind]);
  if (s.kind === "direction") out.push(["direction", s.direction]);
  else out.push(["channel", s.channel]);
  if (s.kind === "neuron" && s.x !== null) out.push(["x", s.x]);
  if (s.kind === "neuron" && s.y !== null) out.push(["y", s.y]);
  if (s.objective) out.push(["objective", JSON.stringify(s.objective)]);
  const { name, ...rest } = s.recipe;
  if (Object.keys(rest).length) out.push(["recipe", JSON.stringify(s.recipe)]);
  else if (name) out.push(["recipe", name]);
  out.push(["size", s.size], ["steps", s.steps], ["seed", s.seed]);
  return out.map(([key, value]) => `${key}=${escaped(String(value))}`).join("&");
}

/** Only what would end or split the fragment, or what browsers escape themselves: addresses are read by people. */
export const escaped = (text: string): string =>
  text
    .replace(/\p{Surrogate}/gu, "\ufffd")
    .replace(/[%&+#=\s"<>`\p{Cc}]|[^\x20-\x7e]/gu, (c) => (c === " " ? "+" : encodeURIComponent(c)));
