/** The table of marks: what is measured, which way is better, and the rows in order. Pure. */
import type { Truth } from "../../../../api/truth";
import { figure } from "../../../state/format";
import { percent } from "../words";

export interface Measure {
  id: string;
  title: string;
  /** What it says, for somebody who has not read the paper. */
  says: string;
  better: "high" | "low";
  /** Null where it makes no sense for this map. */
  of: (marks: Marks) => number | null;
  text: (value: number) => string;
}

export interface Marks {
  truth: Truth | null;
  /** Null for maps that do not add up to anything. */
  gap: number | null;
}

const two = (value: number): string => value.toFixed(2).replace("-", "−");

export const MEASURES: readonly Measure[] = [
  {
    ...{ id: "insertion", title: "Insertion", better: "high", text: two },
    says: "Area under the target's rise as the pixels that count most come back into a blurred picture; 0 is blurred, 1 whole (Petsiuk et al. 2018).",
    of: ({ truth }) => truth?.insertion.normalised ?? null,
  },
  {
    ...{ id: "deletion", title: "Deletion", better: "low", text: two },
    says: "Area under its fall as they are taken out; 1 is the whole picture (Petsiuk et al. 2018).",
    of: ({ truth }) => truth?.deletion.normalised ?? null,
  },
  {
    ...{ id: "road", title: "ROAD", better: "high", text: figure },
    says: "How much more the target loses without the pixels that count most than without those that count least, filled in from their neighbours (Rong et al. 2022).",
    of: ({ truth }) => truth?.road.score ?? null,
  },
  {
    ...{ id: "infidelity", title: "Infidelity", better: "low", text: two },
    says: "How badly the map foretells what hiding a square costs: 0 foretells all, 1 nothing (Yeh et al. 2019, scaled).",
    of: ({ truth }) => truth?.infidelity.scaled ?? null,
  },
  {
    ...{ id: "sensitivity", title: "Sensitivity", better: "low", text: two },
    says: "The most that the map changes, as a share of itself, when the picture changes by no more than the eye sees (Yeh et al. 2019). Of quick methods only.",
    of: ({ truth }) => truth?.sensitivity ?? null,
  },
  {
    ...{ id: "gap", title: "Gap", better: "low", text: percent },
    says: "By how much the map's sum misses what it should add up to, for methods that promise that.",
    of: ({ gap }) => gap,
  },
];

/** Rows with the best first; those without a mark last, in the order that they came in. */
export function sorted<T extends { marks: Marks }>(rows: readonly T[], measure: Measure): T[] {
  const sign = measure.better === "high" ? -1 : 1;
  const rank = (row: T): number => {
    const value = measure.of(row.marks);
    return value === null || Number.isNaN(value) ? Infinity : sign * value;
  };
  return rows.toSorted((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)));
}
