/** In which order maps stand side by side: as they were added, or by a number that each of them has. Pure. */
import type { Attribution } from "../../../api/attribution";
import type { Truth } from "../../../api/truth";

/** What of a map decides where it stands. */
export interface Ranked {
  result: Attribution | null;
  /** Once it was judged. */
  truth: Truth | null;
}

export interface Order {
  id: string;
  title: string;
  /** A copy, in this order; maps that have no such number come last, as they were added. */
  sort<M extends Ranked>(maps: readonly M[]): readonly M[];
}

/** By a number, the smallest first. */
const by = (id: string, title: string, number: (map: Ranked) => number | null | undefined): Order => ({
  id,
  title,
  sort: (maps) => {
    const keys = new Map(maps.map((map) => [map, number(map) ?? Infinity]));
    return maps.toSorted((a, b) => (keys.get(a) === keys.get(b) ? 0 : keys.get(a)! - keys.get(b)!));
  },
});

/** For marks of which more is better. */
const most = (mark: number | null | undefined): number | null => (mark === null || mark === undefined ? null : -mark);

export const ORDERS: readonly Order[] = [
  { id: "added", title: "as added", sort: (maps) => maps },
  by("time", "quickest first", ({ result }) => result?.ms),
  by("gap", "smallest gap first", ({ result }) => result?.completenessGap),
  by("insertion", "best insertion first", ({ truth }) => most(truth?.insertion.normalised)),
  by("deletion", "best deletion first", ({ truth }) => truth?.deletion.normalised),
  by("road", "best ROAD first", ({ truth }) => most(truth?.road.score)),
];

/** The order of this id; as they were added where there is none of it. */
export const orderOf = (id: string): Order => ORDERS.find((order) => order.id === id) ?? ORDERS[0]!;
