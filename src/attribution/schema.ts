/** Targets and methods from links, files and command lines: what one may hold, so that none can hang a reader's machine. */
import * as v from "valibot";
import { fields, firstFault, kind, list, number, oneOf, text, variants, whole } from "../vis/schema/fields";
import { AttributionError, type AttributionMethod, type AttributionTarget } from "./types";

const layer = text(1, 1000, "a layer's name");
const channel = whole(0, 1_000_000);
const at = v.optional(whole(0, 10_000));
const className = v.union([text(1, 200), channel], "a class's name or number");
const seed = v.optional(whole(0, 2 ** 32 - 1));
/** Runs of the network: a hundred thousand take hours. */
const runs = v.optional(whole(1, 100_000));
const share = v.optional(number(0, 1));
const pixels = v.optional(number(0, 1000));

const single = [
  kind("class", { class: className, x: at, y: at }),
  kind("unit", { layer, channel, x: at, y: at }),
  kind("direction", { layer, vector: list(number(-1e6, 1e6), [1, 8192], "numbers, one for each channel"), x: at, y: at }),
] as const;
const part: v.GenericSchema<AttributionTarget> = v.lazy(() => targetSchema);
export const targetSchema = variants([...single, kind("difference", { of: part, minus: part })]);

const baseline = v.optional(
  variants([kind("black", {}), kind("white", {}), kind("blur", { sigma: pixels }), kind("noise", { seed }), kind("mean", {})]),
);

/** How deep differences may lie in one another. */
const DEEPEST = 8;

const method = <const K extends string, const E extends v.ObjectEntries>(name: K, entries: E) =>
  fields({ name: v.literal(name, JSON.stringify(name)), ...entries });
const noisy = { samples: runs, noise: v.optional(number(0, 10)), seed };
const ofLayer = { layer: v.optional(layer) };
const ofChannels = { ...ofLayer, channels: runs };
const ofSegments = { samples: runs, segments: v.optional(whole(2, 10_000)), seed, baseline };

const composites = oneOf(
  "epsilon",
  "gamma",
  "zPlus",
  "epsilonPlus",
  "epsilonPlusFlat",
  "epsilonGammaBox",
  "epsilonAlpha2Beta1",
  "epsilonAlpha2Beta1Flat",
);

const options = [
  method("saliency", { signed: v.optional(v.boolean("true or false")) }),
  method("inputXGradient", { baseline }),
  method("integratedGradients", {
    points: v.optional(whole(1, 2000)),
    baseline,
    rule: v.optional(oneOf("adaptive", "gaussLegendre")),
  }),
  method("smoothGrad", noisy),
  method("smoothGradSquared", noisy),
  method("varGrad", noisy),
  method("guidedIg", { steps: v.optional(whole(1, 2000)), fraction: share, maxDistance: share, baseline }),
  method("blurIg", { steps: v.optional(whole(1, 2000)), sigma: pixels }),
  method("expectedGradients", {
    samples: runs,
    seed,
    backgrounds: v.optional(list(text(1, 200, "a picture's name"), [1, 256], "pictures")),
  }),
  method("guidedBackprop", {}),
  method("deconvNet", {}),
  method("deepLift", { baseline }),
  method("lrp", {
    composite: v.optional(composites),
    epsilon: v.optional(number(0, 1e6)),
    gamma: v.optional(number(0, 1e6)),
  }),
  method("gradCam", ofLayer),
  method("gradCamPlusPlus", ofLayer),
  method("hiResCam", ofLayer),
  method("xGradCam", ofLayer),
  method("layerCam", ofLayer),
  method("eigenCam", ofLayer),
  method("scoreCam", ofChannels),
  method("ablationCam", ofChannels),
  method("occlusion", { patch: v.optional(whole(1, 1000)), stride: v.optional(whole(1, 1000)), baseline }),
  method("rise", { masks: runs, cells: v.optional(whole(1, 100)), keep: share, seed, baseline }),
  method("lime", ofSegments),
  method("kernelShap", ofSegments),
  method("xrai", { points: v.optional(whole(1, 2000)) }),
] as const;

export const methodSchema = v.variant("name", options, ({ expected }) =>
  expected === "Object" ? "an object with a name" : options.map(({ entries }) => entries.name.literal).join(" or "),
);

/** `json` as a target. Throws AttributionError naming the first field that is wrong. */
export function validateTarget(json: unknown): AttributionTarget {
  checkDepth(json);
  const fault = firstFault(targetSchema, json, "target");
  if (fault) throw new AttributionError(fault);
  return json as AttributionTarget;
}

/** `json` as a method with its options. Throws AttributionError naming the first field that is wrong. */
export function validateMethod(json: unknown): AttributionMethod {
  const fault = firstFault(methodSchema, json, "method");
  if (fault) throw new AttributionError(fault);
  return json as AttributionMethod;
}

/** Before the schema walks it, level by level, since what a link holds may be very deep. */
function checkDepth(json: unknown): void {
  let level: unknown[] = [json];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST)
      throw new AttributionError(`differences lie more than ${DEEPEST} deep in one another; at most ${DEEPEST} are allowed.`);
    level = level
      .flatMap((part) =>
        typeof part === "object" && part !== null ? [(part as { of?: unknown }).of, (part as { minus?: unknown }).minus] : [],
      )
      .filter((part) => typeof part === "object" && part !== null);
  }
}
