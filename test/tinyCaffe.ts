/** Writing .caffemodel files for tests, in V1's form and V2's, with weights given or seeded. */
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import {
  BlobProtoSchema,
  NetParameterSchema,
  V1LayerParameter_LayerType,
  type BlobProto,
} from "../src/importers/caffe/proto/caffe_pb";
import { sizeOf, type Graph, type Tensor } from "../src/onnx/graph";
import { f32 } from "../src/onnx/tensor";
import { seeded } from "../src/vis/random";

export type LayerWeights = Readonly<Record<string, readonly Tensor[]>>;

export interface CaffemodelForm {
  /** V1: "layers" with numbered types; V2: "layer". Default V2. */
  version?: "V1" | "V2";
  /** A blob's shape as a list, or as four numbers (then a bias is [1, 1, 1, M]). Default list. */
  shapes?: "list" | "four";
  /** Default float. */
  numbers?: "float" | "double";
  /** Other fields of the net: layers' definitions, where the network is to be taken from this file. */
  net?: Omit<MessageInitShape<typeof NetParameterSchema>, "$typeName">;
}

export function blobOf({ shape, data }: Tensor, { shapes = "list", numbers = "float" }: CaffemodelForm = {}): BlobProto {
  const values = data as Float32Array;
  const bytes = numbers === "float" ? values : Float64Array.from(values);
  const raw = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const content = numbers === "float" ? { data: raw } : { doubleData: raw };
  if (shapes === "list") return create(BlobProtoSchema, { ...content, shape: { dim: shape.map(BigInt) } });
  const [num, channels, height, width] = [1, 1, 1, 1, ...shape].slice(-4);
  return create(BlobProtoSchema, { ...content, num: num!, channels: channels!, height: height!, width: width! });
}

/** A .caffemodel with these weights. */
export function caffemodel(weights: LayerWeights, form: CaffemodelForm = {}): Uint8Array {
  const layers = Object.entries(weights).map(([name, blobs]) => ({ name, blobs: blobs.map((blob) => blobOf(blob, form)) }));
  const v1 = { layers: layers.map((layer) => ({ ...layer, type: V1LayerParameter_LayerType.CONVOLUTION })) };
  const v2 = { layer: layers.map((layer) => ({ ...layer, type: "Convolution" })) };
  return toBinary(
    NetParameterSchema,
    create(NetParameterSchema, { name: "tiny", ...(form.version === "V1" ? v1 : v2), ...form.net }),
  );
}

/** Numbers around 0 of He's deviation for weights, small ones for biases; large tensors repeat what a few random numbers give. */
function seededTensor(shape: readonly number[], seed: number): Tensor {
  const random = seeded(seed, "weights");
  const scale = shape.length > 1 ? Math.sqrt(2 / sizeOf(shape.slice(1))) : 0.1;
  const data = new Float32Array(sizeOf(shape));
  const drawn = Math.min(data.length, 65_521);
  for (let i = 0; i < drawn; i++) data[i] = scale * random.normal();
  for (let filled = drawn; filled < data.length; filled *= 2) data.copyWithin(filled, 0, filled);
  return f32(data, shape);
}

/** Seeded weights for the constants "layer/weight", "layer/bias" of a graph that was imported without any. */
export function seededWeights(graph: Graph): LayerWeights {
  const weights: Record<string, Tensor[]> = {};
  let seed = 0;
  for (const [name, { shape }] of graph.constants) {
    const found = /^(.*)\/(weight|bias)$/.exec(name);
    if (found) (weights[found[1]!] ??= []).push(seededTensor(shape, seed++));
  }
  return weights;
}
