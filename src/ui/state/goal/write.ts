/** From what a reader wants to an Objective. */
import type { Objective } from "../../../vis/objective/types";
import { parseDirection } from "../direction";
import type { PenaltyKind, Plan, Term, Unit } from "./goal";

/** The picker's unit by itself. Throws DirectionError when the typed direction is none. */
export function unitObjective({ kind, layer, channel, x, y, direction }: Unit, channels: number): Objective {
  if (kind === "direction") return { kind, layer, vector: parseDirection(direction, channels) };
  if (kind === "neuron") return { kind, layer, channel, ...(x === null ? {} : { x }), ...(y === null ? {} : { y }) };
  return { kind, layer, channel };
}

/** What the plan asks for, spelled out. Throws DirectionError when it needs the typed direction and that is none. */
export function writeObjective({ goal, negative, penalties }: Plan, unit: Unit, channels: number): Objective {
  const main = summandsOf(goal, unit, channels);
  const kept = negative ? [scaled(-1, sum(main))] : main;
  const against = Object.entries(penalties)
    .filter(([, weight]) => weight > 0)
    .map(([kind, weight]) => scaled(-weight, { kind: kind as PenaltyKind }));
  return sum([...kept, ...against]);
}

/** Whether the simple picker alone says all of it, so that nothing need be spelled out. */
export const isPlain = ({ goal, negative, penalties }: Plan): boolean =>
  (goal.kind === "unit" || (goal.kind === "accentuate" && goal.near === 0)) &&
  !negative &&
  !Object.values(penalties).some((weight) => weight > 0);

/** The picture that the recipe starts from; null: noise. */
export const startOf = ({ goal }: Plan): string | null => (goal.kind === "accentuate" ? goal.picture : null);

export const scaled = (by: number, of: Objective): Objective => (by === 1 ? of : { kind: "scale", by, of });
const sum = (of: Objective[]): Objective => (of.length === 1 ? of[0]! : { kind: "sum", of });

function summandsOf(goal: Plan["goal"], unit: Unit, channels: number): Objective[] {
  const { layer, channel } = unit;
  switch (goal.kind) {
    case "unit":
      return [unitObjective(unit, channels)];
    case "class":
      return [{ kind: "class", class: goal.class }];
    case "deepdream":
      return [{ kind: "deepdream", layer }];
    case "sides":
      return [unitObjective(unit, channels), scaled(-goal.weight, { kind: "diversity", layer })];
    case "blend": {
      const blend: Objective = { kind: "interpolate", from: unitObjective(unit, channels), to: { kind: "channel", ...goal.to } };
      return goal.align > 0 ? [blend, scaled(goal.align, { kind: "alignment", layer })] : [blend];
    }
    case "joint":
      return products(goal.terms.map((term, i) => (i === 0 ? { ...term, layer, channel } : term)));
    case "group": {
      const { x, y, width, height } = goal;
      const vector = unit.kind === "direction" ? parseDirection(unit.direction, channels) : oneHot(channel, channels);
      return [{ kind: "group", layer, vector, ...(x === null ? {} : { x }), ...(y === null ? {} : { y }), width, height }];
    }
    case "painting":
      return [{ kind: "painting", layer, channel, mask: [...goal.mask], grid: [...goal.grid] }];
    case "caricature":
      return [{ kind: "caricature", layer, picture: goal.picture, cosinePower: goal.cosinePower }];
    case "inversion":
      return [{ kind: "inversion", layer, picture: goal.picture }];
    case "accentuate": {
      const main = unitObjective(unit, channels);
      return goal.near > 0 ? [main, scaled(goal.near, { kind: "inversion", layer, picture: goal.picture })] : [main];
    }
    case "json":
      return [goal.objective];
  }
}

const oneHot = (at: number, channels: number): number[] => Array.from({ length: channels }, (_, c) => (c === at ? 1 : 0));

/** Lines that are multiplied stand together; what is left is to be summed. */
function products(terms: readonly Term[]): Objective[] {
  const groups: Objective[][] = [];
  for (const { op, weight, layer, channel } of terms) {
    const factor = scaled(op === "-" ? -weight : weight, { kind: "channel", layer, channel });
    if (op === "x" && groups.length) groups.at(-1)!.push(factor);
    else groups.push([factor]);
  }
  return groups.map((of) => (of.length === 1 ? of[0]! : { kind: "product", of }));
}
