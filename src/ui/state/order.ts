/** From choices to what is asked of the engine: the same for the picture in the middle, for the one beside it and for the tiles of a sheet. */
import type { DeviceChoice, RenderRequest } from "../../api/engine";
import type { LayerInfo, ModelCard, ModelSummary } from "../../api/model";
import type { StoredModel } from "../../api/store";
import { picturesNamed } from "../../vis/objective/resolve";
import type { Objective } from "../../vis/objective/types";
import { recipeOf } from "../../vis/recipes";
import { RecipeError, validateRecipe } from "../../vis/schema/recipe";
import { DirectionError } from "./direction";
import type { Unit } from "./goal/goal";
import { unitObjective } from "./goal/write";
import type { Pictures } from "./pictures.svelte";
import type { JobOrder } from "./renderJob.svelte";
import { recipeFrom, type Settings } from "./settings";

export interface OpenModel {
  card: ModelCard;
  stored: StoredModel;
  summary: ModelSummary;
}

export interface Choices {
  model: OpenModel;
  /** Fitted to the model (goal/fit.ts). */
  settings: Settings;
  device: DeviceChoice;
}

/** An order, or why there is none; null where a field says it already. */
export type Ordered =
  | { order: JobOrder; obstacle: null; missing: readonly string[] }
  | { order: null; obstacle: string | null; missing: readonly string[] };

const none = (obstacle: string | null, missing: readonly string[] = []): Ordered => ({ order: null, obstacle, missing });

/** What the choices ask for. Never throws. */
export function orderOf({ model, settings, device }: Choices, pictures: Pictures): Ordered {
  const { card, stored, summary } = model;
  const layer = summary.layers.find(({ name }) => name === settings.layer);
  const unit = unitIn(settings);
  if (!layer || !unit) return none(null);
  if (layer.unsupported) return none(layer.unsupported);
  try {
    const recipe = validateRecipe(recipeFrom(settings, recipeOf(card)));
    const objective: Objective = settings.objective ?? unitObjective(unit, layer.channels);
    const maco = recipe.parametrization.kind === "maco" ? recipe.parametrization.pictures : [];
    const names = [...picturesNamed(objective), ...maco, ...(recipe.start === null ? [] : [recipe.start])];
    const { pictures: named, missing } = pictures.gather(names);
    if (missing.length) return none(missingText(missing.map(pictures.titleOf)), missing);
    const request: RenderRequest = {
      ...{ weights: stored.sha256, card, objective, recipe, device },
      ...(Object.keys(named).length ? { pictures: named } : {}),
    };
    const className = classOf(settings, layer, summary);
    const layerTitle = (name: string): string => summary.layers.find((known) => known.name === name)?.title ?? name;
    const order = { request, settings, layer, weights: stored.weights, className, layerTitle, pictureTitle: pictures.titleOf };
    return { order, obstacle: null, missing };
  } catch (error) {
    if (error instanceof RecipeError) return none(error.message);
    if (error instanceof DirectionError) return none(null); // the field says what is wrong with it
    throw error;
  }
}

/** What the simple picker holds; null before a layer is known. */
export function unitIn({ layer, kind, channel, x, y, direction }: Settings): Unit | null {
  return layer === null ? null : { layer, kind, channel, x, y, direction };
}

/** What the unit answers to by name, where the layer is the network's answer. */
function classOf(settings: Settings, layer: LayerInfo, { layers, labels }: ModelSummary): string | null {
  const answer = layer.grid[0] * layer.grid[1] === 1 || layer.name === layers.findLast((l) => l.significant)?.name;
  const named = settings.objective === null && settings.kind !== "direction" && answer && labels.length === layer.channels;
  return named ? (labels[settings.channel] ?? null) : null;
}

const missingText = (titles: readonly string[]): string =>
  `This needs ${titles.join(" and ")}, which is not in this browser: pictures are not part of links. If you have the file, choose it or drop it on the page. It stays on this machine.`;

/** Whether two requests lead to the same picture; pictures that they name are what their names say. */
export const sameRequest = (a: RenderRequest, b: RenderRequest): boolean =>
  JSON.stringify({ ...a, pictures: null }) === JSON.stringify({ ...b, pictures: null });
