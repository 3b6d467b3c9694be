/** From an Objective, out of a link or a picture, to the controls that show it. */
import { partsOf } from "../../../vis/objective/resolve";
import type { Objective } from "../../../vis/objective/types";
import { PENALTY_WORDS, PLAIN, type Goal, type PenaltyKind, type Plan, type Term, type Unit } from "./goal";
import { isPlain, writeObjective } from "./write";

interface Asked {
  /** Null: the picker's unit. */
  objective: Objective | null;
  /** The picture that the recipe starts from. */
  start: string | null;
}

/**
 * The plan that leads to this objective. What the controls cannot show is kept as JSON: the plan that comes back always
 * writes the very same objective.
 */
export function readPlan({ objective, start }: Asked, unit: Unit, channels: number): Plan {
  if (!objective) return start === null ? PLAIN : { ...PLAIN, goal: { kind: "accentuate", picture: start, near: 0 } };
  const plan = planOf(objective, start, unit);
  return plan && !isPlain(plan) && same(written(plan, unit, channels), objective)
    ? plan
    : { ...PLAIN, goal: { kind: "json", objective } };
}

/** The unit that an objective is mostly about: that of its first part that names a layer. */
export function unitOf(objective: Objective): Partial<Unit> {
  const part = partsOf(objective).find((part) => "layer" in part);
  if (!part || !("layer" in part)) return {};
  const { layer } = part;
  if (part.kind === "neuron") return { layer, kind: "neuron", channel: part.channel, x: part.x ?? null, y: part.y ?? null };
  if (part.kind === "direction") return { layer, kind: "direction", direction: spelled(part.vector) };
  if (part.kind === "group") return { layer, ...groupUnit(part.vector) };
  return "channel" in part ? { layer, kind: "channel", channel: part.channel } : { layer, kind: "channel" };
}

const groupUnit = (vector: readonly number[]): Partial<Unit> => {
  const channel = vector.indexOf(1);
  return vector.every((weight, c) => weight === (c === channel ? 1 : 0))
    ? { kind: "channel", channel }
    : { kind: "direction", direction: spelled(vector) };
};
const spelled = (vector: readonly number[]): string =>
  vector.flatMap((weight, channel) => (weight ? [`${channel}:${weight}`] : [])).join(", ");

const same = (a: unknown, b: unknown): boolean => sorted(a) === sorted(b);
/** JSON with the fields of every object in one order. */
const sorted = (value: unknown): string =>
  JSON.stringify(value, (_, v: unknown) =>
    typeof v === "object" && v !== null && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v,
  );

function written(plan: Plan, unit: Unit, channels: number): Objective | null {
  try {
    return writeObjective(plan, unit, channels);
  } catch {
    return null; // the picker's direction is none: then this is not how the objective came about
  }
}

function planOf(objective: Objective, start: string | null, unit: Unit): Plan | null {
  const all = summands(objective);
  const penalties: Partial<Record<PenaltyKind, number>> = {};
  while (all.length > 1) {
    const last = all.at(-1)!;
    if (last.kind !== "scale" || last.by >= 0 || !Object.hasOwn(PENALTY_WORDS, last.of.kind)) break;
    penalties[last.of.kind as PenaltyKind] = -last.by;
    all.pop();
  }
  const [first] = all;
  const negative = all.length === 1 && first?.kind === "scale" && first.by === -1;
  const main = negative ? summands(first.of) : all;
  const goal = goalOf(main, start, unit);
  // written in the order in which they stood
  return goal && { goal, negative, penalties: Object.fromEntries(Object.entries(penalties).reverse()) };
}

const summands = (objective: Objective): Objective[] => (objective.kind === "sum" ? [...objective.of] : [objective]);

function goalOf(parts: readonly Objective[], start: string | null, unit: Unit): Goal | null {
  const [first, second] = parts;
  if (!first || parts.length > 16) return null;
  const weighed = second?.kind === "scale" && parts.length === 2 ? second : null;
  if (start !== null) {
    const near = weighed?.of.kind === "inversion" ? weighed.by : second?.kind === "inversion" ? 1 : 0;
    return { kind: "accentuate", picture: start, near };
  }
  if (weighed?.of.kind === "diversity") return { kind: "sides", weight: -weighed.by };
  if (first.kind === "interpolate" && first.to.kind === "channel") {
    const { layer, channel } = first.to;
    const align = weighed ? weighed.by : second ? 1 : 0;
    return { kind: "blend", to: { layer, channel }, align };
  }
  if (parts.length > 1 || first.kind === "product") return jointOf(parts);
  switch (first.kind) {
    case "class":
      return { kind: "class", class: first.class };
    case "deepdream":
      return { kind: "deepdream" };
    case "group":
      return { kind: "group", x: first.x ?? null, y: first.y ?? null, width: first.width, height: first.height };
    case "painting":
      return { kind: "painting", mask: first.mask, grid: first.grid };
    case "caricature":
      return { kind: "caricature", picture: first.picture, cosinePower: first.cosinePower ?? 0 };
    case "inversion":
      return { kind: "inversion", picture: first.picture };
    default:
      return first.kind === unit.kind ? { kind: "unit" } : null;
  }
}

function jointOf(parts: readonly Objective[]): Goal | null {
  const terms = parts.flatMap((part) =>
    part.kind === "product" ? part.of.map((f, i) => termOf(f, i > 0)) : [termOf(part, false)],
  );
  return terms.every((term) => term !== null) ? { kind: "joint", terms } : null;
}

function termOf(part: Objective, multiplied: boolean): Term | null {
  const [by, of] = part.kind === "scale" ? [part.by, part.of] : [1, part];
  if (of.kind !== "channel") return null;
  const { layer, channel } = of;
  return multiplied ? { op: "x", weight: by, layer, channel } : { op: by < 0 ? "-" : "+", weight: Math.abs(by), layer, channel };
}
