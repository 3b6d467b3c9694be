/** The engine's jobs on weights: what leads to a unit from an earlier layer, and how alike a layer's units are by it. */
import type { Connections, ConnectionsRequest, Expanded, Similarity, WeightsRequest } from "../api/units";
import { GraphBuilder } from "../onnx/builder";
import { canonicalise, layersOf } from "../onnx/canonicalise";
import type { StaticGraph, Tensor } from "../onnx/graph";
import { findLayer } from "../onnx/locate";
import { sidesOf } from "../onnx/preprocessing";
import { f32 } from "../onnx/tensor";
import { COTANGENT, cotangentOf, expansion, GRADIENT, kernelsOf, type Expansion } from "../circuits/expand";
import { cosinesOf } from "../circuits/inputs";
import type { Runtime } from "./runtime";
import { valuesOf, type Bench, type Made } from "./units";

/** Units whose weights are expanded together when all of a layer are wanted. */
const BATCH = 8;
/** Columns of the weights that are multiplied at once. */
const COLUMNS = 4096;
/** Numbers that a layer's weights may have: 256 MB. */
const MAX_WEIGHTS = 2 ** 26;

/** See EngineApi.connections. Throws what `expansion` throws, and OutsideError for a unit that the layer has not. */
export async function connectionsOf(bench: Bench, request: ConnectionsRequest): Promise<Made<Connections>> {
  const expanded = expand(bench, request, 1);
  const { channel } = request;
  if (!(Number.isInteger(channel) && channel >= 0 && channel < expanded.to.channels))
    throw new OutsideError(`layer "${request.layer}" has units 0 to ${expanded.to.channels - 1}; ${channel} is not one of them.`);
  let weights = new Float32Array();
  await eachUnit(bench.runtime, expanded, [channel], (_, kernels) => (weights = kernels));
  const { window } = expanded;
  const extent = [window.bottom - window.top, window.right - window.left] as const;
  return { made: { ...how(expanded), channel, extent, weights }, buffers: [weights.buffer] };
}

/** See EngineApi.similarity. Throws what `expansion` throws, the signal's reason, and OutsideError where the weights are too many. */
export async function similarityOf(bench: Bench, request: WeightsRequest): Promise<Made<Similarity>> {
  const expanded = expand(bench, request, BATCH);
  const { channels } = expanded.to;
  const { window, from } = expanded;
  const each = from.channels * (window.bottom - window.top) * (window.right - window.left);
  if (channels * each > MAX_WEIGHTS)
    throw new OutsideError(
      `the ${channels} units of "${request.layer}" have ${each} weights each from "${from.layer}": too many to compare. Choose a layer nearer to it.`,
    );
  const all = new Float32Array(channels * each);
  const units = Array.from({ length: channels }, (_, c) => c);
  await eachUnit(bench.runtime, expanded, units, (first, kernels) => {
    bench.signal.throwIfAborted();
    all.set(kernels, first * each);
    bench.onDone(first + kernels.length / each, channels);
  });
  const cosines = cosinesOf(await products(bench.runtime, all, channels), channels);
  return { made: { ...how(expanded), cosines }, buffers: [cosines.buffer as ArrayBuffer] };
}

/** A unit that is not there, or more than can be held; the message says what is possible. */
export class OutsideError extends Error {
  override readonly name = "OutsideError";
}

const how = ({ from, to, approximations, bypassed }: Expansion): Expanded => ({ from, to, approximations, bypassed });

function expand(bench: Bench, { layer, from }: WeightsRequest, batch: number): Expansion {
  const { graph, card } = bench;
  const { preprocessing } = card;
  const [to] = valuesOf(bench, [layer]) as [string];
  const known = from === undefined ? [] : valuesOf(bench, [from]);
  const model = canonicalise(graph, { size: sidesOf(preprocessing), batch, preprocessing, until: [to, ...known] });
  const [end, start = previous(bench, model)] = model.outputs as [string, string?];
  return expansion(model, { from: start, to: end });
}

/** The last significant layer before the model's first output; where a card names none, the last of any; else the picture. */
function previous({ graph, card }: Bench, model: StaticGraph): string {
  const [to] = model.outputs;
  const listed = card.layers.filter(({ significant }) => significant);
  const named = listed.length
    ? listed.flatMap((layer) => findLayer(graph, layer, card.preprocessing.input) ?? [])
    : layersOf(model).map(({ name }) => name);
  const candidates = new Set(named.filter((name) => name !== to));
  const last = model.nodes.findLast(({ outputs }) => outputs.some((name) => candidates.has(name)));
  return last?.outputs.find((name) => candidates.has(name)) ?? model.inputs[0]!.name;
}

/** Kernels of units, a batch at a time: [units, C, kh, kw] from number `first` on. */
async function eachUnit(
  runtime: Runtime,
  expanded: Expansion,
  units: readonly number[],
  use: (first: number, kernels: Float32Array<ArrayBuffer>) => void,
): Promise<void> {
  const program = await runtime.compile(expanded.graph, { resident: [] });
  try {
    for (let first = 0; first < units.length; first += expanded.batch) {
      const some = units.slice(first, first + expanded.batch);
      const out = await program.run({ [COTANGENT]: cotangentOf(expanded, some) }, [GRADIENT]);
      use(first, kernelsOf(expanded, (out[GRADIENT] as Tensor).data as Float32Array, some.length));
      await new Promise((resolve) => setTimeout(resolve)); // a cancel is heard between batches
    }
  } finally {
    await program.dispose();
  }
}

/** Sums of products of every two rows [rows, rows], on the device, some columns at a time. */
async function products(runtime: Runtime, all: Float32Array, rows: number): Promise<Float32Array> {
  const columns = all.length / rows;
  const b = new GraphBuilder();
  const x = b.input("x", "float32", [rows, COLUMNS]);
  const square = b.matmul(x, b.transpose(x, [1, 0]));
  const program = await runtime.compile(b.build("products", [square]), { resident: [] });
  try {
    const total = new Float32Array(rows * rows);
    for (let start = 0; start < columns; start += COLUMNS) {
      const part = new Float32Array(rows * COLUMNS);
      const end = Math.min(columns, start + COLUMNS);
      for (let r = 0; r < rows; r++) part.set(all.subarray(r * columns + start, r * columns + end), r * COLUMNS);
      const out = await program.run({ x: f32(part, [rows, COLUMNS]) }, [square.name]);
      ((out[square.name] as Tensor).data as Float32Array).forEach((v, i) => (total[i]! += v));
    }
    return total;
  } finally {
    await program.dispose();
  }
}
