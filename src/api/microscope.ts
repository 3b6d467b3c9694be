/**
 * OpenAI Microscope's addresses, `/models/{model}/{op}/{unit}?models.technique=...`, read as ours: hundreds of posts link to them.
 *
 * An op there is the layer's full name with "_" for "/", and "_0" for its first output. Of the query only what changes the picture is
 * read: a technique of DeepDream, and a feature visualisation of one neuron.
 */
import type { CardLayer, Catalog, ModelCard } from "./model";

/** Where such an address leads. */
export interface MicroscopePlace {
  card: ModelCard;
  /** Null: the address is of the whole model, or of a layer that the card does not list. */
  layer: CardLayer | null;
  /** Null: the address is of the whole layer. */
  unit: number | null;
  shows: "channel" | "neuron" | "deepdream";
  /** What the reader has to know: that the weights are other ones, that a part could not be followed. Empty: it is the very unit. */
  says: string[];
}

/** Whether a path, or a whole address of Microscope's site, is one. */
export const isMicroscope = (address: string): boolean => /(^|microscope\.openai\.com|#)\/models(\/|$)/.test(address.trim());

/** Finds the place. Throws Error, saying which part is not known, when it leads to no model of `catalog`. */
export function readMicroscope(address: string, catalog: Catalog): MicroscopePlace {
  const [path = "", query = ""] = address.trim().split("?", 2);
  const parts = path
    .slice(path.indexOf("/models") + "/models".length)
    .split("/")
    .filter(Boolean);
  const [model = "", op, number] = parts.map(decoded);
  const card = catalog.models.find(({ microscope }) => microscope?.model === model);
  if (!card) {
    const known = catalog.models.flatMap(({ microscope }) => microscope?.model ?? []);
    throw new Error(`Microscope's model "${short(model)}" is none of those that can be shown here: ${known.join(", ")}.`);
  }
  const says: string[] = [];
  const layer = op === undefined ? null : (layerOf(card, op) ?? null);
  if (op !== undefined && !layer)
    says.push(`Microscope's layer "${short(op)}" is not among the layers listed for ${card.title}: choose one by hand.`);
  const unit = layer && number !== undefined ? unitOf(number, layer, says) : null;
  if (!card.microscope!.sameWeights)
    says.push(
      unit === null
        ? `These are other weights of ${card.title} than Microscope showed: the layers are the same, the units are not.`
        : `These are other weights of ${card.title} than Microscope showed, trained apart: unit ${unit} of ${layer!.title} is another unit here.`,
    );
  return { card, layer, unit, shows: techniqueOf(new URLSearchParams(query), unit), says };
}

function layerOf({ layers }: ModelCard, op: string): CardLayer | undefined {
  const plain = op.replace(/_0$/, "");
  const flat = (name: string): string => name.replaceAll("/", "_");
  return (
    layers.find(({ microscope }) => microscope && [op, plain].includes(flat(microscope))) ??
    layers.find(({ name, title, aliases = [] }) => [name, title, ...aliases].some((known) => [op, plain].includes(flat(known))))
  );
}

function unitOf(number: string, { channels, title }: CardLayer, says: string[]): number | null {
  const unit = /^\d{1,6}$/.test(number) ? Number(number) : NaN;
  if (unit < (channels ?? Infinity)) return unit;
  says.push(`The address names unit "${short(number)}"; ${title} has units 0 to ${(channels ?? 1) - 1}.`);
  return null;
}

function techniqueOf(query: URLSearchParams, unit: number | null): MicroscopePlace["shows"] {
  const values = [...query].filter(([key]) => /technique$|feature_vis\.type$/.test(key)).map(([, value]) => value);
  if (unit === null && values.includes("deep_dream")) return "deepdream";
  return values.includes("neuron") ? "neuron" : "channel";
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const short = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text);
