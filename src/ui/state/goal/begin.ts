/** What a goal starts as when it is chosen, and what it asks of the recipe. */
import type { LayerInfo } from "../../../api/model";
import type { Recipe } from "../../../vis/recipe";
import { GOAL_WORDS, type Goal, type GoalKind, type Unit } from "./goal";

/** Cells of a painting along its longer side, at most: thumbs must hit them. */
const FINEST = 16;
const SIDES = 4;
export const FIRST_DRAWING = "drawn:1";

export interface Surroundings {
  unit: Unit;
  layer: LayerInfo;
  labels: readonly string[];
  /** The picture that was used last. */
  picture: string | null;
}

/** Why the goal cannot be had of this layer or model; null when it can. */
export function refusalOf(kind: GoalKind, { layer, labels }: Pick<Surroundings, "layer" | "labels">): string | null {
  const dense = layer.grid[0] * layer.grid[1] === 1;
  if (dense && (kind === "painting" || kind === "group"))
    return `${layer.title} has no grid: it answers once for the whole picture.`;
  if (kind === "class" && !labels.length) return "This model names no classes.";
  return null;
}

/** The goal as it is when it is chosen. */
export function beginGoal(kind: GoalKind, { unit, layer, labels, picture }: Surroundings): Goal {
  const { channel } = unit;
  const next = { layer: layer.name, channel: (channel + 1) % layer.channels };
  const given = picture ?? FIRST_DRAWING;
  switch (kind) {
    case "unit":
    case "deepdream":
      return { kind };
    case "class":
      return { kind, class: classOf(labels, Math.min(labels.length - 1, 0)) };
    case "sides":
      return { kind, weight: 10 };
    case "blend":
      return { kind, to: next, align: 0 };
    case "joint":
      return {
        kind,
        terms: [
          { op: "+", weight: 1, layer: layer.name, channel },
          { op: "+", weight: 1, ...next },
        ],
      };
    case "group":
      return { kind, x: null, y: null, width: Math.min(3, layer.grid[1]), height: Math.min(3, layer.grid[0]) };
    case "painting": {
      const grid = gridFor(layer);
      return { kind, mask: disc(grid), grid };
    }
    case "caricature":
      return { kind, picture: given, cosinePower: 1 };
    case "inversion":
      return { kind, picture: given };
    case "accentuate":
      return { kind, picture: given, near: 0 };
    case "json":
      return { kind, objective: { kind: "deepdream", layer: layer.name } };
  }
}

/** How an objective names class `index`: by its name, or by number where another class has the same name. */
export const classOf = (labels: readonly string[], index: number): string | number =>
  labels.filter((label) => label.toLowerCase() === labels[index]?.toLowerCase()).length === 1 ? labels[index]! : index;

/** What the goal needs of the recipe: several pictures at once, or a start from which they stay alike. */
export function recipeFor(kind: GoalKind): Partial<Pick<Recipe, "batch" | "parametrization">> {
  if (kind === "sides") return { batch: SIDES };
  if (kind === "blend")
    return { batch: SIDES, parametrization: { kind: "shared", sd: 0.01, decayPower: 1, factors: [2, 4, 8, 16] } };
  return {};
}

/** What people call the goal's unit part: "channel 6" is said by the picker. */
export const titleOf = ({ kind }: Goal): string => GOAL_WORDS[kind].title;

/** The layer's grid, made coarse enough to be painted. */
export function gridFor({ grid: [h, w] }: Pick<LayerInfo, "grid">): readonly [height: number, width: number] {
  const shrink = Math.max(1, Math.max(h, w) / FINEST);
  return [Math.max(1, Math.round(h / shrink)), Math.max(1, Math.round(w / shrink))];
}

/** Painted in the middle, so that there is something to see at once. */
const disc = ([h, w]: readonly [number, number]): number[] =>
  Array.from({ length: h * w }, (_, i) => {
    const [y, x] = [(Math.floor(i / w) + 0.5) / h - 0.5, ((i % w) + 0.5) / w - 0.5];
    return Math.hypot(x, y) < 0.25 ? 1 : 0;
  });
