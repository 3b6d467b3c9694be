/** What a network answers to one picture: its classes, strongest first, and where a detector sees them. */
import type { Prediction } from "../api/attribution";
import { activationShape, canonicalise } from "../onnx/canonicalise";
import { sizeOf, type Graph, type Tensor } from "../onnx/graph";
import { sidesOf, type Preprocessing } from "../onnx/preprocessing";
import type { Naming } from "../vis/objective/resolve";
import { shapesOf } from "../vis/stepGraph";
import type { ProgramCache } from "./probe";
import type { Runtime } from "./runtime";

export interface SubjectOptions {
  graph: Graph;
  preprocessing: Preprocessing;
  naming: Naming;
  /** [1, 3, H, W], RGB in 0..1, of the network's own size. */
  picture: Tensor;
  cache: ProgramCache;
  signal?: AbortSignal;
}

/** One layer's values on the picture. */
export interface LayerValues {
  channels: number;
  grid: readonly [height: number, width: number];
  /** Of a channel, by position [height width]. */
  of: (channel: number) => Float32Array;
}

/** Runs the network up to `layer`, one of the graph's own values. Throws what canonicalise throws, and the signal's reason. */
export async function layerValues(
  runtime: Runtime,
  { graph, preprocessing, picture, cache, signal }: Omit<SubjectOptions, "naming">,
  layer: string,
): Promise<LayerValues> {
  signal?.throwIfAborted();
  const size = sidesOf(preprocessing);
  const { program, graph: model } = await cache(JSON.stringify(["values", layer, size]), async () => {
    const made = canonicalise(graph, { preprocessing, size, batch: 1, until: [layer] });
    const compiled = await runtime.compile(made, { resident: [] });
    return { graph: made, shapes: shapesOf(made, 1), program: compiled, dispose: () => compiled.dispose() };
  });
  const [output] = model.outputs as [string];
  const { data, shape } = (await program.run({ [model.inputs[0]!.name]: picture }, [output]))[output] as Tensor;
  const { channels, height, width } = activationShape(shape)!;
  const positions = sizeOf([height, width]);
  const values = data as Float32Array;
  const tokens = shape.length === 3;
  const of = (channel: number): Float32Array =>
    tokens
      ? Float32Array.from({ length: positions }, (_, i) => values[i * channels + channel]!)
      : values.subarray(channel * positions, (channel + 1) * positions);
  return { channels, grid: [height, width], of };
}

/** Where values by position are highest. */
export function peakOf(values: Float32Array, [, width]: readonly [number, number]): { x: number; y: number; value: number } {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return { x: best % width, y: Math.floor(best / width), value: values[best]! };
}

/** The `count` strongest classes. Throws ObjectiveError where the network answers for none. */
export async function predict(runtime: Runtime, options: SubjectOptions & { count: number }): Promise<Prediction[]> {
  const { layer } = options.naming.classAt(0);
  const { channels, grid, of } = await layerValues(runtime, options, layer);
  const all = Array.from({ length: channels }, (_, c) => ({ class: c, ...peakOf(of(c), grid) }));
  const single = grid[0] * grid[1] === 1;
  const highest = all.reduce((most, { value }) => Math.max(most, value), -Infinity);
  const total = all.reduce((sum, { value }) => sum + Math.exp(value - highest), 0);
  return all
    .sort((a, b) => b.value - a.value)
    .slice(0, options.count)
    .map(({ class: channel, x, y, value }) => ({
      class: channel,
      score: value,
      share: single ? Math.exp(value - highest) / total : null,
      at: single ? null : { x, y },
    }));
}
