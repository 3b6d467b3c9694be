/** An objective on pictures as they are: photos at the network's own size, finished pictures at theirs; without transforms. */
import type { Measured } from "../api/engine";
import { canonicalise } from "../onnx/canonicalise";
import type { Graph, Tensor } from "../onnx/graph";
import { sidesOf, type Preprocessing } from "../onnx/preprocessing";
import { feedsOf, planObjective, type ObjectivePlan } from "../vis/objective/program";
import { INPUT_LAYER } from "../vis/objective/term";
import type { Objective } from "../vis/objective/types";
import { namedInput } from "../vis/named";
import type { Bitmaps } from "../vis/named";
import { MEASURE_MEANS, measureGraph, STEP } from "../vis/stepGraph";
import { pictureAlone, prepare } from "./prepare";
import type { Runtime } from "./runtime";

export interface MeasureOptions {
  graph: Graph;
  preprocessing: Preprocessing;
  /** In the graph's own names; of one picture. */
  objective: Objective;
  /** [1, 3, H, W] each, RGB in 0..1, of the network's own size. */
  pictures: readonly Tensor[];
  named?: Bitmaps;
  signal?: AbortSignal;
  onPicture?: (done: number) => void;
}

/**
 * The objective of each picture, and the mean over positions of every channel of its first layer.
 * Throws ObjectiveError where it compares the pictures of a batch or does not fit its layers, and the signal's reason.
 */
export async function measure(runtime: Runtime, options: MeasureOptions): Promise<Measured> {
  const { graph, preprocessing, objective, pictures, named = {}, signal, onPicture } = options;
  const plan = planObjective(objective, 1);
  const size = sidesOf(preprocessing);
  const model = plan.layers.length
    ? canonicalise(graph, { size, batch: 1, preprocessing, until: plan.layers })
    : pictureAlone(1, size);
  const targets = await targetsOf(runtime, { model, plan, named, size });
  const { graph: whole, shapes, means } = measureGraph(model, plan);
  const program = await runtime.compile(whole, { resident: [] });
  try {
    const fixed = { ...feedsOf(plan, shapes), ...targets };
    const scores: number[] = [];
    const rows: Float32Array[] = [];
    for (const image of pictures) {
      signal?.throwIfAborted();
      const out = await program.run({ ...fixed, [model.inputs[0]!.name]: image }, whole.outputs);
      scores.push(Number((out[STEP.score] as Tensor).data[0]));
      if (means) rows.push((out[MEASURE_MEANS] as Tensor).data as Float32Array);
      onPicture?.(scores.length);
    }
    return { scores: Float32Array.from(scores), means: Float32Array.from(rows.flatMap((row) => [...row])) };
  } finally {
    await program.dispose();
  }
}

/** A network, an objective in its own names, and a picture such as those to be measured. */
export interface OwnSizeOptions extends Pick<MeasureOptions, "graph" | "preprocessing" | "objective"> {
  like: { width: number; height: number } | undefined;
}

/** The size at which the objective's layers take such pictures: theirs, or what is nearest to it, as for a render (prepare.ts). */
export function ownSize({ graph, preprocessing, objective, like }: OwnSizeOptions): readonly [height: number, width: number] {
  if (!like) return sidesOf(preprocessing);
  const { layers } = planObjective(objective, 1);
  const recipe = { size: Math.max(like.width, like.height), transforms: [], batch: 1 };
  const [, , height, width] = prepare({ graph, preprocessing, layers, recipe }).inputs[0]!.shape;
  return [Number(height), Number(width)];
}

interface TargetOptions {
  model: ReturnType<typeof canonicalise>;
  plan: ObjectivePlan;
  named: Bitmaps;
  size: readonly [height: number, width: number];
}

/** The activations that the objective compares with, of the named pictures as they are. */
async function targetsOf(runtime: Runtime, { model, plan, named, size }: TargetOptions): Promise<Record<string, Tensor>> {
  const inside = plan.targets.filter(({ layer }) => layer !== INPUT_LAYER);
  const program = inside.length ? await runtime.compile(model, { resident: [] }) : null;
  try {
    const targets: Record<string, Tensor> = {};
    for (const { input, layer, pictures } of plan.targets) {
      const image = namedInput(pictures[0]!, named, size);
      targets[input] =
        layer === INPUT_LAYER ? image : ((await program!.run({ [model.inputs[0]!.name]: image }, [layer]))[layer] as Tensor);
    }
    return targets;
  } finally {
    await program?.dispose();
  }
}
