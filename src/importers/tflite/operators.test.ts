/** Each operator against TF.js's own, on small files; and what a file's quantisation, names and odd places become. */
import * as tf from "@tensorflow/tfjs";
import type { Builder } from "flatbuffers";
import { beforeAll, describe, expect, test } from "vitest";
import { runGraph, runModelBytes } from "../../../test/runGraph";
import { randomTensor, relativeDifference } from "../../../test/smallGraph";
import { tinyTflite, type TinyOperator, type TinyTensor } from "../../../test/tinyTflite";
import { canonicalise } from "../../onnx/canonicalise";
import { sizeOf, type Tensor } from "../../onnx/graph";
import { f32, transposed } from "../../onnx/tensor";
import { writeModel } from "../../onnx/write";
import { importTflite } from "./import";
import {
  ActivationFunctionType as Activation,
  AddOptions,
  BuiltinOptions,
  ConcatenationOptions,
  Conv2DOptions,
  DepthToSpaceOptions,
  DepthwiseConv2DOptions,
  FullyConnectedOptions,
  GeluOptions,
  LeakyReluOptions,
  LocalResponseNormalizationOptions,
  MirrorPadMode,
  MirrorPadOptions,
  MulOptions,
  PackOptions,
  Padding,
  Pool2DOptions,
  ReducerOptions,
  ReshapeOptions,
  ResizeBilinearOptions,
  ResizeNearestNeighborOptions,
  SoftmaxOptions,
  SpaceToDepthOptions,
  SqueezeOptions,
  StridedSliceOptions,
  TransposeConvOptions,
} from "./schema/tflite_generated";

beforeAll(async () => {
  await tf.setBackend("cpu");
});

const { SAME, VALID } = Padding;
const { NONE, RELU, RELU6, RELU_N1_TO_1, TANH } = Activation;
const numbers = (seed: number, ...shape: number[]) => randomTensor(shape, seed).data as Float32Array;
const int32 = (...list: number[]) => ({ shape: [list.length], data: Int32Array.from(list) });
const float = (seed: number, ...shape: number[]) => ({ shape, data: numbers(seed, ...shape) });
const t4 = (c: { shape: number[]; data: Float32Array }) => tf.tensor4d(c.data, c.shape as [number, number, number, number]);
/** [M, h, w, C] -> [h, w, C, M] */
const hwio = (c: { shape: number[]; data: Float32Array }) => t4(c).transpose([1, 2, 3, 0]) as tf.Tensor4D;
/** [1, h, w, C m] -> [h, w, C, m] */
const hwcm = (c: { shape: number[]; data: Float32Array }, channels: number) =>
  tf.tensor4d(c.data, [c.shape[1]!, c.shape[2]!, channels, c.shape[3]! / channels]);

interface Case {
  /** Default [1, 9, 8, 6], NHWC. */
  shape?: number[];
  op: TinyOperator["op"];
  constants?: Record<string, Omit<TinyTensor, "name">>;
  inputs?: (string | null)[];
  options?: (b: Builder) => readonly [BuiltinOptions, number];
  expected: (x: tf.Tensor4D) => tf.Tensor | tf.Tensor[];
  outputs?: string[];
}

const w = float(2, 4, 3, 3, 6); // M 4, 3 x 3, C 6
const wide = float(3, 1, 3, 3, 12); // depthwise, 2 of each of 6
const turned = float(4, 5, 4, 4, 6); // transposed, M 5, 4 x 4, C 6
const dense = float(5, 7, 6);
const bias4 = float(6, 4);
const bias7 = float(7, 7);
const conv = (padding: Padding, stride: number, activation = NONE, dilation = 1) => (b: Builder) =>
  [BuiltinOptions.Conv2DOptions, Conv2DOptions.createConv2DOptions(b, padding, stride, stride, activation, dilation, dilation)] as const; // prettier-ignore
const pool = (padding: Padding, stride: number, height: number, width: number) => (b: Builder) =>
  [BuiltinOptions.Pool2DOptions, Pool2DOptions.createPool2DOptions(b, padding, stride, stride, width, height, NONE)] as const;
const transposedConv = (padding: Padding, stride: number) => (b: Builder) =>
  [BuiltinOptions.TransposeConvOptions, TransposeConvOptions.createTransposeConvOptions(b, padding, stride, stride, NONE)] as const; // prettier-ignore
