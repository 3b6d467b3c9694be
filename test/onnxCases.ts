/**
 * ONNX's own operator test cases (Apache-2.0, ONNX project contributors), as scripts/onnxCases.ts packed them: for each a model of one
 * operator, or of what that operator is defined as, inputs, and the outputs that the specification demands.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Graph, Tensor } from "../src/onnx/graph";
import { TensorProtoSchema } from "../src/onnx/proto/onnx_pb";
import { readModel } from "../src/onnx/read";
import { readTensor } from "../src/onnx/readTensor";

/** Bytes are base64: TensorProto for inputs and outputs, ModelProto for the model. */
export interface PackedCase {
  name: string;
  model: string;
  inputs: string[];
  outputs: string[];
  /** |actual - expected| <= atol + rtol * |expected| */
  rtol: number;
  atol: number;
}

export interface PackedCases {
  /** Which releases of ONNX they are from. */
  source: string;
  cases: PackedCase[];
  /** What was left out: reason -> names. */
  leftOut: Record<string, string[]>;
}

export const CASES_FILE = join(import.meta.dirname, "onnxCases.json.gz");

export interface OnnxCase {
  name: string;
  graph: Graph;
  /** By the graph's names; an input that a case leaves out is not there. */
  inputs: Map<string, Tensor>;
  outputs: Map<string, Tensor>;
  rtol: number;
  atol: number;
}

const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, "base64"));
const tensorOf = (base64: string): Tensor => readTensor(fromBinary(TensorProtoSchema, bytesOf(base64)), "the case");

export function unpacked({ name, model, inputs, outputs, rtol, atol }: PackedCase): OnnxCase {
  const graph = readModel(bytesOf(model), name);
  return {
    name,
    graph,
    inputs: new Map(graph.inputs.map((input, i) => [input.name, tensorOf(inputs[i]!)])),
    outputs: new Map(graph.outputs.map((output, i) => [output, tensorOf(outputs[i]!)])),
    rtol,
    atol,
  };
}

export const packedCases = (): PackedCases => JSON.parse(gunzipSync(readFileSync(CASES_FILE)).toString()) as PackedCases;
