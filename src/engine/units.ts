/** The engine's jobs on the units of a loaded model: what they answer to pictures and to stimuli. engine.ts queues them and explains their errors. */
import type { ModelCard } from "../api/model";
import type { Examined, ExamineRequest, Tuned, TunedLayer, TuneRequest } from "../api/units";
import { layerValue } from "../models/layers";
import type { Graph } from "../onnx/graph";
import { sidesOf } from "../onnx/preprocessing";
import { pointResponses } from "../tuning/measures";
import { drawStimulus } from "../tuning/stimuli";
import { stimuliOf } from "../tuning/sweep";
import { networkInput } from "../vis/resample";
import { compileExaminer, type Examiner, type ExaminerOptions } from "./examine";
import type { Runtime } from "./runtime";

/** A model that is loaded, and what a job on it needs. */
export interface Bench {
  runtime: Runtime;
  graph: Graph;
  card: ModelCard;
  signal: AbortSignal;
  onDone: (done: number, of: number) => void;
  /** An examiner that is kept under a key: made where there is none. */
  examiner: (key: unknown, make: () => Promise<Examiner>) => Promise<Examiner>;
}

/** What crosses to the page, and which of its buffers move there. */
export interface Made<T> {
  made: T;
  buffers: ArrayBuffer[];
}

/** The graph's values for layers by any of their names. Throws Error with near names where there is none. */
export const valuesOf = ({ graph, card }: Pick<Bench, "graph" | "card">, layers: readonly string[]): string[] =>
  layers.map((layer) => layerValue(graph, card, layer));

/** See EngineApi.examine. Throws what compileExaminer throws, and the signal's reason. */
export async function examineUnits(bench: Bench, { layers, pictures }: ExamineRequest): Promise<Made<Examined>> {
  const examiner = await keptExaminer(bench, layers);
  const size = sidesOf(bench.card.preprocessing);
  const made = await examiner.examine(
    pictures.map(
      ({ width, height, rgba }) =>
        () =>
          networkInput({ width, height, data: rgba, channels: 4 }, size),
    ),
    { signal: bench.signal, onPicture: (done) => bench.onDone(done, pictures.length) },
  );
  return { made, buffers: made.layers.flatMap(({ max, argmax, mean }) => buffersOf([max, argmax, mean])) };
}

/** See EngineApi.tune. Throws SweepError before anything is compiled, what compileExaminer throws, and the signal's reason. */
export async function tuneUnits(bench: Bench, { layers, sweep, response = "max" }: TuneRequest): Promise<Made<Tuned>> {
  const size = sidesOf(bench.card.preprocessing);
  const stimuli = stimuliOf(sweep, size);
  const examiner = await keptExaminer(bench, layers, "centre");
  const examined = await examiner.examine(
    stimuli.map((stimulus) => () => drawStimulus(stimulus, size)),
    { signal: bench.signal, onPicture: (done) => bench.onDone(done, stimuli.length) },
  );
  const tuned = examined.layers.map((layer): TunedLayer => ({
    layer: layer.layer,
    channels: layer.channels,
    responses: pointResponses(sweep, layer[response], layer.channels),
  }));
  return { made: { size, layers: tuned }, buffers: buffersOf(tuned.map(({ responses }) => responses)) };
}

/** The model compiled up to layers by any of their names; the same as last time where they are the same. */
export function keptExaminer(
  bench: Bench,
  layers: readonly string[],
  region: ExaminerOptions["region"] = "all",
): Promise<Examiner> {
  const { runtime, graph, card } = bench;
  const values = valuesOf(bench, layers);
  return bench.examiner([values, region], () =>
    compileExaminer(runtime, { graph, preprocessing: card.preprocessing, layers: values, region }),
  );
}

export const buffersOf = (arrays: readonly ArrayBufferView[]): ArrayBuffer[] => arrays.map(({ buffer }) => buffer as ArrayBuffer);
