/** Graph -> ONNX file. Plain ONNX only: composite ops of ours must have been lowered. */
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { DTYPE_CODE } from "./dtype";
import {
  LOCAL_DOMAIN,
  OpError,
  sizeOf,
  type Attr,
  type Graph,
  type GraphInput,
  type StaticGraph,
  type Tensor,
  type ValueType,
} from "./graph";
import {
  AttributeProto_AttributeType as AttributeType,
  GraphProtoSchema,
  ModelProtoSchema,
  TensorProtoSchema,
  type AttributeProtoSchema,
  type ValueInfoProtoSchema,
} from "./proto/onnx_pb";
import { bytesPerElement } from "./tensor";

/** IR version 8 goes with opsets up to 18; readers accept an older IR with a newer opset. */
const IR_VERSION = 8n;

/** Attributes that ONNX's operators declare as float or floats; a number under any other name is written as an int. */
const FLOATS = new Set([
  ...[
    "alpha",
    "beta",
    "gamma",
    "bias",
    "lambd",
    "epsilon",
    "momentum",
    "ratio",
    "coefficient",
    "scale",
    "value_float",
    "value_floats",
  ],
  ...[
    "scales",
    "extrapolation_value",
    "cubic_coeff_a",
    "spatial_scale",
    "min",
    "max",
    "mean",
    "high",
    "low",
    "dropout",
    "softcap",
    "value",
  ],
  ...["activation_params", "activation_alpha", "activation_beta", "activation_gamma", "activation_min", "activation_max"],
]);

/**
 * Writes a graph. A StaticGraph's outputs carry their types, so that any reader sees them; of a plain Graph they are left open.
 * Throws OpError on a node of our own domain.
 */
export function writeModel(graph: Graph | StaticGraph): Uint8Array<ArrayBuffer> {
  const parts = [...modelParts(graph)];
  const whole = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * The same file piece by piece, in order: weights are handed out as they lie in memory, not copied, and not read before their turn.
 * Throws OpError on a node of our own domain.
 */
export function* modelParts(graph: Graph | StaticGraph): Generator<Uint8Array> {
  const { before, after } = aroundWeights(graph);
  const weights = [...graph.constants].map(([name, tensor]) => {
    const bytes = sizeOf(tensor.shape) * bytesPerElement(tensor.dtype);
    const head = toBinary(TensorProtoSchema, create(TensorProtoSchema, tensorHead(tensor, name)));
    const rawField = bytes ? field(RAW_DATA, bytes) : new Uint8Array();
    const start = field(INITIALIZER, head.length + rawField.length + bytes);
    return { heads: [start, head, rawField], bytes, tensor };
  });
  const lengthOf = (parts: readonly Uint8Array[]) => parts.reduce((n, part) => n + part.length, 0);
  yield toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: IR_VERSION, producerName: "micrographia" }));
  yield field(
    GRAPH,
    weights.reduce((n, { heads, bytes }) => n + lengthOf(heads) + bytes, before.length + after.length),
  );
  yield before;
  for (const { heads, bytes, tensor } of weights) {
    yield* heads;
    if (bytes) yield bytesOf(tensor);
  }
  yield after;
  yield toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      opsetImport: [
        { domain: "", version: BigInt(graph.opset) },
        ...[...new Set(graph.nodes.map((n) => n.domain))].filter(Boolean).map((domain) => ({ domain, version: 1n })),
      ],
    }),
  );
}

/** Numbers of the fields that hold the graph, a weight, and a weight's bytes. */
const GRAPH = ModelProtoSchema.field.graph.number;
const INITIALIZER = GraphProtoSchema.field.initializer.number;
const RAW_DATA = TensorProtoSchema.field.rawData.number;

/** What precedes `length` bytes of a field. */
const field = (number: number, length: number): Uint8Array =>
  new BinaryWriter().tag(number, WireType.LengthDelimited).uint32(length).finish();

/** A graph's fields before its weights and after them. */
function aroundWeights(graph: Graph | StaticGraph): { before: Uint8Array; after: Uint8Array } {
  const { name, node, input, output } = graphProto(graph, false);
  return {
    before: toBinary(GraphProtoSchema, create(GraphProtoSchema, { name, node })),
    after: toBinary(GraphProtoSchema, create(GraphProtoSchema, { input, output })),
  };
}

function graphProto(graph: Graph | StaticGraph, weights = true): MessageInitShape<typeof GraphProtoSchema> {
  const types = "types" in graph ? graph.types : undefined;
  return {
    name: graph.name,
    node: graph.nodes.map((node) => {
      if (node.domain === LOCAL_DOMAIN)
        throw new OpError(node, "a composite op of ours must be lowered before the graph is written.");
      return {
        name: node.name,
        opType: node.op,
        domain: node.domain,
        input: [...node.inputs],
        output: [...node.outputs],
        attribute: Object.entries(node.attrs).map(([name, value]) => attributeProto(name, value)),
      };
    }),
    initializer: weights ? [...graph.constants].map(([name, tensor]) => tensorProto(tensor, name)) : [],
    input: graph.inputs.map((input) => valueInfo(input.name, input)),
    output: graph.outputs.map((name) => valueInfo(name, types?.get(name))),
  };
}

function attributeProto(name: string, value: Attr): MessageInitShape<typeof AttributeProtoSchema> {
  if (typeof value === "number")
    return FLOATS.has(name) || !Number.isInteger(value)
      ? { name, type: AttributeType.FLOAT, f: value }
      : { name, type: AttributeType.INT, i: BigInt(value) };
  if (typeof value === "string") return { name, type: AttributeType.STRING, s: bytes(value) };
  if (isList(value)) {
    if (value.every((x) => typeof x === "string")) {
      if (value.length > 0) return { name, type: AttributeType.STRINGS, strings: value.map(bytes) };
      return { name, type: AttributeType.INTS, ints: [] };
    }
    const list = value as readonly number[];
    return FLOATS.has(name) || !list.every(Number.isInteger)
      ? { name, type: AttributeType.FLOATS, floats: [...list] }
      : { name, type: AttributeType.INTS, ints: list.map(BigInt) };
  }
  if ("dtype" in value) return { name, type: AttributeType.TENSOR, t: tensorProto(value, "") };
  return { name, type: AttributeType.GRAPH, g: graphProto(value) };
}

const tensorHead = (tensor: Tensor, name: string) => ({
  name,
  dims: tensor.shape.map(BigInt),
  dataType: DTYPE_CODE[tensor.dtype],
});

const bytesOf = ({ data }: Tensor) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength) as Uint8Array<ArrayBuffer>;

const tensorProto = (tensor: Tensor, name: string): MessageInitShape<typeof TensorProtoSchema> => ({
  ...tensorHead(tensor, name),
  rawData: bytesOf(tensor),
});

function valueInfo(name: string, type?: ValueType | GraphInput): MessageInitShape<typeof ValueInfoProtoSchema> {
  if (!type) return { name };
  const dim = type.shape.map((d) => ({
    value:
      typeof d === "number" ? { case: "dimValue" as const, value: BigInt(d) } : { case: "dimParam" as const, value: d ?? "" },
  }));
  return { name, type: { value: { case: "tensorType", value: { elemType: DTYPE_CODE[type.dtype], shape: { dim } } } } };
}

const isList = (value: Attr): value is readonly number[] | readonly string[] => Array.isArray(value);
const encoder = new TextEncoder();
const bytes = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text) as Uint8Array<ArrayBuffer>;