const fullyConnected = (activation: Activation, keep: boolean) => (b: Builder) =>
  [BuiltinOptions.FullyConnectedOptions, FullyConnectedOptions.createFullyConnectedOptions(b, activation, 0, keep)] as const;
const keepDims = (keep: boolean) => (b: Builder) =>
  [BuiltinOptions.ReducerOptions, ReducerOptions.createReducerOptions(b, keep)] as const;
const strided = (begin: number, end: number, shrink: number) => (b: Builder) =>
  [BuiltinOptions.StridedSliceOptions, StridedSliceOptions.createStridedSliceOptions(b, begin, end, 0, 0, shrink, false)] as const; // prettier-ignore
const transposeOf = (x: tf.Tensor4D, size: [number, number, number, number], stride: number, pad: "same" | "valid") =>
  tf.conv2dTranspose(x, t4(turned).transpose<tf.Tensor4D>([1, 2, 0, 3]), size, stride, pad);

const cases: Record<string, Case> = {
  "CONV_2D SAME, stride 2, bias, RELU6": {
    op: "CONV_2D",
    constants: { w, bias: bias4 },
    options: conv(SAME, 2, RELU6),
    expected: (x) => tf.clipByValue(tf.conv2d(x, hwio(w), 2, "same").add(tf.tensor1d(bias4.data)), 0, 6),
  },
  "CONV_2D VALID, RELU_N1_TO_1, no bias": {
    op: "CONV_2D",
    constants: { w },
    inputs: ["x", "w", null],
    options: conv(VALID, 1, RELU_N1_TO_1),
    expected: (x) => tf.clipByValue(tf.conv2d(x, hwio(w), 1, "valid"), -1, 1),
  },
  "CONV_2D dilated": {
    op: "CONV_2D",
    constants: { w },
    options: conv(SAME, 1, NONE, 2),
    expected: (x) => tf.conv2d(x, hwio(w), 1, "same", "NHWC", 2),
  },
  "DEPTHWISE_CONV_2D, two channels out of each, TANH": {
    op: "DEPTHWISE_CONV_2D",
    constants: { wide },
    options: (b) => [
      BuiltinOptions.DepthwiseConv2DOptions,
      DepthwiseConv2DOptions.createDepthwiseConv2DOptions(b, SAME, 2, 2, 2, TANH, 1, 1),
    ],
    expected: (x) => tf.depthwiseConv2d(x, hwcm(wide, 6), 2, "same").tanh(),
  },
  "TRANSPOSE_CONV SAME, stride 2": {
    op: "TRANSPOSE_CONV",
    constants: { size: int32(1, 18, 16, 5), turned },
    inputs: ["size", "turned", "x"],
    options: transposedConv(SAME, 2),
    expected: (x) => transposeOf(x, [1, 18, 16, 5], 2, "same"),
  },
  "TRANSPOSE_CONV SAME, an odd size, stride 3": {
    op: "TRANSPOSE_CONV",
    constants: { size: int32(1, 25, 24, 5), turned },
    inputs: ["size", "turned", "x"],
    options: transposedConv(SAME, 3),
    expected: (x) => transposeOf(x, [1, 25, 24, 5], 3, "same"),
  },
  "TRANSPOSE_CONV VALID": {
    op: "TRANSPOSE_CONV",
    constants: { size: int32(1, 20, 18, 5), turned },
    inputs: ["size", "turned", "x"],
    options: transposedConv(VALID, 2),
    expected: (x) => transposeOf(x, [1, 20, 18, 5], 2, "valid"),
  },
  "FULLY_CONNECTED of a vector, RELU": {
    shape: [3, 6],
    op: "FULLY_CONNECTED",
    constants: { dense, bias7 },
    options: fullyConnected(RELU, false),
    expected: (x) => tf.relu(tf.matMul(x.as2D(3, 6), tf.tensor2d(dense.data, [7, 6]), false, true).add(tf.tensor1d(bias7.data))),
  },
  "FULLY_CONNECTED flattens a picture in TensorFlow's order": {
    shape: [1, 3, 2, 5],
    op: "FULLY_CONNECTED",
    constants: { v: float(8, 7, 30) },
    options: fullyConnected(NONE, false),
    expected: (x) => tf.matMul(x.reshape([1, 30]), tf.tensor2d(numbers(8, 7, 30), [7, 30]), false, true),
  },
  "FULLY_CONNECTED over the channels of a picture, RELU6": {
    op: "FULLY_CONNECTED",
    constants: { dense, bias7 },
    options: fullyConnected(RELU6, true),
    expected: (x) => {
      const flat = tf.matMul(x.reshape([72, 6]), tf.tensor2d(dense.data, [7, 6]), false, true).add(tf.tensor1d(bias7.data));
      return tf.clipByValue(flat, 0, 6).reshape([1, 9, 8, 7]);
    },
  },
  "MAX_POOL_2D SAME": { op: "MAX_POOL_2D", options: pool(SAME, 2, 3, 3), expected: (x) => tf.maxPool(x, 3, 2, "same") },
  "AVERAGE_POOL_2D does not count padding": {
    op: "AVERAGE_POOL_2D",
    options: pool(SAME, 2, 3, 3),
    expected: (x) => tf.avgPool(x, 3, 2, "same"),
  },
  "AVERAGE_POOL_2D as large as the grid": {
    op: "AVERAGE_POOL_2D",
    options: pool(VALID, 1, 9, 8),
    expected: (x) => x.mean([1, 2], true),
  },
  "MEAN over the grid": {
    op: "MEAN",
    constants: { axes: int32(1, 2) },
    options: keepDims(false),
    expected: (x) => x.mean([1, 2]),
  },
  "SUM, kept": { op: "SUM", constants: { axes: int32(-1) }, options: keepDims(true), expected: (x) => x.sum(3, true) },
  "REDUCE_MAX over rows": {
    op: "REDUCE_MAX",
    constants: { axes: int32(1) },
    options: keepDims(false),
    expected: (x) => x.max(1),
  },
  "ADD of a vector over channels, RELU": {
    op: "ADD",
    constants: { v: float(9, 6) },
    options: (b) => [BuiltinOptions.AddOptions, AddOptions.createAddOptions(b, RELU)],
    expected: (x) => tf.relu(x.add(tf.tensor1d(numbers(9, 6)))),
  },
  "SUB, the constant first": {
    op: "SUB",
    constants: { v: float(9, 6) },
    inputs: ["v", "x"],
    expected: (x) => tf.tensor1d(numbers(9, 6)).sub(x),
  },
  "MUL by itself, RELU6": {
    op: "MUL",
    inputs: ["x", "x"],
    options: (b) => [BuiltinOptions.MulOptions, MulOptions.createMulOptions(b, RELU6)],
    expected: (x) => tf.clipByValue(x.mul(x), 0, 6),
  },
  DIV: { op: "DIV", constants: { v: { shape: [1, 1, 1, 6], data: Float32Array.of(1, 2, 3, 4, 5, 6) } }, expected: (x) => x.div(tf.tensor1d([1, 2, 3, 4, 5, 6])) }, // prettier-ignore
  MAXIMUM: { op: "MAXIMUM", constants: { v: float(9, 6) }, expected: (x) => tf.maximum(x, tf.tensor1d(numbers(9, 6))) },
  SQUARED_DIFFERENCE: {
    op: "SQUARED_DIFFERENCE",
    constants: { v: float(9, 6) },
    expected: (x) => tf.squaredDifference(x, tf.tensor1d(numbers(9, 6))),
  },
  RELU: { op: "RELU", expected: (x) => tf.relu(x) },
  RELU6: { op: "RELU6", expected: (x) => tf.relu6(x) },
  LOGISTIC: { op: "LOGISTIC", expected: (x) => tf.sigmoid(x) },
  TANH: { op: "TANH", expected: (x) => tf.tanh(x) },
  ELU: { op: "ELU", expected: (x) => tf.elu(x) },
  HARD_SWISH: { op: "HARD_SWISH", expected: (x) => x.mul(tf.relu6(x.add(3))).div(6) },
  GELU: { op: "GELU", expected: (x) => x.mul(0.5).mul(tf.erf(x.mul(Math.SQRT1_2)).add(1)) },
  "GELU approximated": {
    op: "GELU",
    options: (b) => [BuiltinOptions.GeluOptions, GeluOptions.createGeluOptions(b, true)],
    expected: (x) => x.mul(0.5).mul(tf.tanh(x.add(x.pow(3).mul(0.044715)).mul(Math.sqrt(2 / Math.PI))).add(1)),
  },
  SQUARE: { op: "SQUARE", expected: (x) => x.square() },
  LEAKY_RELU: {
    op: "LEAKY_RELU",
    options: (b) => [BuiltinOptions.LeakyReluOptions, LeakyReluOptions.createLeakyReluOptions(b, 0.3)],
    expected: (x) => tf.leakyRelu(x, 0.3),
  },
  "PRELU, a slope a channel": {
    op: "PRELU",
    constants: { slope: float(9, 1, 1, 6) },
    expected: (x) => tf.prelu(x, tf.tensor4d(numbers(9, 1, 1, 6), [1, 1, 1, 6])),
  },
  "SOFTMAX over channels, beta": {
    op: "SOFTMAX",
    options: (b) => [BuiltinOptions.SoftmaxOptions, SoftmaxOptions.createSoftmaxOptions(b, 0.5)],
    expected: (x) => tf.softmax(x.mul(0.5)),
  },
  LOG_SOFTMAX: { shape: [3, 6], op: "LOG_SOFTMAX", expected: (x) => tf.logSoftmax(x) },
  L2_NORMALIZATION: { op: "L2_NORMALIZATION", expected: (x) => x.div(x.square().sum(3, true).sqrt()) },
  LOCAL_RESPONSE_NORMALIZATION: {
    op: "LOCAL_RESPONSE_NORMALIZATION",
    options: (b) => [
      BuiltinOptions.LocalResponseNormalizationOptions,
      LocalResponseNormalizationOptions.createLocalResponseNormalizationOptions(b, 2, 1.5, 0.2, 0.75),
    ],
    expected: (x) => tf.localResponseNormalization(x, 2, 1.5, 0.2, 0.75),
  },
  "CONCATENATION of channels, RELU": {
    op: "CONCATENATION",
    inputs: ["x", "x"],
    options: (b) => [BuiltinOptions.ConcatenationOptions, ConcatenationOptions.createConcatenationOptions(b, 3, RELU)],
    expected: (x) => tf.relu(tf.concat([x, x], 3)),
  },
  "RESHAPE keeps TensorFlow's order": {
    op: "RESHAPE",
    constants: { size: int32(1, -1) },
    expected: (x) => x.reshape([1, 432]),
  },
  "RESHAPE by its options": {
    op: "RESHAPE",
    options: (b) => [
      BuiltinOptions.ReshapeOptions,
      ReshapeOptions.createReshapeOptions(b, ReshapeOptions.createNewShapeVector(b, [1, 12, 6, -1])),
    ],
    expected: (x) => x.reshape([1, 12, 6, 6]),
  },
  SQUEEZE: {
    shape: [1, 1, 1, 6],
    op: "SQUEEZE",
    options: (b) => [
      BuiltinOptions.SqueezeOptions,
      SqueezeOptions.createSqueezeOptions(b, SqueezeOptions.createSqueezeDimsVector(b, [1, 2])),
    ],
    expected: (x) => x.squeeze([1, 2]),
  },
  EXPAND_DIMS: { shape: [2, 3, 4], op: "EXPAND_DIMS", constants: { at: int32(0) }, expected: (x) => x.expandDims(0) },
  TRANSPOSE: { op: "TRANSPOSE", constants: { perm: int32(0, 2, 1, 3) }, expected: (x) => x.transpose([0, 2, 1, 3]) },
  PAD: {
    op: "PAD",
    constants: { pads: { shape: [4, 2], data: Int32Array.of(0, 0, 1, 2, 3, 0, 0, 1) } },
    expected: (x) => tf.pad(x, [[0, 0], [1, 2], [3, 0], [0, 1]]), // prettier-ignore
  },
  PADV2: {
    op: "PADV2",
    constants: {
      pads: { shape: [4, 2], data: Int32Array.of(0, 0, 1, 1, 1, 1, 0, 0) },
      fill: { shape: [], data: Float32Array.of(-2) },
    },
    expected: (x) => tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], -2), // prettier-ignore
  },
  "MIRROR_PAD REFLECT": {
    op: "MIRROR_PAD",
    constants: { pads: { shape: [4, 2], data: Int32Array.of(0, 0, 1, 2, 2, 1, 0, 0) } },
    options: (b) => [BuiltinOptions.MirrorPadOptions, MirrorPadOptions.createMirrorPadOptions(b, MirrorPadMode.REFLECT)],
    expected: (x) => tf.mirrorPad(x, [[0, 0], [1, 2], [2, 1], [0, 0]], "reflect"), // prettier-ignore
  },
  "RESIZE_BILINEAR, half pixel": {
    op: "RESIZE_BILINEAR",
    constants: { size: int32(18, 24) },
    options: (b) => [BuiltinOptions.ResizeBilinearOptions, ResizeBilinearOptions.createResizeBilinearOptions(b, false, true)],
    expected: (x) => tf.image.resizeBilinear(x, [18, 24], false, true),
  },
  "RESIZE_BILINEAR, aligned corners": {
    op: "RESIZE_BILINEAR",
    constants: { size: int32(17, 15) },
    options: (b) => [BuiltinOptions.ResizeBilinearOptions, ResizeBilinearOptions.createResizeBilinearOptions(b, true, false)],
    expected: (x) => tf.image.resizeBilinear(x, [17, 15], true, false),
  },
  RESIZE_NEAREST_NEIGHBOR: {
    op: "RESIZE_NEAREST_NEIGHBOR",
    constants: { size: int32(18, 16) },
    options: (b) => [
      BuiltinOptions.ResizeNearestNeighborOptions,
      ResizeNearestNeighborOptions.createResizeNearestNeighborOptions(b, false, false),
    ],
    expected: (x) => tf.image.resizeNearestNeighbor(x, [18, 16]),
  },
  "STRIDED_SLICE of rows and channels": {
    op: "STRIDED_SLICE",
    constants: { begin: int32(0, 1, 2, 1), end: int32(0, 7, 0, 5), step: int32(1, 2, 1, 1) },
    options: strided(1, 5, 0),
    expected: (x) => tf.stridedSlice(x, [0, 1, 2, 1], [0, 7, 0, 5], [1, 2, 1, 1], 1, 5),
  },
  "STRIDED_SLICE that drops an axis": {
    op: "STRIDED_SLICE",
    constants: { begin: int32(0, 3, 0, 0), end: int32(0, 4, 0, 0), step: int32(1, 1, 1, 1) },
    options: strided(0, 13, 2),
    expected: (x) => tf.stridedSlice(x, [0, 3, 0, 0], [0, 4, 0, 0], [1, 1, 1, 1], 0, 13, 0, 0, 2),
  },
  SLICE: {
    op: "SLICE",
    constants: { begin: int32(0, 1, 2, 3), size: int32(1, 4, -1, 2) },
    expected: (x) => tf.slice(x, [0, 1, 2, 3], [1, 4, -1, 2]),
  },
  "SPLIT of channels": {
    op: "SPLIT",
    constants: { axis: { shape: [], data: Int32Array.of(3) } },
    inputs: ["axis", "x"],
    outputs: ["y", "z"],
    expected: (x) => tf.split(x, 2, 3),
  },
  SPLIT_V: {
    op: "SPLIT_V",
    constants: { sizes: int32(2, -1), axis: { shape: [], data: Int32Array.of(1) } },
    outputs: ["y", "z"],
    expected: (x) => tf.split(x, [2, 7], 1),
  },
  DEPTH_TO_SPACE: {
    shape: [1, 3, 2, 8],
    op: "DEPTH_TO_SPACE",
    options: (b) => [BuiltinOptions.DepthToSpaceOptions, DepthToSpaceOptions.createDepthToSpaceOptions(b, 2)],
    expected: (x) => tf.depthToSpace(x, 2),
  },
  SPACE_TO_DEPTH: {
    shape: [1, 4, 6, 3],
    op: "SPACE_TO_DEPTH",
    options: (b) => [BuiltinOptions.SpaceToDepthOptions, SpaceToDepthOptions.createSpaceToDepthOptions(b, 2)],
    expected: (x) => x.reshape([1, 2, 2, 3, 2, 3]).transpose([0, 1, 3, 2, 4, 5]).reshape([1, 2, 3, 12]),
  },
};

