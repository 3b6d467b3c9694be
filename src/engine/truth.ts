/** Whether a map is true: the measures of src/attribution/truth over any Runtime. */
import type { Randomised, Truth } from "../api/truth";
import { methodOf } from "../attribution/methods";
import type { MethodContext } from "../attribution/probe";
import { deletion, insertion } from "../attribution/truth/curves";
import { infidelity } from "../attribution/truth/infidelity";
import { maxSensitivity } from "../attribution/truth/maxSensitivity";
import { randomisedFromTop, weightedNodes } from "../attribution/truth/randomised";
import { edgeMap, randomMap } from "../attribution/truth/rivals";
import { road } from "../attribution/truth/road";
import { rankCorrelation, ssim } from "../attribution/truth/similarity";
import type { Tensor } from "../onnx/graph";
import { attribute, subject, type AttributeOptions } from "./attribute";
import type { Compiled } from "./probe";
import type { Runtime } from "./runtime";

export interface TruthOptions extends AttributeOptions {
  map: Tensor | "random" | "edges";
  steps?: number;
  sensitivity?: number;
}

const STEPS = 16;
const SQUARES = 32;
/** Of ROAD: each is filled in twice, which takes longer than the network's answer. */
const SHARES = [0.2, 0.5, 0.8] as const;

/** Every measure of one map. `onProgress` counts the network's answers. Throws as `attribute` does. */
export async function truthOf(runtime: Runtime, options: TruthOptions): Promise<Omit<Truth, "device">> {
  const { method, picture, pictures = {}, signal, onProgress, steps = STEPS, sensitivity = 0 } = options;
  const begun = performance.now();
  const { probe } = await subject(runtime, options);
  const map = options.map === "random" ? randomMap(probe.size) : options.map === "edges" ? edgeMap(picture) : options.map;
  const again = typeof options.map === "string" ? 0 : sensitivity;
  let [done, part] = [0, 0];
  const of = 2 * (steps + 1) + SQUARES + 2 * SHARES.length + again * AGAIN;
  const context: MethodContext = {
    ...{ probe, picture, pictures },
    ...(signal ? { signal } : {}),
    onProgress: (now) => {
      done += Math.max(0, now - part);
      part = now;
      onProgress?.(Math.min(done, of), of);
    },
  };
  const next = <T>(work: Promise<T>): Promise<T> => work.finally(() => (part = 0));
  const truth = {
    insertion: await next(insertion(context, map, { steps })),
    deletion: await next(deletion(context, map, { steps })),
    infidelity: await next(infidelity(context, map, { squares: SQUARES })),
    road: await next(road(context, map, { shares: SHARES })),
  };
  const explain = async (near: Tensor): Promise<Tensor> =>
    (await methodOf(method)({ probe, picture: near, pictures, ...(signal ? { signal } : {}) }, method)).map;
  const report = (samples: number): void => onProgress?.(Math.min(of, done + samples * AGAIN), of);
  const changed = again
    ? await maxSensitivity(explain, picture, { samples: again, ...(signal ? { signal } : {}), onProgress: report })
    : null;
  onProgress?.(of, of);
  return { ...truth, sensitivity: changed, ms: performance.now() - begun };
}

/** What a run of the method counts for in the progress. */
const AGAIN = 10;

export interface RandomisedOptions extends AttributeOptions {
  map: Tensor;
  layers: number;
  seed?: number;
}

/** The method's map with the topmost layers' weights drawn anew. Throws as `attribute` does, and RangeError for more layers than there are. */
export async function randomisedMap(runtime: Runtime, options: RandomisedOptions): Promise<Omit<Randomised, "device">> {
  const { graph, layers, seed = 1, map: own } = options;
  const names = weightedNodes(graph).map(({ outputs }) => outputs[0]!);
  const programs = new Map<string, Promise<Compiled>>();
  const cache = (key: string, make: () => Promise<Compiled>): Promise<Compiled> =>
    programs.get(key) ?? programs.set(key, make()).get(key)!;
  try {
    const random = randomisedFromTop(graph, layers, seed);
    const { map } = await attribute(runtime, { ...options, graph: random, cache });
    const made: Tensor = { dtype: "float32", ...map };
    const likeness = { absolute: true };
    return { map, ssim: ssim(own, made, likeness), rankCorrelation: rankCorrelation(own, made, likeness), names };
  } finally {
    for (const compiled of programs.values()) await compiled.then(({ dispose }) => dispose()).catch(() => {});
  }
}
