/** In what two pictures differ, in words: only what was chosen otherwise, so that one sees what makes the difference. */
import type { Recipe } from "../../vis/recipe";
import type { RenderJob } from "./renderJob.svelte";

type Compared = Pick<RenderJob, "order" | "title" | "device">;

export interface Difference {
  what: string;
  a: string;
  b: string;
}

const RECIPE_WORDS: Readonly<Partial<Record<keyof Recipe, string>>> = {
  name: "Recipe",
  size: "Size",
  steps: "Steps",
  seed: "Seed",
  parametrization: "Drawn as",
  color: "Colours",
  alpha: "Transparency",
  transforms: "Before each look",
  optimizer: "Optimizer",
  schedule: "Rate over time",
  redirectSteps: "ReLUs let gradients past, steps",
  maxPool: "Gradient of max pooling",
  batch: "Pictures at once",
  seeds: "Seeds",
  start: "Begun from",
};

/** Rows in the order of importance; none where the same was asked for twice. */
export function differencesOf(a: Compared, b: Compared): Difference[] {
  const [first, second] = [a.order, b.order];
  const rows: Difference[] = [
    { what: "Model", a: first.request.card.title, b: second.request.card.title },
    { what: "Weights", a: first.weights, b: second.weights },
    { what: "Looks for", a: a.title, b: b.title },
    ...Object.entries(RECIPE_WORDS).map(([key, what]) => {
      const values = [first, second].map(({ request }) => request.recipe[key as keyof Recipe]);
      return key === "start" ? { what, a: startText(a), b: startText(b) } : { what, ...texts(values[0], values[1]) };
    }),
    { what: "Device", a: a.device?.label ?? "", b: b.device?.label ?? "" },
  ];
  return rows.filter((row) => row.a !== row.b && row.a !== "" && row.b !== "");
}

const startText = ({ order }: Compared): string => {
  const { start } = order.request.recipe;
  return start === null ? "noise" : order.pictureTitle(start);
};

/** As short as it tells them apart. */
function texts(a: unknown, b: unknown): { a: string; b: string } {
  const [short, other] = [shortly(a), shortly(b)];
  const alike = short === other && JSON.stringify(a) !== JSON.stringify(b);
  return alike ? { a: JSON.stringify(a), b: JSON.stringify(b) } : { a: short, b: other };
}

function shortly(value: unknown): string {
  if (value === undefined) return "none";
  if (Array.isArray(value)) return value.map(shortly).join(", ") || "nothing";
  if (typeof value === "object" && value !== null && "kind" in value) return String(value.kind);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
