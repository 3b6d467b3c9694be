/**
 * A TF.js graph model's model.json: checked against what we rely on, and read into plain nodes with decoded attributes.
 *
 * The schema is tensorflow's GraphDef in JSON (protobuf's JSON mapping: ints as strings, byte strings in base64)
 * beside a weights manifest. Every refusal is a ModelFormatError that names the place, what was found and the cure.
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

/** An input "name:1" is output 1 of node `name`. */
export interface TfInput {
  node: string;
  output: number;
}

type Json = Readonly<Record<string, unknown>>;

export interface TfNode {
  op: string;
  name: string;
  /** Without control inputs. */
  inputs: TfInput[];
  attrs: Json;
}

export interface TfModel {
  nodes: Map<string, TfNode>;
  /** Node names of the signature's outputs; [] when there is no signature. */
  outputs: string[];
  groups: WeightGroup[];
}

const isObject = (x: unknown): x is Json => typeof x === "object" && x !== null && !Array.isArray(x);
const isList = (x: unknown): x is unknown[] => Array.isArray(x);
const isText = (x: unknown): x is string => typeof x === "string";

/** What a JSON value is, for messages. */
const kind = (x: unknown): string =>
  x === undefined ? "nothing" : x === null ? "null" : isList(x) ? "a list" : isObject(x) ? "an object" : `a ${typeof x}`;

/** Reads a parsed model.json; `what` names it in messages. Throws ModelFormatError. */
export function readModelJson(json: unknown, what = "model.json"): TfModel {
  const refuse = (message: string): never => {
    throw new ModelFormatError(`${what}: ${message}`);
  };
  if (!isObject(json)) return refuse(`it is ${kind(json)}, not an object. Choose the model.json of a TF.js graph model.`);
  if (json.format === "layers-model" || (isObject(json.modelTopology) && "model_config" in json.modelTopology))
    return refuse(
      "it is a TF.js layers model (Keras), but only graph models are supported. Convert it with tensorflowjs_converter --output_format=tfjs_graph_model.",
    );
  const topology = json.modelTopology;
  if (!isObject(topology) || !isList(topology.node))
    return refuse(
      `it has no "modelTopology.node" list (found ${kind(isObject(topology) ? topology.node : topology)}). Choose the model.json of a TF.js graph model.`,
    );
  const manifest = json.weightsManifest;
  if (!isList(manifest)) return refuse(`it has no "weightsManifest" list (found ${kind(manifest)}). Download it again.`);
  const nodes = new Map<string, TfNode>();
  topology.node.forEach((raw, i) => {
    if (!isObject(raw) || !isText(raw.name) || !isText(raw.op)) return refuse(`node ${i} has no "name" and "op".`);
    if (nodes.has(raw.name)) return refuse(`two nodes are called "${raw.name}". The file contradicts itself.`);
    const inputs = isList(raw.input) ? raw.input.filter(isText) : [];
    const attrs = isObject(raw.attr) ? raw.attr : {};
    nodes.set(raw.name, {
      op: raw.op,
      name: raw.name,
      inputs: inputs.filter((input) => !input.startsWith("^")).map(readInput),
      attrs,
    });
  });
  const signature = isObject(json.signature)
    ? json.signature
    : isObject(json.userDefinedMetadata)
      ? json.userDefinedMetadata.signature
      : undefined;
  const outputs = isObject(signature) && isObject(signature.outputs) ? Object.values(signature.outputs) : [];
  return {
    nodes,
    outputs: outputs.flatMap((o) => (isObject(o) && isText(o.name) ? [readInput(o.name).node] : [])),
    groups: manifest.map((group, i) => readGroup(group, `${what}: group ${i} of the weights manifest`)),
  };
}

function readInput(text: string): TfInput {
  const [, node, output] = /^(.*?)(?::(\d+))?$/.exec(text)!;
  return { node: node!, output: Number(output ?? 0) };
}

function readGroup(group: unknown, where: string): WeightGroup {
  if (!isObject(group) || !isList(group.paths) || !group.paths.every(isText) || !isList(group.weights))
    throw new ModelFormatError(`${where} needs "paths" and "weights". The file is damaged; download it again.`);
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

/** A byte string: base64, or a list of character codes as some converters write it. */
function textOf(s: unknown): string {
  return isList(s) ? String.fromCharCode(...s.map(Number)) : isText(s) ? atob(s) : "";
}

const attr = (node: TfNode, name: string): Json => {
  const value = node.attrs[name];
  return isObject(value) ? value : {};
};

/** Attributes of a node as plain values; protobuf's JSON leaves defaults out. */
export const attrText = (node: TfNode, name: string, fallback: string): string => textOf(attr(node, name).s) || fallback;
export const attrFlag = (node: TfNode, name: string): boolean => attr(node, name).b === true;
export const attrNumber = (node: TfNode, name: string, fallback: number): number => {
  const { i, f } = attr(node, name);
  const value = i ?? f;
  return value === undefined ? fallback : Number(value);
};
const listOf = (node: TfNode, name: string): Json => {
  const { list } = attr(node, name);
  return isObject(list) ? list : {};
};
export const attrInts = (node: TfNode, name: string): number[] => {
  const { i } = listOf(node, name);
  return isList(i) ? i.map(Number) : [];
};
export const attrTexts = (node: TfNode, name: string): string[] => {
  const { s } = listOf(node, name);
  return isList(s) ? s.map(textOf) : [];
};
/** The `shape` attribute of a Placeholder: sizes, null where open; undefined when the rank is open too. */
export function attrShape(node: TfNode): (number | null)[] | undefined {
  const { shape } = attr(node, "shape");
  if (!isObject(shape) || shape.unknownRank === true) return undefined;
  const dims = isList(shape.dim) ? shape.dim : [];
  return dims.map((d) => {
    const size = isObject(d) ? Number(d.size ?? 0) : 0;
    return size > 0 ? size : null;
  });
}
