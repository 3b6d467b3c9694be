/** Objectives from links and command lines. */
import { ObjectiveError, type Objective } from "./types";

/**
 * `json`, from a link or a command line, as an Objective. Throws ObjectiveError naming the first field that is wrong;
 * whether it fits the layer, `encode` finds out.
 */
export function validateObjective(json: unknown): Objective {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new ObjectiveError(`an objective must be a JSON object such as {"kind":"channel","layer":"...","channel":0}.`);
  const o = json as Record<string, unknown>;
  const fields = Object.hasOwn(FIELDS, String(o.kind)) ? FIELDS[o.kind as Objective["kind"]] : undefined;
  if (!fields)
    throw new ObjectiveError(`objective kind ${JSON.stringify(o.kind)} is not known; use ${Object.keys(FIELDS).join(", ")}.`);
  for (const field of new Set([...Object.keys(fields), ...Object.keys(o)])) {
    if (field === "kind") continue;
    const check = Object.hasOwn(fields, field) ? fields[field] : undefined;
    if (!check)
      throw new ObjectiveError(
        `objective field "${field}" is not known; a ${o.kind as string} has ${Object.keys(fields).join(", ")}.`,
      );
    if (!check.fits(o[field]))
      throw new ObjectiveError(`objective field "${field}" is ${JSON.stringify(o[field])}; it must be ${check.what}.`);
  }
  return json as Objective;
}

interface FieldCheck {
  what: string;
  fits: (value: unknown) => boolean;
}
const whole: FieldCheck = { what: "a whole number of at least 0", fits: (v) => Number.isInteger(v) && (v as number) >= 0 };
const optional: FieldCheck = { what: `${whole.what}, or left out`, fits: (v) => v === undefined || whole.fits(v) };
const layer: FieldCheck = { what: "a layer's name", fits: (v) => typeof v === "string" && v !== "" };
const vector: FieldCheck = {
  what: "a list of numbers, one for each channel",
  fits: (v) => Array.isArray(v) && v.length > 0 && v.every((x) => typeof x === "number"),
};
const finite: FieldCheck = { what: "a number", fits: Number.isFinite };
const number: FieldCheck = { what: "a number, or left out", fits: (v) => v === undefined || Number.isFinite(v) };
const at = { x: optional, y: optional };
const objective: FieldCheck = { what: "an objective", fits: (v) => Boolean(validateObjective(v)) };
const objectives: FieldCheck = {
  what: "a list of objectives",
  fits: (v) => Array.isArray(v) && v.length > 0 && v.every(validateObjective),
};
const name: FieldCheck = { what: "a picture's name", fits: layer.fits };
const FIELDS: Readonly<Record<Objective["kind"], Readonly<Record<string, FieldCheck>>>> = {
  channel: { layer, channel: whole },
  neuron: { layer, channel: whole, ...at },
  direction: { layer, vector, ...at, cosinePower: number },
  tensor: { layer, tensor: vector, shape: vector, cosinePower: number },
  group: { layer, vector, ...at, width: whole, height: whole },
  painting: { layer, channel: whole, mask: vector, grid: vector },
  deepdream: { layer },
  class: { class: { what: "a class's name or number", fits: (v) => (typeof v === "string" && v !== "") || whole.fits(v) } },
  inversion: { layer, picture: name },
  caricature: { layer, picture: name, cosinePower: number },
  diversity: { layer },
  alignment: { layer, decay: number },
  totalVariation: {},
  l1: { towards: number },
  l2: { towards: number },
  blurEachStep: {},
  boundary: { width: optional, color: number },
  opacity: {},
  sum: { of: objectives },
  product: { of: objectives },
  scale: { by: finite, of: objective },
  constant: { value: finite },
  each: { of: objectives },
  interpolate: { from: objective, to: objective },
};