const stored = (shape: readonly number[], data: ArrayLike<number>): Tensor => {
  const t = f32(data, shape);
  return shape.length === 4 ? transposed(t, [0, 3, 1, 2]) : t;
};

describe("operators give TF.js's numbers", () => {
  test.each(Object.entries(cases))(
    "%s",
    async (_, { shape = [1, 9, 8, 6], op, constants = {}, inputs, options, expected, outputs = ["y"] }) => {
      // prettier-ignore
      const x = numbers(1, ...shape);
      const results = [expected(tf.tensor(x, shape as [number, number, number, number]))].flat();
      const bytes = tinyTflite({
        tensors: [
          { name: "x", shape },
          ...Object.entries(constants).map(([name, c]) => ({ name, ...c })),
          ...outputs.map((name, i) => ({ name, shape: results[i]!.shape })),
        ],
        operators: [{ op, inputs: inputs ?? ["x", ...Object.keys(constants)], outputs, ...(options ? { options } : {}) }],
        inputs: ["x"],
        outputs,
      });
      const { graph } = importTflite(bytes);
      const feed = { x: stored(shape, x) };
      const ours = await runGraph(canonicalise(graph, { shapes: { x: feed.x.shape } }), feed);
      const direct = await runModelBytes(writeModel(graph), feed); // what is written is plain ONNX
      results.forEach((theirs, i) => {
        const wanted = stored(theirs.shape, theirs.dataSync() as Float32Array);
        expect(relativeDifference(ours[outputs[i]!]!, wanted)).toBeLessThan(1e-5);
        expect(relativeDifference(direct[outputs[i]!]!, wanted)).toBeLessThan(1e-5);
      });
    },
  );
});

