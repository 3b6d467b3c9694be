/** TF.js graph models for tests: a model.json around a few TensorFlow nodes, run by TF.js's own executor. */
import * as tf from "@tensorflow/tfjs";
import type { Tensor } from "../src/onnx/graph";
import { f32, transposed } from "../src/onnx/tensor";
import { randomTensor } from "./smallGraph";

export interface GraphJson {
  modelTopology: { node: { name: string; op: string; input?: string[]; attr: Record<string, unknown> }[] };
  weightsManifest: { paths: string[]; weights: tf.io.WeightsManifestEntry[] }[];
}
/** Runs a model.json in TF.js; 4-D results come back as NCHW. `image` is NCHW. */
export async function inTfjs(model: GraphJson, data: Uint8Array, feeds: Record<string, Tensor>, names: string[]) {
  const weightSpecs = model.weightsManifest.flatMap((g) => g.weights);
  const modelTopology = { ...model.modelTopology, versions: { producer: 1 } };
  const artifacts = { modelTopology, format: "graph-model", weightSpecs, weightData: data.slice().buffer };
  const loaded = await tf.loadGraphModel({ load: () => Promise.resolve(artifacts as tf.io.ModelArtifacts) });
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, t]) => {
      const nhwc = t.shape.length === 4 ? transposed(t, [0, 2, 3, 1]) : t;
      return [name, tf.tensor(nhwc.data as Float32Array, [...nhwc.shape])];
    }),
  );
  const results = loaded.execute(inputs, names) as tf.Tensor | tf.Tensor[];
  const list = Array.isArray(results) ? results : [results];
  return list.map((t) => {
    const values = f32(t.dataSync() as Float32Array, t.shape);
    return t.shape.length === 4 ? transposed(values, [0, 3, 1, 2]) : values;
  });
}

export type NodeSpec = [op: string, name: string, inputs: string[], attr?: Record<string, unknown>];

/** A model.json of `nodes` over a Placeholder x (-1: open), its constants as float32 in one shard "w.bin". */
export function small(
  shape: number[],
  nodes: NodeSpec[],
  constants: Record<string, { shape: number[]; data: number[] | Float32Array; dtype?: string }>,
) {
  const dims = { shape: { dim: shape.map((size) => ({ size: String(size) })) } };
  const model: GraphJson = {
    modelTopology: {
      node: [
        { name: "x", op: "Placeholder", attr: { shape: dims, dtype: { type: "DT_FLOAT" } } },
        ...Object.keys(constants).map((name) => ({ name, op: "Const", attr: {} })),
        ...nodes.map(([op, name, input, attr = {}]) => ({ name, op, input, attr: { T: { type: "DT_FLOAT" }, ...attr } })),
      ],
    },
    weightsManifest: [
      {
        paths: ["w.bin"],
        weights: Object.entries(constants).map(([name, c]) => ({
          name,
          shape: c.shape,
          dtype: (c.dtype ?? "float32") as "float32",
        })),
      },
    ],
  };
  const bytes = Object.values(constants).flatMap((c) => [
    ...new Uint8Array((c.dtype === "int32" ? Int32Array : Float32Array).from(c.data).buffer),
  ]);
  return { model, shard: Uint8Array.from(bytes) };
}

export const s = (value: string) => ({ s: btoa(value) });
export const ints = (...i: number[]) => ({ list: { i: i.map(String) } });
export const texts = (...list: string[]) => ({ list: { s: list.map((t) => btoa(t)) } });
export const random = (seed: number, ...shape: number[]) => ({ shape, data: randomTensor(shape, seed).data as Float32Array });
export const int32 = (...data: number[]) => ({ shape: [data.length], data, dtype: "int32" });
export const scalarInt = (x: number) => ({ shape: [], data: [x], dtype: "int32" });
