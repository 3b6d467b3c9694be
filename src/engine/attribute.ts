/** Which pixels, and which units of a layer, count for a target: methods of src/attribution over any Runtime. */
import type { Attribution, LayerAttribution, NeuronGroups } from "../api/attribution";
import { groupsOf } from "../attribution/inside/groups";
import { methodOf } from "../attribution/methods";
import type { MethodContext } from "../attribution/probe";
import { gaussLegendre } from "../attribution/quadrature";
import { resolveTarget, type Peak } from "../attribution/target";
import type { AttributionMethod, AttributionTarget } from "../attribution/types";
import { f32 } from "../onnx/tensor";
import type { Bitmaps } from "../vis/named";
import { macrotask } from "./climb";
import { layerValues, peakOf, predict, type SubjectOptions } from "./predict";
import { RuntimeProbe } from "./probe";
import type { Runtime } from "./runtime";

export interface TargetOptions extends SubjectOptions {
  /** Left out: the class that the network answers most strongly. */
  target?: AttributionTarget;
}

export interface AttributeOptions extends TargetOptions {
  method: AttributionMethod;
  /** Those that the method names. */
  pictures?: Bitmaps;
  onProgress?: (done: number, of: number) => void;
}

/** The method's map of the picture. Throws ObjectiveError, AttributionError, what compiling throws, and the signal's reason. */
export async function attribute(runtime: Runtime, options: AttributeOptions): Promise<Omit<Attribution, "device">> {
  const { method, picture, pictures = {}, signal, onProgress } = options;
  const work = methodOf(method);
  const { probe, target } = await subject(runtime, options);
  const context: MethodContext = { probe, picture, pictures, signal, onProgress };
  const begun = performance.now();
  const { map, score, complete } = await work(context, method);
  const ms = performance.now() - begun - probe.compileMs;
  const data = map.data as Float32Array<ArrayBuffer>;
  const completenessGap = complete === null ? null : gap(data, complete);
  return { map: { shape: map.shape, data }, target, score, completenessGap, ms };
}

export interface AttributeLayerOptions extends TargetOptions {
  /** Left out: the last one with the coarsest grid before the target. */
  layer?: string;
  points?: number;
}

/**
 * How much every unit of a hidden layer adds to the target: gradient times activation, or integrated from a silent layer. Throws as
 * `attribute` does.
 */
export async function attributeLayer(
  runtime: Runtime,
  options: AttributeLayerOptions,
): Promise<Omit<LayerAttribution, "device">> {
  const { activations, slopes, channels, positions, ...found } = await layerSlopes(runtime, options);
  const values = activations.map((v, k) => v * slopes[k]!);
  const byPosition = new Float32Array(positions);
  const byChannel = new Float32Array(channels);
  values.forEach((v, k) => {
    byPosition[k % positions]! += v;
    byChannel[Math.floor(k / positions)]! += v;
  });
  const completenessGap = gap(values, found.score - found.silent);
  return { ...found, positions: byPosition, channels: byChannel, activations, values, completenessGap };
}

export interface NeuronGroupsOptions extends AttributeLayerOptions {
  count?: number;
  seed?: number;
  onProgress?: (done: number, of: number) => void;
}

/** The layer's units as a few groups, and what each adds to the target. Throws as `attribute` does. */
export async function neuronGroups(runtime: Runtime, options: NeuronGroupsOptions): Promise<Omit<NeuronGroups, "device">> {
  const { count = 6, seed = 1, signal, onProgress } = options;
  const begun = performance.now();
  const { activations, slopes, channels, positions, ms, ...found } = await layerSlopes(runtime, options);
  const compiling = performance.now() - begun - ms;
  const made = await groupsOf(activations, slopes, [channels, positions], {
    count,
    seed,
    onIteration: async (done, of) => {
      signal?.throwIfAborted();
      onProgress?.(done, of);
      await macrotask();
    },
  });
  return { ...found, ...made, ms: performance.now() - begun - compiling };
}

/** A layer's activations [C, positions], the target's slopes by them, and the target with and without them. */
async function layerSlopes(runtime: Runtime, options: AttributeLayerOptions) {
  const { picture, naming, points = 1, signal } = options;
  const { probe, target } = await subject(runtime, options);
  const layer = options.layer === undefined ? probe.layerName() : naming.layer(options.layer);
  const begun = performance.now() - probe.compileMs;
  const { scores, activations, gradients } = await probe.layer(picture, layer);
  const own = activations.data as Float32Array<ArrayBuffer>;
  const slopes = points === 1 ? (gradients.data as Float32Array) : new Float32Array(own.length);
  if (points > 1) {
    const quadrature = gaussLegendre(points);
    for (const [i, share] of quadrature.points.entries()) {
      signal?.throwIfAborted();
      const part = f32(own.map((v) => v * share), activations.shape); // prettier-ignore
      const { gradients: there } = await probe.slopesFrom(part, picture, layer);
      (there.data as Float32Array).forEach((g, k) => (slopes[k]! += quadrature.weights[i]! * g));
    }
  }
  const [silent] = await probe.scoresFrom(f32(new Float32Array(own.length), activations.shape), picture, layer);
  const [, channels, height, width] = activations.shape as [number, number, number, number];
  const grid: readonly [number, number] = [height, width];
  return {
    ...{ layer, grid, channels, positions: height * width, activations: own, slopes, target },
    ...{ score: scores[0]!, silent: silent!, ms: performance.now() - begun - probe.compileMs },
  };
}

/** By how much a map's sum misses what it should be, as a share of that. */
function gap(map: Float32Array, complete: number): number {
  const sum = map.reduce((total, v) => total + v, 0);
  return Math.abs(sum - complete) / Math.max(Math.abs(complete), Number.EPSILON);
}

/** The target in the graph's own names, and the network asked about it. */
export async function subject(
  runtime: Runtime,
  options: TargetOptions,
): Promise<{ probe: RuntimeProbe; target: AttributionTarget }> {
  const { graph, preprocessing, naming, cache, signal } = options;
  const peak: Peak = async (layer, channel) => {
    const { grid, of } = await layerValues(runtime, options, layer);
    const { x, y } = peakOf(of(channel), grid);
    return grid[0] * grid[1] === 1 ? null : { x, y };
  };
  const { target, objective } = await resolveTarget(options.target ?? (await strongest(runtime, options)), naming, peak);
  return { probe: new RuntimeProbe(runtime, { graph, preprocessing, objective, cache, signal }), target };
}

async function strongest(runtime: Runtime, options: SubjectOptions): Promise<AttributionTarget> {
  const [first] = await predict(runtime, { ...options, count: 1 });
  return { kind: "class", class: first!.class, ...first!.at };
}
