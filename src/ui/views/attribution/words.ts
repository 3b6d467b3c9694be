/** Targets and numbers in words. */
import type { AttributionTarget } from "../../../api/attribution";
import type { ModelSummary } from "../../../api/model";
import { writeDirection } from "../../state/direction";

/** "goldfish", "mixed4c, unit 3", "goldfish rather than tench". */
export function targetWords(target: AttributionTarget, summary: Pick<ModelSummary, "layers" | "labels">): string {
  const layer = (name: string): string => summary.layers.find((known) => known.name === name)?.title ?? name;
  const at = ({ x, y }: { x?: number; y?: number }): string => (x === undefined || y === undefined ? "" : ` at ${x}, ${y}`);
  switch (target.kind) {
    case "class":
      return `${typeof target.class === "number" ? (summary.labels[target.class] ?? `class ${target.class}`) : target.class}${at(target)}`;
    case "unit":
      return `${layer(target.layer)}, unit ${target.channel}${at(target)}`;
    case "direction":
      return `${layer(target.layer)}, direction ${writeDirection(target.vector, 3)}${at(target)}`;
    case "difference":
      return `${targetWords(target.of, summary)} rather than ${targetWords(target.minus, summary)}`;
  }
}

/** "0.4 %", "12 %": of a gap. */
export const percent = (share: number): string =>
  `${(100 * share).toLocaleString("en", { maximumSignificantDigits: share < 0.001 ? 1 : 2 })} %`;
