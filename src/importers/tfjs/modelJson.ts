/**
 * What graph models and layers models have in common: model.json is an object with a topology and a manifest of weights.
 *
 * Checked against what we rely on. Every refusal is a ModelFormatError that names the place, what was found and the cure.
 */
import { ModelFormatError } from "../../onnx/graph";

/** One entry of the manifest: a constant, stored as `quantization` says. */
export interface WeightSpec {
  name: string;
  shape: number[];
  dtype: string;
  quantization?: { dtype: string; scale?: number; min?: number };
}

export interface WeightGroup {
  paths: string[];
  weights: WeightSpec[];
}

export type Json = Readonly<Record<string, unknown>>;

/** A model.json: a TensorFlow graph (GraphDef), or Keras layers. */
export interface ModelJson {
  kind: "graph" | "layers";
  /** The GraphDef; or a layer's class_name and config, the whole model being one. */
  topology: Json;
  /** The whole file: signatures lie here. */
  json: Json;
  groups: WeightGroup[];
}

export const isObject = (x: unknown): x is Json => typeof x === "object" && x !== null && !Array.isArray(x);
export const isList = (x: unknown): x is unknown[] => Array.isArray(x);
export const isText = (x: unknown): x is string => typeof x === "string";

/** What a JSON value is, for messages. */
export const kindOf = (x: unknown): string =>
  x === undefined ? "nothing" : x === null ? "null" : isList(x) ? "a list" : isObject(x) ? "an object" : `a ${typeof x}`;

/** Reads a parsed model.json, the topology as yet unread; `what` names it in messages. Throws ModelFormatError. */
export function readModelJson(json: unknown, what = "model.json"): ModelJson {
  const refuse = (message: string): never => {
    throw new ModelFormatError(`${what}: ${message}`);
  };
  if (!isObject(json)) return refuse(`it is ${kindOf(json)}, not an object. Choose the model.json of a TF.js model.`);
  const found = json.modelTopology;
  const topology = isObject(found) && isObject(found.model_config) ? { ...found, ...found.model_config } : found;
  const isGraph = isObject(topology) && isList(topology.node);
  const isLayers = isObject(topology) && isText(topology.class_name ?? topology.className) && "config" in topology;
  if (!isObject(topology) || (!isGraph && !isLayers))
    return refuse(
      `it has neither a graph ("modelTopology.node") nor Keras layers ("modelTopology.class_name" and "config"); ` +
        `"modelTopology" is ${kindOf(found)}. Choose the model.json of a TF.js model.`,
    );
  const manifest = json.weightsManifest;
  if (!isList(manifest))
    return refuse(`it has no "weightsManifest" list (found ${kindOf(manifest)}). Save the model again with its weights.`);
  const groups = manifest.map((group, i) => readGroup(group, `${what}: group ${i} of the weights manifest`));
  return { kind: isGraph ? "graph" : "layers", topology, json, groups };
}

function readGroup(group: unknown, where: string): WeightGroup {
  if (!isObject(group) || !isList(group.paths) || !group.paths.every(isText) || !isList(group.weights))
    throw new ModelFormatError(`${where} needs "paths" and "weights". The file is damaged; download it again.`);
  const outside = group.paths.find((path) => /^[\\/]|^\w+:|(^|[\\/])\.\.([\\/]|$)/.test(path));
  if (outside !== undefined)
    throw new ModelFormatError(
      `${where} names "${outside.slice(0, 100)}", which does not lie beside the file. Give its weights beside it.`,
    );
  const weights = group.weights.map((w, i): WeightSpec => {
    const shape = isObject(w) && isList(w.shape) ? w.shape.map(Number) : undefined;
    if (!isObject(w) || !isText(w.name) || !isText(w.dtype) || !shape || shape.some((d) => !Number.isInteger(d) || d < 0))
      throw new ModelFormatError(
        `${where}: weight ${i} needs a name, a dtype and a shape. The file is damaged; download it again.`,
      );
    const q = w.quantization;
    if (!isObject(q)) return { name: w.name, dtype: w.dtype, shape };
    return {
      name: w.name,
      dtype: w.dtype,
      shape,
      quantization: {
        dtype: String(q.dtype),
        ...(typeof q.scale === "number" ? { scale: q.scale } : {}),
        ...(typeof q.min === "number" ? { min: q.min } : {}),
      },
    };
  });
  return { paths: group.paths, weights };
}
