/** The recipe that the reader's choices amount to: a named one, and what was changed in it. */
import type { ModelCard } from "../../api/model";
import type { Recipe } from "../../vis/recipe";
import { recipeOf, recipes } from "../../vis/recipes";
import { DEFAULTS, recipeFrom, type RecipeChoice, type Settings } from "./settings";

/** Fields that the page changes one by one. */
export type Adjustable = Omit<Recipe, "version" | "name" | "size" | "steps" | "seed">;
/** Undefined: as the named recipe has it. */
export type Adjustment = { [K in keyof Adjustable]?: Adjustable[K] | undefined };

/** In the order of the list. "" is what suits the model. */
export const RECIPE_WORDS: Readonly<Record<string, { title: string; says: string }>> = {
  "": { title: "Suits the model", says: "What shows this network’s units best." },
  quick: { title: "Quick", says: "As good as Lucid’s in a fifth of the steps, found by measuring." },
  lucid: { title: "Lucid", says: "The recipe that most published feature visualisations follow." },
  distill2017: { title: "Distill 2017", says: "The article “Feature Visualization”: gentler turns, five times Lucid’s steps." },
  microscope: { title: "Microscope", says: "OpenAI’s: Lucid’s at 4096 steps, larger, two seeds at once. Minutes to an hour." },
  "microscope-alpha": { title: "Microscope, transparent", says: "The same, with what does not matter left see-through." },
  maco: { title: "MACO", says: "Only phases change, under the spectrum of pictures: calm pictures of deep layers. Slow." },
  soft: { title: "Soft", says: "A steeper spectrum, climbed slowly: for MobileNets, which answer with weave otherwise." },
  accentuation: { title: "Accentuation", says: "Gentle steps that leave a picture recognisable." },
};

/** Recipes to choose from; accentuation needs a picture and comes with its goal. */
export const offeredRecipes = (chosen: string): string[] => [
  "",
  ...Object.keys(recipes).filter((name) => name !== "accentuation" || chosen === name),
];

/** The named recipe itself; what is wrong or unknown is the model's own, at the page's first size and steps. */
export function baseRecipe(name: string, card: Pick<ModelCard, "recipe">): Recipe {
  const named = Object.hasOwn(recipes, name) ? recipes[name]! : { ...recipeOf(card), size: DEFAULTS.size, steps: DEFAULTS.steps };
  return { ...named, start: null }; // whatever a recipe calls its picture, the page names its own
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The choice with `part` in it; fields that come to be as the recipe has them are no longer changed. */
export function adjusted(choice: RecipeChoice, part: Adjustment, card: Pick<ModelCard, "recipe">): RecipeChoice {
  const base: Partial<Recipe> = baseRecipe(choice.name, card);
  const fields = Object.entries({ ...choice, ...part }).filter(
    ([key, value]) => key === "name" || (value !== undefined && !same(value, base[key as keyof Recipe])),
  );
  return Object.fromEntries(fields) as RecipeChoice;
}

/** Which fields are not as the named recipe has them; the picture that it starts from and the seed are never among them. */
export function changedFields(settings: Settings, card: Pick<ModelCard, "recipe">): ReadonlySet<keyof Recipe> {
  const [base, own] = [baseRecipe(settings.recipe.name, card), recipeFrom(settings, recipeOf(card))];
  const keys = new Set([...Object.keys(base), ...Object.keys(own)] as (keyof Recipe)[]);
  return new Set([...keys].filter((key) => !["seed", "start", "name"].includes(key) && !same(base[key], own[key])));
}

/** About how much work a picture is, in pixels that are stepped: for telling how long one takes from how long another took. */
export function workOf({ size, steps, batch, transforms }: Recipe): number {
  const seen = transforms.reduce((pixels, t) => (t.kind === "crops" ? t.count * t.pixels ** 2 : pixels), size ** 2);
  return steps * batch * seen;
}
