/**
 * The topology of a TF.js graph model, read into plain nodes with decoded attributes.
 *
 * The schema is tensorflow's GraphDef in JSON (protobuf's JSON mapping: ints as strings, byte strings in base64).
 */
import { ModelFormatError, OpError } from "../../onnx/graph";
import { isList, isObject, isText, type Json, type ModelJson } from "./modelJson";

/** An input "name:1" is output 1 of node `name`. */
export interface TfInput {
  node: string;
  output: number;
}

export interface TfNode {
  op: string;
  name: string;
  /** Without control inputs. */
  inputs: TfInput[];
  attrs: Json;
}

export interface TfModel {
  nodes: Map<string, TfNode>;
  /** Names of the signature's outputs, `name:1` where it is not a node's first; [] when there is no signature. */
  outputs: string[];
}

/** Reads the nodes of a graph model; `what` names it in messages. Throws ModelFormatError. */
export function readGraphDef({ topology, json }: ModelJson, what: string): TfModel {
  const refuse = (message: string): never => {
    throw new ModelFormatError(`${what}: ${message}`);
  };
  const nodes = new Map<string, TfNode>();
  (topology.node as unknown[]).forEach((raw, i) => {
    if (!isObject(raw) || !isText(raw.name) || !isText(raw.op)) return refuse(`node ${i} has no "name" and "op".`);
    if (nodes.has(raw.name)) return refuse(`two nodes are called "${raw.name}". The file contradicts itself.`);
    // a loop of TensorFlow 1 closes with NextIteration: cut there, it is a list of ops like any other, none of which has a rule
    const inputs = isList(raw.input) && raw.op !== "NextIteration" ? raw.input.filter(isText) : [];
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
  return { nodes, outputs: outputs.flatMap((o) => (isObject(o) && isText(o.name) ? [o.name.replace(/:0$/, "")] : [])) };
}

/** Reads "name" and "name:1". */
export function readInput(text: string): TfInput {
  const [, node, output] = /^(.*?)(?::(\d+))?$/s.exec(text)!;
  return { node: node!, output: Number(output ?? 0) };
}

/** A byte string: base64, or a list of character codes as some converters write it. */
function textOf(node: TfNode, s: unknown): string {
  if (isList(s)) return s.map((code) => String.fromCharCode(Number(code))).join("");
  if (!isText(s)) return "";
  try {
    return atob(s);
  } catch {
    throw new OpError(node, `an attribute is "${s.slice(0, 40)}", which is no base64. The file is damaged; download it again.`);
  }
}

const attr = (node: TfNode, name: string): Json => {
  const value = node.attrs[name];
  return isObject(value) ? value : {};
};

/** Attributes of a node as plain values; protobuf's JSON leaves defaults out. */
export const attrText = (node: TfNode, name: string, fallback: string): string => textOf(node, attr(node, name).s) || fallback;
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
  return isList(s) ? s.map((text) => textOf(node, text)) : [];
};
/** TensorFlow's name of a type, such as DT_FLOAT. */
export const attrType = (node: TfNode, name: string): string => {
  const { type } = attr(node, name);
  return isText(type) ? type : "";
};
/** The `shape` attribute of a Placeholder: sizes, null where open; undefined when the rank is open too. */
export function attrShape(node: TfNode): (number | null)[] | undefined {
  const { shape } = attr(node, "shape");
  if (!isObject(shape) || shape.unknownRank === true) return undefined;
  const dims = isList(shape.dim) ? shape.dim : [];
  return dims.map((d) => {
    const size = isObject(d) ? Number(d.size ?? 0) : 0;
    return Number.isInteger(size) && size > 0 ? size : null;
  });
}
