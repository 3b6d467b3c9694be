/** What the address keeps of a look inside, in `with=`: which photo, which target, what is shown of the layer and how finely. */
import * as v from "valibot";
import type { AttributionTarget } from "../../../api/attribution";
import { validateTarget } from "../../../attribution/schema";
import { fields, firstFault, text, whole } from "../../../vis/schema/fields";

export const TABS = [
  { value: "grid", title: "Activation grid" },
  { value: "groups", title: "Neuron groups" },
  { value: "channels", title: "Channels that count" },
  { value: "sum", title: "Decomposition" },
] as const;
export type Tab = (typeof TABS)[number]["value"];

/** Cells a side, and points of the path along which units are summed: 1 is the slope at the picture itself. */
export const CELLS = [4, 7, 14] as const;
export const POINTS = [1, 8, 32] as const;
export const MOST_GROUPS = 12;

export interface Asked {
  picture: string;
  target: AttributionTarget | null;
  tab: Tab;
  cells: number;
  points: number;
  groups: number;
}

export const BEGINNING: Asked = { picture: "photo:cat", target: null, tab: "grid", cells: 7, points: 1, groups: 6 };

const oneOf = (numbers: readonly number[]) => v.picklist(numbers, numbers.join(" or "));
const tabs = TABS.map(({ value }) => value);
const schema = fields({
  picture: v.optional(text(1, 200, "a picture's name")),
  target: v.optional(v.unknown()),
  tab: v.optional(v.picklist(tabs, tabs.join(" or "))),
  cells: v.optional(oneOf(CELLS)),
  points: v.optional(oneOf(POINTS)),
  groups: v.optional(whole(1, MOST_GROUPS)),
});

/** Never throws: what cannot be followed is in `fault`, and the beginning is in its place. */
export function readAsked(details: string | null): { asked: Asked; fault: string | null } {
  if (details === null) return { asked: BEGINNING, fault: null };
  try {
    const json: unknown = JSON.parse(details);
    const fault = firstFault(schema, json, "look inside");
    if (fault) return { asked: BEGINNING, fault };
    const asked = { ...BEGINNING, ...(json as Partial<Asked>) };
    if (asked.target !== null) validateTarget(asked.target);
    return { asked, fault: null };
  } catch (error) {
    const notJson = error instanceof SyntaxError;
    return { asked: BEGINNING, fault: notJson ? `it is not JSON: ${JSON.stringify(details.slice(0, 60))}` : String((error as Error).message) }; // prettier-ignore
  }
}

/** What differs from the beginning, as JSON; null where nothing does. */
export function writeAsked(asked: Asked): string | null {
  const differing = Object.entries(asked).filter(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(BEGINNING[key as keyof Asked]),
  );
  return differing.length ? JSON.stringify(Object.fromEntries(differing)) : null;
}
