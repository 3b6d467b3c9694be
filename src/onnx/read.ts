/**
 * ONNX file -> Graph. Protobuf is decoded by protobuf-es; this file checks what it decoded and says what is wrong with it.
 *
 * Weights stay views into the file's bytes where alignment allows. Every refusal is a ModelFormatError that names the file,
 * the place, both values and the cure, and comes before anything of a declared size is allocated.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { isGraph, readsOf } from "./canonical/cut";
import { BFLOAT16, DTYPE_CODE, DTYPES_BY_CODE, PACKED_BY_CODE } from "./dtype";
import { checkDepth, checkExternal, externalPaths, type ExternalFiles } from "./external";
import { inlined } from "./functions";
import { ModelFormatError, type Attr, type Dim, type Graph, type GraphInput, type Node, type Tensor } from "./graph";
import {
  AttributeProto_AttributeType as AttributeType,
  ModelProtoSchema,
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type ValueInfoProto,
} from "./proto/onnx_pb";
import { readTensor } from "./readTensor";
import { inWords, sniff } from "./sniff";

/** The newest operator set that shape inference was written against. */
const NEWEST_OPSET = 28;
const OLDEST_OPSET = 7;

/** What a whole file says once, and each of its graphs is read with. */
export interface ReadContext {
  opset: number;
  /** Names the file in messages. */
  what: string;
  /** The files beside it, by path or name: weights may lie there. */
  files: ExternalFiles;
  /** How many branches of Ifs a graph lies in; it may read what the graphs around it make. */
  depth?: number;
}

/**
 * Reads an ONNX file. `what` names it in messages; `external` holds the files beside it that its weights may lie in.
 * Throws MissingFilesError when it needs more of those, ModelFormatError when the bytes are no ONNX, cut short, or contradict themselves.
 */
export function readModel(bytes: Uint8Array, what = "this file", external: ExternalFiles = new Map()): Graph {
  const { model, graph, opset } = decodeGraph(bytes, what);
  checkExternal(model, what, external);
  return readGraph(inlined(graph, model.functions, what), { opset, what, files: external });
}

/** The paths of the files beside an ONNX file that hold weights of it, relative to its folder; [] when it holds all of them itself. */
export function externalFiles(bytes: Uint8Array, what = "this file"): string[] {
  return externalPaths(decodeGraph(bytes, what).graph, what);
}

function decodeGraph(bytes: Uint8Array, what: string): { model: ModelProto; graph: GraphProto; opset: number } {
  const model = decode(bytes, what);
  const opset = opsetOf(model);
  if (!model.graph || (model.graph.node.length === 0 && opset === 0)) throw new ModelFormatError(notOnnx(bytes, what));
  return { model, graph: model.graph, opset: checkedOpset(opset, what) };
}

/** The version of ONNX's own operator set; 0 when the file names none. */
export const opsetOf = ({ opsetImport }: Pick<ModelProto, "opsetImport">): number =>
  Number(opsetImport.find((o) => !o.domain || o.domain === "ai.onnx")?.version ?? 0n);

/** The same, or ModelFormatError where it is not understood. */
export function checkedOpset(opset: number, what: string): number {
  if (opset >= OLDEST_OPSET && opset <= NEWEST_OPSET) return opset;
  throw new ModelFormatError(
    `${what} is written in ONNX operator set ${opset}; sets ${OLDEST_OPSET} to ${NEWEST_OPSET} are understood. Convert it with onnx.version_converter.`,
  );
}

function decode(bytes: Uint8Array, what: string): ModelProto {
  const kind = sniff(bytes);
  if (kind !== "protobuf") throw new ModelFormatError(notOnnx(bytes, what));
  try {
    return fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false });
  } catch (error) {
    throw new ModelFormatError(
      `${what} starts like an ONNX model, but cannot be read to its end (${bytes.length} bytes): it is cut short or damaged. ` +
        `Download or export it again. (${(error as Error).message})`,
    );
  }
}

/** Says what a file that is no ONNX is instead. */
export function notOnnx(bytes: Uint8Array, what: string): string {
  return `${what} is not an ONNX model: ${inWords[sniff(bytes)]}. Choose a file exported as ONNX (.onnx).`;
}

