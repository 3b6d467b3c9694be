/** Fitting choices to a model: they come from links, other models and older versions. */
import type { LayerInfo, ModelSummary } from "../../../api/model";
import { mapParts } from "../../../vis/objective/resolve";
import type { Objective } from "../../../vis/objective/types";
import { DEFAULTS, type Settings } from "../settings";
import { unitOf } from "./read";

/** The choices, inside what the model has; the card says which unit to start with. Throws when no layer can be looked at. */
export function fit(given: Settings, { card, layers }: ModelSummary): Settings {
  const named = (name: string | null | undefined): LayerInfo | undefined =>
    layers.find((layer) => layer.name === name) ??
    layers.find((layer) => layer.aliases?.includes(name ?? "") || layer.title === name);
  const objective = given.objective && renamed(given.objective, named);
  const unit = objective ? unitOf(objective) : {};
  const settings: Settings = { ...given, objective, ...(named(unit.layer) ? unit : {}) };
  const start = settings.layer === null ? named(card.start?.layer) : undefined;
  const layer = start ?? named(settings.layer) ?? defaultLayer(layers);
  if (!layer) throw new Error(`${card.title}: none of its layers can be looked at.`);
  const channel = start && settings.channel === DEFAULTS.channel ? card.start!.channel : settings.channel;
  return { ...settings, layer: layer.name, channel: Math.min(channel, layer.channels - 1) };
}

/** The objective with this model's own names for its layers; names that it does not know stay, and the engine says so. */
const renamed = (objective: Objective, named: (name: string) => LayerInfo | undefined): Objective =>
  mapParts(objective, (part) => ("layer" in part ? { ...part, layer: named(part.layer)?.name ?? part.layer } : part));

/** The middle of the significant layers: deep enough to be about something, shallow enough to be quick. */
function defaultLayer(layers: readonly LayerInfo[]): LayerInfo | undefined {
  const able = layers.filter(({ unsupported }) => !unsupported);
  const significant = able.filter((layer) => layer.significant);
  const from = significant.length ? significant : able;
  return from[Math.floor(from.length / 2)] ?? layers[0];
}
