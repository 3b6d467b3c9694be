/** .tflite files of a few operators, written with FlatBuffers' own builder: what tests import, and damage. */
import { Builder } from "flatbuffers";
import {
  Buffer,
  BuiltinOptions,
  Model,
  Operator,
  OperatorCode,
  QuantizationParameters,
  SubGraph,
  Tensor,
  TensorType,
  BuiltinOperator,
} from "../src/importers/tflite/schema/tflite_generated";

export interface TinyTensor {
  name: string;
  shape: number[];
  /** Default: float32, or what `data` is. */
  type?: TensorType;
  data?: Float32Array | Int32Array | Int8Array | Uint8Array | Uint16Array;
  scale?: number[];
  zeroPoint?: number[];
  axis?: number;
  /** Another tensor's buffer, by its index. */
  buffer?: number;
}

export interface TinyOperator {
  op: keyof typeof BuiltinOperator;
  /** By name; null is an input left out. */
  inputs: (string | null)[];
  outputs: string[];
  options?: (b: Builder) => readonly [BuiltinOptions, number];
}

export interface TinyModel {
  tensors: TinyTensor[];
  operators: TinyOperator[];
  inputs: string[];
  outputs: string[];
  version?: number;
}

const typeOf = ({ type, data }: TinyTensor): TensorType => {
  if (type !== undefined || !data) return type ?? TensorType.FLOAT32;
  if (data instanceof Int32Array) return TensorType.INT32;
  if (data instanceof Int8Array) return TensorType.INT8;
  if (data instanceof Uint16Array) return TensorType.FLOAT16;
  return data instanceof Uint8Array ? TensorType.UINT8 : TensorType.FLOAT32;
};

/** Writes a model; buffer 0 is empty, buffer i + 1 belongs to tensor i. */
export function tinyTflite({ tensors, operators, inputs, outputs, version = 3 }: TinyModel): Uint8Array {
  const b = new Builder(1024);
  const index = (name: string | null) => (name === null ? -1 : tensors.findIndex((t) => t.name === name));
  const buffers = [undefined, ...tensors.map((t) => t.data)].map((data) => {
    const bytes = data && new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    if (bytes) b.startVector(1, bytes.length, 16);
    bytes?.toReversed().forEach((byte) => b.addInt8(byte));
    const vector = bytes ? b.endVector() : 0;
    Buffer.startBuffer(b);
    if (vector) Buffer.addData(b, vector);
    return Buffer.endBuffer(b);
  });
  const tensorTables = tensors.map((t, i) => {
    const name = b.createString(t.name);
    const shape = Tensor.createShapeVector(b, t.shape);
    let quantisation = 0;
    if (t.scale) {
      const scale = QuantizationParameters.createScaleVector(b, t.scale);
      const zeroPoint = QuantizationParameters.createZeroPointVector(b, (t.zeroPoint ?? [0]).map(BigInt));
      quantisation = QuantizationParameters.createQuantizationParameters(b, 0, 0, scale, zeroPoint, t.axis ?? 0);
    }
    Tensor.startTensor(b);
    Tensor.addShape(b, shape);
    Tensor.addType(b, typeOf(t));
    Tensor.addBuffer(b, (t.buffer ?? i) + 1);
    Tensor.addName(b, name);
    if (quantisation) Tensor.addQuantization(b, quantisation);
    return Tensor.endTensor(b);
  });
  const kinds = [...new Set(operators.map(({ op }) => op))];
  const codes = kinds.map((op) => {
    const code = BuiltinOperator[op];
    OperatorCode.startOperatorCode(b);
    OperatorCode.addDeprecatedBuiltinCode(b, Math.min(code, 127));
    OperatorCode.addBuiltinCode(b, code);
    return OperatorCode.endOperatorCode(b);
  });
  const operatorTables = operators.map(({ op, inputs: from, outputs: to, options }) => {
    const ins = Operator.createInputsVector(b, from.map(index));
    const outs = Operator.createOutputsVector(b, to.map(index));
    const [type, table] = options?.(b) ?? [BuiltinOptions.NONE, 0];
    Operator.startOperator(b);
    Operator.addOpcodeIndex(b, kinds.indexOf(op));
    Operator.addInputs(b, ins);
    Operator.addOutputs(b, outs);
    if (table) {
      Operator.addBuiltinOptionsType(b, type);
      Operator.addBuiltinOptions(b, table);
    }
    return Operator.endOperator(b);
  });
  const tensorVector = SubGraph.createTensorsVector(b, tensorTables);
  const inputVector = SubGraph.createInputsVector(b, inputs.map(index));
  const outputVector = SubGraph.createOutputsVector(b, outputs.map(index));
  const operatorVector = SubGraph.createOperatorsVector(b, operatorTables);
  SubGraph.startSubGraph(b);
  SubGraph.addTensors(b, tensorVector);
  SubGraph.addInputs(b, inputVector);
  SubGraph.addOutputs(b, outputVector);
  SubGraph.addOperators(b, operatorVector);
  const graph = SubGraph.endSubGraph(b);
  const codeVector = Model.createOperatorCodesVector(b, codes);
  const graphVector = Model.createSubgraphsVector(b, [graph]);
  const bufferVector = Model.createBuffersVector(b, buffers);
  Model.startModel(b);
  Model.addVersion(b, version);
  Model.addOperatorCodes(b, codeVector);
  Model.addSubgraphs(b, graphVector);
  Model.addBuffers(b, bufferVector);
  b.finish(Model.endModel(b), "TFL3");
  return b.asUint8Array().slice();
}