describe("quantised files", () => {
  const noise = (length: number, seed: number) => Array.from(numbers(seed, length), (v) => Math.round(40 * v));
  const shape = [8, 3, 3, 16]; // 1152 numbers: large enough to stay quantised
  const size = sizeOf(shape);
  const file = (weight: Omit<TinyTensor, "name" | "shape">, name: string) =>
    tinyTflite({
      tensors: [
        { name: "x", shape: [1, 5, 5, 16], type: 3, scale: [1 / 128], zeroPoint: [128] },
        { name: `${name};fused`, shape, ...weight },
        { name: "b", shape: [8], data: Int32Array.from(noise(8, 3)), scale: [0.01] },
        { name: "conv/Relu;conv/BiasAdd", shape: [1, 5, 5, 8], type: 3, scale: [0.1], zeroPoint: [0] },
      ],
      operators: [{ op: "CONV_2D", inputs: ["x", `${name};fused`, "b"], outputs: ["conv/Relu;conv/BiasAdd"], options: conv(SAME, 1, RELU) }], // prettier-ignore
      inputs: ["x"],
      outputs: ["conv/Relu;conv/BiasAdd"],
    });
  const scales = [0.5, 0.25, 0.125, 1, 2, 3, 4, 5].map((s) => s / 100);
  const bytes = noise(size, 2);
  const q8 = Int8Array.from(bytes);
  const cases: Record<string, { weight: Omit<TinyTensor, "name" | "shape">; real: (i: number) => number; op: string }> = {
    "uint8, per tensor, with a zero point": {
      weight: { data: Uint8Array.from(bytes, (v) => v + 128), scale: [0.02], zeroPoint: [121] },
      real: (i) => 0.02 * (bytes[i]! + 7),
      op: "DequantizeLinear",
    },
    "int8, per channel": {
      weight: { data: q8, scale: scales, zeroPoint: scales.map(() => 0), axis: 0 },
      real: (i) => scales[Math.floor(i / 144)]! * q8[i]!,
      op: "DequantizeLinear",
    },
    "float32": { weight: { data: numbers(2, ...shape) }, real: (i) => numbers(2, ...shape)[i]!, op: "Conv" }, // prettier-ignore
  };
  test.each(Object.entries(cases))("%s", async (_, { weight, real, op }) => {
    const { graph, preprocessing, picture } = importTflite(file(weight, "w"), "m.tflite");
    expect(graph.nodes[0]!.op).toBe(op);
    expect(graph.outputs).toEqual(["conv/Relu"]);
    expect(graph.name).toBe("m");
    expect(preprocessing).toBeNull(); // 16 channels are no RGB
    expect(picture).toEqual({ input: "x", size: [5, 5], channels: 16, scale: 1 / 128, zeroPoint: 128 });
    const x = numbers(1, 1, 5, 5, 16);
    const W = float(0, ...shape);
    W.data = Float32Array.from({ length: size }, (_, i) => real(i));
    const b = tf.tensor1d(noise(8, 3)).mul(0.01);
    const wanted = tf.relu(tf.conv2d(tf.tensor4d(x, [1, 5, 5, 16]), hwio(W), 1, "same").add(b));
    const ours = await runModelBytes(writeModel(graph), { x: stored([1, 5, 5, 16], x) });
    expect(relativeDifference(ours["conv/Relu"]!, stored(wanted.shape, wanted.dataSync() as Float32Array))).toBeLessThan(1e-5);
  });

  test("int8 pictures around -1, and raw bytes, say how they want them", () => {
    const preprocessing = (tensor: Omit<TinyTensor, "name" | "shape">) =>
      importTflite(
        tinyTflite({
          tensors: [{ name: "x", shape: [1, 6, 7, 3], ...tensor }, { name: "y", shape: [1, 6, 7, 3] }],
          operators: [{ op: "RELU", inputs: ["x"], outputs: ["y"] }],
          inputs: ["x"],
          outputs: ["y"],
        }),
      ).preprocessing; // prettier-ignore
    const base = { input: "x", layout: "NCHW", channels: "RGB", range: 255, size: 6 };
    expect(preprocessing({ type: 9, scale: [1 / 64], zeroPoint: [-1] })).toEqual({ ...base, mean: [127, 127, 127], std: [64, 64, 64] }); // prettier-ignore
    expect(preprocessing({ type: 3 })).toEqual({ ...base, mean: [0, 0, 0], std: [1, 1, 1] });
    expect(preprocessing({})).toBeNull();
  });
});

