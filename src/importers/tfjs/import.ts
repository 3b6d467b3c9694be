/**
 * TF.js models (model.json and its weight shards) -> Graph in ONNX ops, NCHW: graph models (TensorFlow's GraphDef) and
 * layers models (Keras).
 *
 * The file's names of nodes and layers stay the names of the values. Weights are permuted here, so the trunk holds no
 * Transpose; sizes that a converter froze (Resize) become scales and pads stay auto_pad, so the result can be run at any
 * picture size that the network's own strides allow. Sizes declared in the file, or `size`, are used while importing, and
 * the graph declares what the file does.
 */
import type { Graph, GraphInput } from "../../onnx/graph";
import { importGraphModel, inspectGraphModel } from "./graphModel";
import { importLayersModel, inspectLayersModel } from "./keras/layersModel";
import { readModelJson, type WeightGroup } from "./modelJson";
import type { TfjsOptions } from "./options";
import { byteLength } from "./weights";

export type { TfjsOptions };

/**
 * Imports a parsed model.json of either kind. `shards`: the weight files' bytes, by the paths in the manifest.
 * Throws ModelFormatError about the files, OpError (naming the node or layer) about what is not understood.
 */
export function importTfjs(json: unknown, shards: ReadonlyMap<string, Uint8Array>, options: TfjsOptions = {}): Graph {
  const file = readModelJson(json, options.what);
  return (file.kind === "graph" ? importGraphModel : importLayersModel)(file, shards, options);
}

/** What a model.json says before any weights are there. */
export interface TfjsInspection {
  kind: "graph" | "layers";
  /** The name that the file gives the model, or the file's own. */
  title: string;
  /** As the imported graph declares them, NCHW. */
  inputs: GraphInput[];
  /** All nodes or layers that the outputs need, in order, with the file's names for what they do. */
  layers: { name: string; op: string }[];
  /** Every node or layer without a rule: importTfjs refuses to go through these. */
  unsupported: { node: string; op: string }[];
  /** For importTfjs's `until`: the model's outputs, or what can be reached of it where `unsupported` is in the way. */
  outputs: string[];
  /** Paths of the weight files beside model.json, and their bytes together. */
  shards: string[];
  bytes: number;
}

/** Reads a parsed model.json alone. Throws ModelFormatError when it is none or contradicts itself, OpError about an input. */
export function inspectTfjs(json: unknown, what = "model.json"): TfjsInspection {
  const file = readModelJson(json, what);
  const found = (file.kind === "graph" ? inspectGraphModel : inspectLayersModel)(file, what);
  return { kind: file.kind, ...found, shards: file.groups.flatMap(({ paths }) => paths), bytes: bytesOf(file.groups, what) };
}

const bytesOf = (groups: readonly WeightGroup[], what: string): number =>
  groups.reduce((sum, { weights }) => weights.reduce((n, weight) => n + byteLength(weight, what), sum), 0);
