/** Looking through an objective: which layers and pictures it names, and putting the graph's own names for them in. */
import { INPUT_LAYER } from "./term";
import type { Objective } from "./types";

/** `change` applied to every part that is not made of others, the rest as it was. */
export function mapParts(objective: Objective, change: (part: Objective) => Objective): Objective {
  switch (objective.kind) {
    case "sum":
    case "product":
    case "each":
      return { ...objective, of: objective.of.map((part) => mapParts(part, change)) };
    case "scale":
      return { ...objective, of: mapParts(objective.of, change) };
    case "interpolate":
      return { ...objective, from: mapParts(objective.from, change), to: mapParts(objective.to, change) };
    default:
      return change(objective);
  }
}

/** The parts that are not made of others, in order. */
export function partsOf(objective: Objective): Objective[] {
  const parts: Objective[] = [];
  mapParts(objective, (part) => (parts.push(part), part));
  return parts;
}

/** Layers by the names that the objective has for them, each once, in order; without the picture itself. */
export const layersNamed = (objective: Objective): string[] => [
  ...new Set(partsOf(objective).flatMap((part) => ("layer" in part && part.layer !== INPUT_LAYER ? part.layer : []))),
];

/** Pictures that the objective names, each once. */
export const picturesNamed = (objective: Objective): string[] => [
  ...new Set(partsOf(objective).flatMap((part) => ("picture" in part ? part.picture : []))),
];

export interface Naming {
  /** The graph's value for what a layer is called. Throws where there is none. */
  layer: (called: string) => string;
  /** Where the network answers for a class, by name or number. Throws where it does not. */
  classAt: (named: string | number) => { layer: string; channel: number };
}

/** The objective in the graph's own names, classes looked up. Throws what `naming` throws. */
export const resolveObjective = (objective: Objective, naming: Naming): Objective =>
  mapParts(objective, (part) => {
    if (part.kind === "class") return { kind: "channel", ...naming.classAt(part.class) };
    if (!("layer" in part) || part.layer === INPUT_LAYER) return part;
    return { ...part, layer: naming.layer(part.layer) };
  });
