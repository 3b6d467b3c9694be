/**
 * ONNX file -> Graph. Protobuf is decoded by protobuf-es; this file checks what it decoded and says what is wrong with it.
 *
 * Weights stay views into the file's bytes where alignment allows. Every refusal is a ModelFormatError that names the file,
 * the place, both values and the cure, and comes before anything of a declared size is allocated.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { DTYPES_BY_CODE } from "./dtype";
import { ModelFormatError, sizeOf, type Attr, type Dim, type Graph, type GraphInput, type Node, type Tensor } from "./graph";
import {
  AttributeProto_AttributeType as AttributeType,
  ModelProtoSchema,
  TensorProto_DataLocation,
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "./proto/onnx_pb";
import { allocate, bytesPerElement } from "./tensor";
import { inWords, sniff } from "./sniff";

/** The newest operator set that shape inference was written against. */
const NEWEST_OPSET = 25;
const OLDEST_OPSET = 7;

/**
 * Reads an ONNX file. `what` names it in messages.
 * Throws ModelFormatError when the bytes are no ONNX, cut short, or contradict themselves.
 */
export function readModel(bytes: Uint8Array, what = "this file"): Graph {
  const model = decode(bytes, what);
  const opset = opsetOf(model);
  if (!model.graph || (model.graph.node.length === 0 && opset === 0)) throw new ModelFormatError(notOnnx(bytes, what));
  return readGraph(model.graph, checkedOpset(opset, what), what);
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

function readGraph(graph: GraphProto, opset: number, what: string): Graph {
  return graphOf(graph, new Map(graph.initializer.map((tensor) => [tensor.name, readTensor(tensor, what)])), opset, what);
}

/** Nodes as the file orders them, each with a name of its own. */
export function nodesOf(graph: GraphProto, opset: number, what: string): Node[] {
  const names = new Set<string>();
  return graph.node.map((node, i) => readNode(node, i, opset, what, names));
}

/** A graph from its decoded fields and its weights. Throws ModelFormatError when they contradict each other. */
export function graphOf(graph: GraphProto, constants: ReadonlyMap<string, Tensor>, opset: number, what: string): Graph {
  const nodes = nodesOf(graph, opset, what);
  const inputs = graph.input.filter((v) => !constants.has(v.name)).map((v) => readInput(v, what));
  const outputs = graph.output.map((v) => v.name);
  return { name: graph.name, opset, inputs, outputs, nodes: sorted(nodes, inputs, constants, outputs, what), constants };
}

function readInput(value: ValueInfoProto, what: string): GraphInput {
  const type = value.type?.value;
  if (type?.case !== "tensorType")
    throw new ModelFormatError(`${what}: input "${value.name}" is not a tensor. Only tensor inputs are supported.`);
  const dtype = DTYPES_BY_CODE[type.value.elemType];
  if (!dtype)
    throw new ModelFormatError(
      `${what}: input "${value.name}" has data type code ${type.value.elemType}, which is not supported.`,
    );
  const shape = (type.value.shape?.dim ?? []).map(({ value: d }): Dim => {
    if (d.case === "dimParam") return d.value || null;
    return d.case === "dimValue" && d.value > 0n ? Number(d.value) : null;
  });
  return { name: value.name, dtype, shape };
}

function readNode(node: NodeProto, index: number, opset: number, what: string, names: Set<string>): Node {
  const base = node.name || node.output.find(Boolean) || `${node.opType}_${index}`;
  let name = base;
  for (let i = 1; names.has(name); i++) name = `${base}_${i}`;
  names.add(name);
  const attrs = Object.fromEntries(
    node.attribute.map((a) => [a.name, readAttribute(a, opset, `${what}: ${node.opType} "${name}"`)]),
  );
  const domain = node.domain === "ai.onnx" ? "" : node.domain;
  return { op: node.opType, name, domain, inputs: node.input, outputs: node.output, attrs };
}

function readAttribute(attribute: AttributeProto, opset: number, where: string): Attr {
  switch (attribute.type || impliedType(attribute)) {
    case AttributeType.FLOAT:
      return attribute.f;
    case AttributeType.INT:
      return Number(attribute.i);
    case AttributeType.STRING:
      return text(attribute.s);
    case AttributeType.FLOATS:
      return attribute.floats;
    case AttributeType.INTS:
      return attribute.ints.map(Number);
    case AttributeType.STRINGS:
      return attribute.strings.map(text);
    case AttributeType.TENSOR:
      if (attribute.t) return readTensor(attribute.t, where);
      break;
    case AttributeType.GRAPH:
      if (attribute.g) return readGraph(attribute.g, opset, where);
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

/** A weight, as a view of its bytes where they are aligned. Throws ModelFormatError when its parts contradict each other. */
export function readTensor(tensor: TensorProto, what: string): Tensor {
  const where = `${what}: weight "${tensor.name}"`;
  const dtype = DTYPES_BY_CODE[tensor.dataType];
  if (!dtype || dtype === "string")
    throw new ModelFormatError(`${where} has data type code ${tensor.dataType}, which is not supported.`);
  const shape = tensor.dims.map(Number);
  const length = sizeOf(shape);
  if (shape.some((d) => d < 0) || !Number.isSafeInteger(length))
    throw new ModelFormatError(`${where} has the impossible shape [${shape}]. The file is damaged; download or export it again.`);
  if (tensor.dataLocation === TensorProto_DataLocation.EXTERNAL) {
    const location = tensor.externalData.find((e) => e.key === "location")?.value ?? "?";
    throw new ModelFormatError(
      `${where} lies in another file, "${location}". Save the model with its weights inside one file and open that.`,
    );
  }
  const expected = length * bytesPerElement(dtype);
  const disagree = (found: number, unit: string, wanted: number) =>
    new ModelFormatError(
      `${where} has shape [${shape}], which takes ${wanted} ${unit}, but ${found} are there. The file is damaged; download or export it again.`,
    );
  if (tensor.rawData.length > 0 || length === 0) {
    if (tensor.rawData.length !== expected) throw disagree(tensor.rawData.length, "bytes", expected);
    return { dtype, shape, data: view(dtype, tensor.rawData) };
  }
  const list: readonly (number | bigint)[] =
    dtype === "float32"
      ? tensor.floatData
      : dtype === "float64"
        ? tensor.doubleData
        : dtype === "int64"
          ? tensor.int64Data
          : dtype === "uint32" || dtype === "uint64"
            ? tensor.uint64Data
            : tensor.int32Data;
  if (list.length !== length) throw disagree(list.length, "numbers", length);
  const data = allocate(dtype, length);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) list.forEach((x, i) => (data[i] = BigInt(x)));
  else list.forEach((x, i) => (data[i] = Number(x)));
  return { dtype, shape, data };
}

/** The bytes as elements: a view where they are aligned, a copy where they are not. */
function view(dtype: Tensor["dtype"], bytes: Uint8Array): Tensor["data"] {
  const array = allocate(dtype, 0).constructor as new (buffer: ArrayBufferLike, offset: number, length: number) => Tensor["data"];
  const width = bytesPerElement(dtype);
  const aligned = bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes);
  return new array(aligned.buffer, aligned.byteOffset, bytes.length / width);
}

/** Nodes in topological order. Throws when one reads what nothing makes, or when they form a circle. */
function sorted(
  nodes: readonly Node[],
  inputs: readonly GraphInput[],
  constants: ReadonlyMap<string, Tensor>,
  outputs: readonly string[],
  what: string,
): Node[] {
  const maker = new Map<string, number>();
  nodes.forEach((node, i) => {
    for (const output of node.outputs) {
      if (output && maker.has(output))
        throw new ModelFormatError(`${what}: value "${output}" is made by two nodes. The file is damaged.`);
      if (output) maker.set(output, i);
    }
  });
  const given = new Set([...constants.keys(), ...inputs.map((v) => v.name)]);
  const waiting = nodes.map((node) => {
    const makers = new Set<number>();
    for (const input of node.inputs) {
      if (!input || given.has(input)) continue;
      const from = maker.get(input);
      if (from === undefined)
        throw new ModelFormatError(
          `${what}: ${node.op} "${node.name}" reads "${input}", which nothing makes. The file is incomplete.`,
        );
      makers.add(from);
    }
    return makers.size;
  });
  const readers = new Map<number, Set<number>>();
  nodes.forEach((node, i) => {
    for (const input of node.inputs) {
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
  const missing = outputs.find((o) => !maker.has(o) && !given.has(o));
  if (missing !== undefined)
    throw new ModelFormatError(`${what}: output "${missing}" is made by no node. The file is incomplete.`);
  return order;
}
