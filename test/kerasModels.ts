/** Keras models for tests, made and saved by TF.js itself: seeded weights, its own predictions, and ours beside them. */
import * as tf from "@tensorflow/tfjs";
import type { Tensor } from "../src/onnx/graph";
import { canonicalise } from "../src/onnx/canonicalise";
import { f32, transposed } from "../src/onnx/tensor";
import { importTfjs, type TfjsOptions } from "../src/importers/tfjs/import";
import { runGraph } from "./runGraph";
import { randomTensor, uniformTensor } from "./smallGraph";

/** A model.json, parsed, and its weight files. */
export interface SavedModel {
  json: {
    format: string;
    generatedBy?: string | undefined;
    modelTopology: Record<string, unknown>;
    weightsManifest: { paths: string[]; weights: tf.io.WeightsManifestEntry[] }[];
  };
  shards: Map<string, Uint8Array>;
}

/** Gives every weight seeded numbers; variances are positive. */
export function seedWeights<M extends tf.LayersModel>(model: M, seed = 1): M {
  const values = model.weights.map((w, i) => {
    const shape = w.shape as number[];
    const positive = w.name.includes("variance");
    const { data } = positive ? uniformTensor(shape, seed + i) : randomTensor(shape, seed + i, 0.5);
    return tf.tensor(positive ? (data as Float32Array).map((v) => v + 0.5) : (data as Float32Array), shape);
  });
  model.setWeights(values);
  return model;
}

/** Saves as TF.js does, in shards of `shardBytes`. */
export async function saved(model: tf.LayersModel, shardBytes = Infinity): Promise<SavedModel> {
  let result: SavedModel | undefined;
  await model.save(
    tf.io.withSaveHandler((artifacts) => {
      const bytes = new Uint8Array(artifacts.weightData as ArrayBuffer);
      const count = Math.max(1, Math.ceil(bytes.length / shardBytes));
      const paths = Array.from({ length: count }, (_, i) => `group1-shard${i + 1}of${count}.bin`);
      const at = (i: number) => Math.min(bytes.length, i * shardBytes || 0);
      result = {
        json: JSON.parse(
          JSON.stringify({
            format: artifacts.format,
            generatedBy: artifacts.generatedBy,
            modelTopology: artifacts.modelTopology,
            weightsManifest: [{ paths, weights: artifacts.weightSpecs }],
          }),
        ) as SavedModel["json"],
        shards: new Map(paths.map((path, i) => [path, bytes.slice(at(i), count === 1 ? bytes.length : at(i + 1))])),
      };
      return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } });
    }),
  );
  return result!;
}

/** What our import makes of it, run on `feeds` (in the stored order of axes: pictures are NCHW). */
export async function ours(
  { json, shards }: SavedModel,
  feeds: Record<string, Tensor>,
  options: TfjsOptions = {},
): Promise<Record<string, Tensor>> {
  const graph = importTfjs(json, shards, options);
  const shapes = Object.fromEntries(graph.inputs.map(({ name }) => [name, feeds[name]!.shape]));
  return runGraph(canonicalise(graph, { shapes }), feeds);
}

/** TF.js's predictions in the stored order of axes. `inputs` in that order too; `first`: the model has its channels first. */
export function theirs(model: tf.LayersModel, inputs: readonly Tensor[], first = false): Tensor[] {
  const own = inputs.map((x) => (x.shape.length === 4 && !first ? transposed(x, [0, 2, 3, 1]) : x));
  const given = own.map((x) => tf.tensor(x.data as Float32Array, [...x.shape]));
  const results = model.predict(given.length === 1 ? given[0]! : given);
  return (Array.isArray(results) ? results : [results]).map((t) => {
    const values = f32(t.dataSync() as Float32Array, t.shape);
    return t.shape.length === 4 && !first ? transposed(values, [0, 3, 1, 2]) : values;
  });
}
