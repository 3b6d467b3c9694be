/** Objectives from links, files and command lines: what one may hold, so that none can hang a reader's machine. */
import * as v from "valibot";
import { ObjectiveError, type Objective } from "../objective/types";
import { firstFault, kind, list, number, text, variants, whole } from "./fields";
import { pictureName } from "./recipe";

/** How deep objectives may lie in one another, and how many there may be together. */
const MOST = { depth: 8, parts: 256 } as const;

const layer = text(1, 1000, "a layer's name");
const channel = whole(0, 1_000_000);
const at = v.optional(whole(0, 10_000));
const extent = whole(1, 10_000);
const weight = number(-1e6, 1e6);
const vector = list(weight, [1, 8192], "numbers, one for each channel");
const cosinePower = v.optional(number(0, 100));
const towards = v.optional(number(0, 1));
const className = v.union([text(1, 200), channel], "a class's name or number");

/** Objectives within an objective. */
const part: v.GenericSchema<Objective> = v.lazy(() => objectiveSchema);
const parts = list(part, [1, MOST.parts], "objectives");

export const objectiveSchema = variants([
  kind("channel", { layer, channel }),
  kind("neuron", { layer, channel, x: at, y: at }),
  kind("direction", { layer, vector, x: at, y: at, cosinePower }),
  kind("tensor", {
    layer,
    tensor: list(weight, [1, 1_000_000], "numbers"),
    shape: v.strictTuple([extent, extent, extent], "a list of channels, height and width"),
    cosinePower,
  }),
  kind("group", { layer, vector, x: at, y: at, width: extent, height: extent }),
  kind("painting", {
    layer,
    channel,
    mask: list(weight, [1, 65_536], "numbers"),
    grid: v.strictTuple([extent, extent], "a list of height and width"),
  }),
  kind("deepdream", { layer }),
  kind("class", { class: className }),
  kind("inversion", { layer, picture: pictureName }),
  kind("caricature", { layer, picture: pictureName, cosinePower }),
  kind("diversity", { layer }),
  kind("alignment", { layer, decay: v.optional(number(0.1, 100)) }),
  kind("totalVariation", {}),
  kind("l1", { towards }),
  kind("l2", { towards }),
  kind("blurEachStep", {}),
  kind("boundary", { width: v.optional(whole(0, 512)), color: towards }),
  kind("opacity", {}),
  kind("sum", { of: parts }),
  kind("product", { of: parts }),
  kind("scale", { by: weight, of: part }),
  kind("constant", { value: weight }),
  kind("each", { of: parts }),
  kind("interpolate", { from: part, to: part }),
]);

/**
 * `json` as an Objective. Throws ObjectiveError naming the first field that is wrong; whether it fits the model's layers is found out
 * when it becomes a graph.
 */
export function validateObjective(json: unknown): Objective {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new ObjectiveError(`an objective must be a JSON object such as {"kind":"channel","layer":"...","channel":0}.`);
  checkExtent(json);
  const fault = firstFault(objectiveSchema, json, "objective");
  if (fault) throw new ObjectiveError(fault);
  return json as Objective;
}

/** Before the schema walks it: no deeper and no more than allowed. Level by level, since what a link holds may be very deep. */
function checkExtent(json: object): void {
  let level: object[] = [json];
  let count = 0;
  for (let depth = 1; level.length > 0; depth++) {
    count += level.length;
    if (depth > MOST.depth)
      throw new ObjectiveError(`objectives lie more than ${MOST.depth} deep in one another; at most ${MOST.depth} are allowed.`);
    if (count > MOST.parts)
      throw new ObjectiveError(`the objective has ${count} or more parts; at most ${MOST.parts} are allowed.`);
    level = level.flatMap(partsOf);
  }
}

const partsOf = (json: object): object[] => {
  const { of, from, to } = json as Record<string, unknown>;
  return [of, from, to].flat().filter((x): x is object => typeof x === "object" && x !== null && !Array.isArray(x));
};
