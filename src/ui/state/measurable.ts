/** The part of an objective that a network answers to one picture by itself: what photos can be compared by. */
import type { Objective } from "../../vis/objective/types";

/** Between pictures of a batch, or of the picture's own pixels and transparency. */
const LEFT_OUT: ReadonlySet<Objective["kind"]> = new Set([
  "diversity",
  "alignment",
  "totalVariation",
  "l1",
  "l2",
  "blurEachStep",
  "boundary",
  "opacity",
] as const);

/** `objective` of the batch's first picture, without penalties and what joins a batch; null where nothing is left. */
export function measurable(objective: Objective): Objective | null {
  if (LEFT_OUT.has(objective.kind)) return null;
  switch (objective.kind) {
    case "scale": {
      const of = measurable(objective.of);
      return of && { ...objective, of };
    }
    case "sum":
    case "product": {
      const of = objective.of.flatMap((part) => measurable(part) ?? []);
      return of.length > 1 ? { ...objective, of } : (of[0] ?? null);
    }
    case "each":
      return objective.of[0] ? measurable(objective.of[0]) : null;
    case "interpolate":
      return measurable(objective.from);
    default:
      return objective;
  }
}

/** Whether each picture of a batch has an objective of its own, so that they are no repeats of one. */
export const differs = (objective: Objective): boolean =>
  objective.kind === "each" || objective.kind === "interpolate"
    ? true
    : objective.kind === "scale"
      ? differs(objective.of)
      : (objective.kind === "sum" || objective.kind === "product") && objective.of.some(differs);