function readGraph(graph: GraphProto, context: ReadContext): Graph {
  const { what, files } = context;
  checkDepth(context.depth ?? 0, what);
  return graphOf(graph, new Map(graph.initializer.map((tensor) => [tensor.name, readTensor(tensor, what, files)])), context);
}

/** Nodes as the file orders them, each with a name of its own. */
export function nodesOf(graph: GraphProto, context: ReadContext): Node[] {
  const names = new Set<string>();
  return graph.node.map((node, i) => readNode(node, i, context, names));
}

/** A graph from its decoded fields and its weights. Throws ModelFormatError when they contradict each other. */
export function graphOf(graph: GraphProto, constants: ReadonlyMap<string, Tensor>, context: ReadContext): Graph {
  const { opset, what } = context;
  const nodes = nodesOf(graph, context);
  const inputs = graph.input.filter((v) => !constants.has(v.name)).map((v) => readInput(v, what));
  const outputs = [...new Set(graph.output.map((v) => v.name))];
  const twice = inputs.find(({ name }, i) => inputs.findIndex((other) => other.name === name) < i);
  if (twice) throw new ModelFormatError(`${what}: input "${twice.name}" is declared twice. The file is damaged.`);
  return {
    name: graph.name,
    opset,
    inputs,
    outputs,
    nodes: sorted(nodes, inputs, constants, outputs, what, (context.depth ?? 0) > 0),
    constants,
  };
}

function readInput(value: ValueInfoProto, what: string): GraphInput {
  const type = value.type?.value;
  if (type?.case !== "tensorType")
    throw new ModelFormatError(`${what}: input "${value.name}" is not a tensor. Only tensor inputs are supported.`);
  const { elemType } = type.value;
  const dtype = elemType === BFLOAT16 ? "float32" : DTYPES_BY_CODE[elemType];
  if (!dtype)
    throw new ModelFormatError(`${what}: input "${value.name}" has data type code ${elemType}, which is not supported.`);
  const shape = (type.value.shape?.dim ?? []).map(({ value: d }): Dim => {
    if (d.case === "dimParam") return d.value || null;
    return d.case === "dimValue" && d.value > 0n ? Number(d.value) : null;
  });
  return { name: value.name, dtype, shape };
}

function readNode(node: NodeProto, index: number, context: ReadContext, names: Set<string>): Node {
  const base = node.name || node.output.find(Boolean) || `${node.opType}_${index}`;
  let name = base;
  for (let i = 1; names.has(name); i++) name = `${base}_${i}`;
  names.add(name);
  const where = `${context.what}: ${node.opType} "${name}"`;
  const attrs = Object.fromEntries(node.attribute.map((a) => [a.name, readAttribute(a, context, where)]));
  const domain = node.domain === "ai.onnx" ? "" : node.domain;
  return { op: node.opType, name, domain, inputs: node.input, outputs: node.output, attrs };
}

/** Attributes that hold the code of a data type. */
const DTYPE_ATTRIBUTES = new Set(["to", "dtype", "output_dtype", "stash_type", "softmax_precision"]);

function readAttribute(attribute: AttributeProto, context: ReadContext, where: string): Attr {
  switch (attribute.type || impliedType(attribute)) {
    case AttributeType.FLOAT:
      return attribute.f;
    case AttributeType.INT: {
      const value = Number(attribute.i);
      const dtype = DTYPE_ATTRIBUTES.has(attribute.name) ? PACKED_BY_CODE[value]?.dtype : undefined; // as its constants are read
      return dtype ? DTYPE_CODE[dtype] : value;
    }
    case AttributeType.STRING:
      return text(attribute.s);
    case AttributeType.FLOATS:
      return attribute.floats;
    case AttributeType.INTS:
      return attribute.ints.map(Number);
    case AttributeType.STRINGS:
      return attribute.strings.map(text);
    case AttributeType.TENSOR:
      if (attribute.t) return readTensor(attribute.t, where, context.files);
      break;
    case AttributeType.GRAPH:
      if (attribute.g) return readGraph(attribute.g, { ...context, depth: (context.depth ?? 0) + 1 });
      break;
  }
  throw new ModelFormatError(`${where}: attribute "${attribute.name}" has a type that is not supported (${attribute.type}).`);
}