describe("odd places", () => {
  test("a shape computed from a shape is settled at import; float16 weights stay as small", async () => {
    const half = Uint16Array.of(0x3c00, 0xc000, 0x3800); // 1, -2, 0.5
    const bytes = tinyTflite({
      tensors: [
        { name: "x", shape: [2, 3, 1, 3] },
        { name: "half", shape: [3], data: half },
        { name: "float", shape: [3] },
        { name: "z", shape: [2, 3, 1, 3] },
        { name: "size", shape: [4], type: 2 },
        { name: "at0", ...int32(0) },
        { name: "at1", ...int32(1) },
        { name: "n", shape: [], type: 2 },
        { name: "nine", shape: [], data: Int32Array.of(9) },
        { name: "wanted", shape: [2], type: 2 },
        { name: "y", shape: [2, 9] },
      ],
      operators: [
        { op: "DEQUANTIZE", inputs: ["half"], outputs: ["float"] },
        { op: "MUL", inputs: ["x", "float"], outputs: ["z"] },
        { op: "SHAPE", inputs: ["z"], outputs: ["size"] },
        { op: "STRIDED_SLICE", inputs: ["size", "at0", "at1", "at1"], outputs: ["n"], options: strided(0, 0, 1) },
        {
          op: "PACK",
          inputs: ["n", "nine"],
          outputs: ["wanted"],
          options: (b) => [BuiltinOptions.PackOptions, PackOptions.createPackOptions(b, 2, 0)],
        },
        { op: "RESHAPE", inputs: ["z", "wanted"], outputs: ["y"] },
      ],
      inputs: ["x"],
      outputs: ["y"],
    });
    const { graph } = importTflite(bytes);
    const x = numbers(1, 2, 3, 1, 3);
    const { y } = await runModelBytes(writeModel(graph), { x: stored([2, 3, 1, 3], x) });
    const wanted = Array.from(x, (v, i) => v * [1, -2, 0.5][i % 3]!);
    expect(relativeDifference(y!, f32(wanted, [2, 9]))).toBeLessThan(1e-6);
  });

  test("equal names are told apart, and `until` leaves out what follows, supported or not", () => {
    const bytes = tinyTflite({
      tensors: [{ name: "x", shape: [1, 4] }, { name: "a;b", shape: [1, 4] }, { name: "a;c", shape: [1, 4] }, { name: "y", shape: [1] }],
      operators: [
        { op: "RELU", inputs: ["x"], outputs: ["a;b"] },
        { op: "TANH", inputs: ["a;b"], outputs: ["a;c"] },
        { op: "ARG_MAX", inputs: ["a;c"], outputs: ["y"] },
      ],
      inputs: ["x"],
      outputs: ["y"],
    }); // prettier-ignore
    expect(() => importTflite(bytes, "m.tflite")).toThrow(
      'm.tflite: ARG_MAX "y": this TensorFlow Lite operator is not supported. Name an earlier tensor as the output and what follows is left out.',
    );
    const { graph } = importTflite(bytes, "m.tflite", { until: ["a_1"] });
    expect(graph.nodes.map(({ op, outputs }) => [op, ...outputs])).toEqual([["Relu", "a"], ["Tanh", "a_1"]]); // prettier-ignore
    expect(() => importTflite(bytes, "m.tflite", { until: ["b"] })).toThrow('m.tflite has no tensor "b" that an operator makes.');
  });
});
