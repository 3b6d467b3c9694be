/** What the address keeps of an explanation, in `with=`: which picture, what of it is hidden, which target, which methods with their options, and how it is looked at. */
import * as v from "valibot";
import type { AttributionMethod, AttributionTarget } from "../../../api/attribution";
import { methodSchema, validateTarget } from "../../../attribution/schema";
import { COLOURS } from "../../../export/colours";
import { fields, firstFault, list, number, text } from "../../../vis/schema/fields";
import { ORDERS } from "./order";
import type { Occluder } from "./subject";

/** Maps side by side: more would wait for hours. */
export const MOST_MAPS = 24;

export interface Asked {
  /** By its name: "drawn:1", or a fingerprint of a picture that the reader gave. */
  picture: string;
  /** Null: what the network answers most strongly. */
  target: AttributionTarget | null;
  /** A patch over the picture. */
  hidden: Occluder | null;
  methods: readonly AttributionMethod[];
  look: Look;
}

export interface Look {
  /** Of maps without sign, and of maps with one: ids of COLOURS. */
  plain: string;
  signed: string;
  opacity: number;
  /** Share of the strongest that is still shown. */
  threshold: number;
  /** One of ORDERS. */
  order: string;
}

export const BEGINNING: Asked = {
  picture: "photo:cat",
  target: null,
  hidden: null,
  methods: [{ name: "gradCam" }, { name: "deepLift" }],
  look: { plain: "ember", signed: "redBlue", opacity: 0.8, threshold: 0, order: "added" },
};

const colours = (signed: boolean) => {
  const ids = COLOURS.filter((one) => one.signed === signed).map(({ id }) => id);
  return v.picklist(ids, ids.join(" or "));
};
const ORDER_IDS = ORDERS.map(({ id }) => id);
const schema = fields({
  picture: v.optional(text(1, 200, "a picture's name")),
  target: v.optional(v.unknown()),
  hidden: v.optional(fields({ x: number(0, 1), y: number(0, 1), side: number(0.02, 1) })),
  methods: v.optional(list(methodSchema, [1, MOST_MAPS], "methods")),
  look: v.optional(
    fields({
      plain: v.optional(colours(false)),
      signed: v.optional(colours(true)),
      opacity: v.optional(number(0, 1)),
      threshold: v.optional(number(0, 1)),
      order: v.optional(v.picklist(ORDER_IDS, ORDER_IDS.join(" or "))),
    }),
  ),
});

/** Never throws: what cannot be followed is in `fault`, and the beginning is in its place. */
export function readAsked(details: string | null): { asked: Asked; fault: string | null } {
  if (details === null) return { asked: BEGINNING, fault: null };
  try {
    const json: unknown = JSON.parse(details);
    const fault = firstFault(schema, json, "explanation");
    if (fault) return { asked: BEGINNING, fault };
    const { look, target = null, ...given } = json as Partial<Asked>;
    if (target !== null) validateTarget(target);
    return { asked: { ...BEGINNING, ...given, target, look: { ...BEGINNING.look, ...look } }, fault: null };
  } catch (error) {
    const words =
      error instanceof SyntaxError ? `it is not JSON: ${JSON.stringify(details.slice(0, 60))}` : (error as Error).message;
    return { asked: BEGINNING, fault: words };
  }
}

/** To thousandths: finer than a pixel is not seen. */
const rounded = ({ x, y, side }: Occluder): Occluder => ({ x: short(x), y: short(y), side: short(side) });
const short = (v: number): number => Math.round(1000 * v) / 1000;

/** What differs from the beginning, as JSON; null where nothing does. */
export function writeAsked({ picture, target, hidden, methods, look }: Asked): string | null {
  const differs = <T>(value: T, usual: T): T | undefined => (JSON.stringify(value) === JSON.stringify(usual) ? undefined : value);
  const out = {
    picture: differs(picture, BEGINNING.picture),
    target: target ?? undefined,
    hidden: hidden ? rounded(hidden) : undefined,
    methods: differs(methods, BEGINNING.methods),
    look: differs(look, BEGINNING.look),
  };
  return Object.values(out).every((value) => value === undefined) ? null : JSON.stringify(out);
}