/** Files older than IR version 2 leave the type out: it is the field that is filled. */
function impliedType(a: AttributeProto): AttributeType {
  if (a.ints.length) return AttributeType.INTS;
  if (a.floats.length) return AttributeType.FLOATS;
  if (a.strings.length) return AttributeType.STRINGS;
  if (a.s.length) return AttributeType.STRING;
  if (a.t) return AttributeType.TENSOR;
  if (a.g) return AttributeType.GRAPH;
  return a.f !== 0 ? AttributeType.FLOAT : AttributeType.INT;
}

const decoder = new TextDecoder();
const text = (bytes: Uint8Array): string => decoder.decode(bytes);

/**
 * Nodes in topological order. Throws when one reads what nothing makes (unless it may come from around the graph), or when they form
 * a circle. What the branches of an If read comes before it too.
 */
function sorted(
  nodes: readonly Node[],
  inputs: readonly GraphInput[],
  constants: ReadonlyMap<string, Tensor>,
  outputs: readonly string[],
  what: string,
  inside: boolean,
): Node[] {
  const maker = new Map<string, number>();
  const given = new Set([...constants.keys(), ...inputs.map((v) => v.name)]);
  nodes.forEach((node, i) => {
    for (const output of node.outputs) {
      if (output && given.has(output))
        throw new ModelFormatError(
          `${what}: ${node.op} "${node.name}" makes "${output}", which is an input or a weight already. The file is damaged.`,
        );
      if (output && maker.has(output))
        throw new ModelFormatError(`${what}: value "${output}" is made by two nodes. The file is damaged.`);
      if (output) maker.set(output, i);
    }
  });
  /** What a node's branches read of this graph: names that they make themselves hide it. */
  const captured = (node: Node): string[] => {
    const branches = Object.values(node.attrs).filter(isGraph);
    if (!branches.length) return [];
    const own = new Set(branches.flatMap((g) => g.nodes.flatMap((n) => n.outputs)));
    return readsOf(node).filter((name) => maker.has(name) && !given.has(name) && !own.has(name));
  };
  const waiting = nodes.map((node) => {
    const makers = new Set<number>();
    for (const input of node.inputs) {
      if (!input || given.has(input)) continue;
      const from = maker.get(input);
      if (from === undefined && inside) continue;
      if (from === undefined)
        throw new ModelFormatError(
          `${what}: ${node.op} "${node.name}" reads "${input}", which nothing makes. The file is incomplete.`,
        );
      makers.add(from);
    }
    for (const name of captured(node)) makers.add(maker.get(name)!);
    return makers.size;
  });
  const readers = new Map<number, Set<number>>();
  nodes.forEach((node, i) => {
    for (const input of [...node.inputs, ...captured(node)]) {
      const from = input && !given.has(input) ? maker.get(input) : undefined;
      if (from === undefined) continue;
      readers.set(from, (readers.get(from) ?? new Set()).add(i));
    }
  });
  const order: Node[] = [];
  const ready = nodes.flatMap((_, i) => (waiting[i] === 0 ? [i] : []));
  for (let at = 0; at < ready.length; at++) {
    order.push(nodes[ready[at]!]!);
    for (const reader of readers.get(ready[at]!) ?? []) if (--waiting[reader]! === 0) ready.push(reader);
  }
  const stuck = nodes.find((_, i) => waiting[i]! > 0);
  if (stuck)
    throw new ModelFormatError(
      `${what}: ${stuck.op} "${stuck.name}" depends on its own output. Such a circle cannot be run; export the model again.`,
    );
  const missing = inside ? undefined : outputs.find((o) => !maker.has(o) && !given.has(o));
  if (missing !== undefined)
    throw new ModelFormatError(`${what}: output "${missing}" is made by no node. The file is incomplete.`);
  return order;
}
