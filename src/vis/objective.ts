/**
 * What to maximise, as plain JSON: it crosses to the worker, sits in share links, and keys the cache.
 *
 * All three kinds are one linear form of a layer's activation act [N, C, H, W] (dense layers count as [N, C, 1, 1]):
 *   score[n] = sum over c, h, w of act[n, c, h, w] * direction[n, c] * mask[n, h, w]
 * so one compiled session serves every unit of a layer, and `encode` only fills two small inputs.
 */
export type Objective =
  /** Mean of one channel over positions. */
  | { kind: "channel"; layer: string; channel: number }
  /** One position of one channel; x counts columns, y rows, both from the top left; the centre by default. */
  | { kind: "neuron"; layer: string; channel: number; x?: number; y?: number }
  /** Mean over positions of the dot product with `vector` [C]. */
  | { kind: "direction"; layer: string; vector: number[] };

/** The layer's activation for one image: channels, and its grid of positions. */
export interface LayerShape {
  channels: number;
  height: number;
  width: number;
}

/** An objective as the step graph takes it: direction [C] and mask [H * W], row by row. */
export interface EncodedObjective {
  direction: Float32Array;
  mask: Float32Array;
}

/** An objective that does not fit its layer; the message names the layer, both values and what is possible. */
export class ObjectiveError extends Error {
  override readonly name = "ObjectiveError";
}

type Encode<O> = (objective: O, shape: LayerShape) => EncodedObjective;
const encoders: { [K in Objective["kind"]]: Encode<Extract<Objective, { kind: K }>> } = {
  channel: (o, shape) => ({ direction: oneHot(o, shape), mask: mean(shape) }),
  neuron: (o, shape) => {
    const x = o.x ?? Math.floor(shape.width / 2);
    const y = o.y ?? Math.floor(shape.height / 2);
    const wrong = !within(x, shape.width) ? { axis: "x", at: x, size: shape.width } : { axis: "y", at: y, size: shape.height };
    if (!within(wrong.at, wrong.size))
      throw new ObjectiveError(
        `position ${wrong.axis} = ${wrong.at} is outside layer "${o.layer}", whose grid is ${shape.width} x ${shape.height} at this size; ` +
          `choose 0 to ${wrong.size - 1}.`,
      );
    const mask = new Float32Array(shape.height * shape.width);
    mask[y * shape.width + x] = 1;
    return { direction: oneHot(o, shape), mask };
  },
  direction: (o, shape) => {
    if (o.vector.length !== shape.channels)
      throw new ObjectiveError(
        `the direction has ${o.vector.length} numbers, but layer "${o.layer}" has ${shape.channels} channels.`,
      );
    if (!o.vector.every(Number.isFinite) || o.vector.every((v) => v === 0))
      throw new ObjectiveError(`the direction for layer "${o.layer}" must hold finite numbers, not all zero.`);
    return { direction: Float32Array.from(o.vector), mask: mean(shape) };
  },
};

/** Fills the step graph's inputs. Throws ObjectiveError when the objective does not fit the layer. */
export function encode(objective: Objective, shape: LayerShape): EncodedObjective {
  const encoder = encoders[objective.kind] as Encode<Objective> | undefined;
  if (!encoder)
    throw new ObjectiveError(
      `objective kind "${String((objective as Objective).kind)}" is not known; use ${Object.keys(encoders).join(", ")}.`,
    );
  return encoder(objective, shape);
}

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
const FIELDS: Readonly<Record<Objective["kind"], Readonly<Record<string, FieldCheck>>>> = {
  channel: { layer, channel: whole },
  neuron: { layer, channel: whole, x: optional, y: optional },
  direction: { layer, vector },
};

/** What to call it: "mixed4c, channel 42". Computed from the data, never stored. */
export function labelOf(objective: Objective, layerTitle = objective.layer): string {
  switch (objective.kind) {
    case "channel":
      return `${layerTitle}, channel ${objective.channel}`;
    case "neuron":
      return `${layerTitle}, channel ${objective.channel} at ${objective.x === undefined || objective.y === undefined ? "the centre" : `(${objective.x}, ${objective.y})`}`;
    case "direction": {
      const parts = objective.vector.flatMap((weight, channel) => (weight ? [`${weight} x ${channel}`] : []));
      return `${layerTitle}, ${parts.length > 4 ? `a direction over ${parts.length} channels` : `channels ${parts.join(" + ")}`}`;
    }
  }
}

const within = (i: number, size: number): boolean => Number.isInteger(i) && i >= 0 && i < size;

function oneHot({ layer, channel }: { layer: string; channel: number }, { channels }: LayerShape): Float32Array {
  if (!within(channel, channels))
    throw new ObjectiveError(
      `layer "${layer}" has ${channels} channels, numbered 0 to ${channels - 1}; ${channel} is not one of them.`,
    );
  const direction = new Float32Array(channels);
  direction[channel] = 1;
  return direction;
}

const mean = ({ height, width }: LayerShape): Float32Array => new Float32Array(height * width).fill(1 / (height * width));
