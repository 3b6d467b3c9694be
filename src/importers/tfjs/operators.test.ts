/** TensorFlow's ops one by one: TF.js's executor against our import of the same graph. */
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { runGraph } from "../../../test/runGraph";
import { randomTensor, relativeDifference } from "../../../test/smallGraph";
import { inTfjs, int32, ints, random, s, scalarInt, small, texts, type NodeSpec } from "../../../test/tfGraphs";
import { canonicalise } from "../../onnx/canonicalise";
import { f32, transposed } from "../../onnx/tensor";
import { importTfjs, inspectTfjs } from "./import";

beforeAll(async () => {
  await tf.setBackend("cpu");
});

const conv = (strides: number, padding: string, ...fused: string[]) => ({
  strides: ints(1, strides, strides, 1),
  dilations: ints(1, 1, 1, 1),
  padding: s(padding),
  data_format: s("NHWC"),
  ...(fused.length ? { fused_ops: texts(...fused), num_args: { i: "1" } } : {}),
});
const pool = (kernel: number, stride: number, padding: string) => ({
  ksize: ints(1, kernel, kernel, 1),
  strides: ints(1, stride, stride, 1),
  padding: s(padding),
});

interface Case {
  shape?: number[];
  nodes: NodeSpec[];
  constants?: Parameters<typeof small>[2];
}

function sweep(cases: Record<string, Case>): void {
  test.each(Object.entries(cases))("%s", async (_, { shape = [1, 9, 8, 6], nodes, constants = {} }) => {
    const { model, shard } = small(shape, nodes, constants);
    const tfInput = randomTensor(shape, 7);
    const x = shape.length === 4 ? transposed(tfInput, [0, 3, 1, 2]) : tfInput;
    const graph = importTfjs(model, new Map([["w.bin", shard]]), { until: ["y"] });
    const ours = await runGraph(canonicalise(graph, { shapes: { x: x.shape } }), { x });
    const [theirs] = await inTfjs(model, shard, { x }, ["y"]);
    expect(relativeDifference(ours.y!, theirs!)).toBeLessThan(1e-5);
  });
}

describe("single ops", () => {
  sweep({
    "Conv2D stride 2 SAME": { nodes: [["Conv2D", "y", ["x", "w"], conv(2, "SAME")]], constants: { w: random(2, 3, 3, 6, 4) } },
    "_FusedConv2D VALID, bias, Relu6": {
      nodes: [["_FusedConv2D", "y", ["x", "w", "b"], conv(1, "VALID", "BiasAdd", "Relu6")]],
      constants: { w: random(2, 3, 3, 6, 4), b: random(3, 4) },
    },
    "depthwise, two channels out of each": {
      nodes: [["FusedDepthwiseConv2dNative", "y", ["x", "w", "b"], conv(2, "SAME", "BiasAdd", "Relu")]],
      constants: { w: random(2, 3, 3, 6, 2), b: random(3, 12) },
    },
    "MaxPool SAME": { nodes: [["MaxPool", "y", ["x"], pool(3, 2, "SAME")]] },
    "AvgPool SAME does not count padding": { nodes: [["AvgPool", "y", ["x"], pool(3, 2, "SAME")]] },
    "batch normalisation": {
      nodes: [["FusedBatchNormV3", "y", ["x", "g", "b", "m", "v"], { epsilon: { f: 0.01 } }]],
      constants: { g: random(1, 6), b: random(2, 6), m: random(3, 6), v: { shape: [6], data: [1, 2, 3, 0.5, 1, 2] } },
    },
    "bias over channels, on either side": {
      nodes: [
        ["BiasAdd", "z", ["x", "b"]],
        ["Sub", "y", ["b", "z"]],
      ],
      constants: { b: random(1, 6) },
    },
    "Mean over the grid without keeping it, MatMul, Softmax": {
      nodes: [
        ["Mean", "m", ["x", "axes"], { keep_dims: { b: false } }],
        ["_FusedMatMul", "f", ["m", "w", "b"], { fused_ops: texts("BiasAdd", "Relu"), num_args: { i: "1" } }],
        ["Softmax", "y", ["f"]],
      ],
      constants: { axes: int32(1, 2), w: random(1, 6, 5), b: random(2, 5) },
    },
    "Mean over rows changes the order of what stays": {
      nodes: [["Mean", "y", ["x", "axes"], { keep_dims: { b: false } }]],
      constants: { axes: int32(1) },
    },
    "ResizeBilinear, corner": { nodes: [["ResizeBilinear", "y", ["x", "size"]]], constants: { size: int32(18, 16) } },
    "ResizeBilinear, half pixel": {
      nodes: [["ResizeBilinear", "y", ["x", "size"], { half_pixel_centers: { b: true } }]],
      constants: { size: int32(18, 24) },
    },
    "ResizeBilinear, aligned corners": {
      nodes: [["ResizeBilinear", "y", ["x", "size"], { align_corners: { b: true } }]],
      constants: { size: int32(18, 16) },
    },
    ResizeNearestNeighbor: { nodes: [["ResizeNearestNeighbor", "y", ["x", "size"]]], constants: { size: int32(18, 16) } },
    "concatenation of channels": { nodes: [["ConcatV2", "y", ["x", "x", "axis"]]], constants: { axis: scalarInt(-1) } },
    "Reshape of a grid keeps TensorFlow's order": {
      nodes: [["Reshape", "y", ["x", "shape"]]],
      constants: { shape: int32(1, -1) },
    },
    "Reshape from four axes to four": { nodes: [["Reshape", "y", ["x", "shape"]]], constants: { shape: int32(1, 4, 18, 6) } },
    "Reshape from two axes to four": {
      shape: [1, 24],
      nodes: [["Reshape", "y", ["x", "shape"]]],
      constants: { shape: int32(1, 2, 4, 3) },
    },
    "Squeeze of a pooled grid": {
      shape: [1, 1, 1, 6],
      nodes: [["Squeeze", "y", ["x"], { squeeze_dims: ints(1, 2) }]],
    },
    "ExpandDims to a grid": { shape: [2, 3, 4], nodes: [["ExpandDims", "y", ["x", "dim"]]], constants: { dim: scalarInt(0) } },
    Transpose: { nodes: [["Transpose", "y", ["x", "perm"]]], constants: { perm: int32(0, 2, 1, 3) } },
    Pad: {
      nodes: [["Pad", "y", ["x", "p"]]],
      constants: { p: { shape: [4, 2], data: [0, 0, 1, 2, 3, 0, 0, 1], dtype: "int32" } },
    },
    "StridedSlice of rows and channels": {
      nodes: [["StridedSlice", "y", ["x", "b", "e", "t"], { begin_mask: { i: "1" }, end_mask: { i: "5" } }]],
      constants: { b: int32(0, 1, 2, 1), e: int32(0, 7, 0, 5), t: int32(1, 2, 1, 1) },
    },
    "StridedSlice that drops an axis": {
      nodes: [["StridedSlice", "y", ["x", "b", "e", "t"], { shrink_axis_mask: { i: "2" }, end_mask: { i: "13" } }]],
      constants: { b: int32(0, 3, 0, 0), e: int32(0, 4, 0, 0), t: int32(1, 1, 1, 1) },
    },
  });
});

/** What the converter writes for Inception, ResNet, EfficientNet, ConvNeXt and vision transformers, and for U-Nets. */
describe("ops of whole families", () => {
  const image = [1, 9, 8, 6];
  const i = (n: number) => ({ i: String(n) });
  const f = (n: number) => ({ f: n });
  const b = (flag: boolean) => ({ b: flag });
  const type = (name: string) => ({ type: name });
  const matrix = (rows: number[][]) => ({ shape: [rows.length, rows[0]!.length], data: rows.flat(), dtype: "int32" });
  const unary = (op: string, attr: Record<string, unknown> = {}): Case => ({ nodes: [[op, "y", ["x"], attr]] });
  const withConstant = (op: string, seed: number, ...shape: number[]): Case => ({
    nodes: [[op, "y", ["x", "c"]]],
    constants: { c: random(seed, ...shape) },
  });

  sweep({
    ...Object.fromEntries(
      ["Abs", "Ceil", "Cos", "Elu", "Erf", "Exp", "Floor", "Neg", "Relu6", "Round", "Selu", "Sigmoid", "Sign", "Sin", "Softplus", "Square", "Tanh", "LogSoftmax"].map((op) => [op, unary(op)]), // prettier-ignore
    ),
    LeakyRelu: unary("LeakyRelu", { alpha: f(0.3) }),
    "Rsqrt, Log1p, Sqrt, Log and Reciprocal of squares": {
      nodes: [
        ["Square", "q", ["x"]],
        ["Add", "p", ["q", "one"]],
        ["Rsqrt", "r", ["p"]],
        ["Log1p", "l", ["q"]],
        ["Sqrt", "w", ["p"]],
        ["Log", "o", ["p"]],
        ["Reciprocal", "v", ["p"]],
        ["AddN", "y", ["r", "l", "w", "o", "v"]],
      ],
      constants: { one: { shape: [], data: [1] } },
    },
    SquaredDifference: withConstant("SquaredDifference", 3, 6),
    "SquaredDifference of what two nodes make": {
      nodes: [
        ["Mean", "m", ["x", "axes"], { keep_dims: b(true) }],
        ["SquaredDifference", "d", ["x", "m"]],
        ["Mean", "v", ["d", "axes"], { keep_dims: b(true) }],
        ["AddV2", "e", ["v", "eps"]],
        ["Rsqrt", "r", ["e"]],
        ["Sub", "c", ["x", "m"]],
        ["Mul", "y", ["c", "r"]],
      ],
      constants: { axes: int32(3), eps: { shape: [], data: [1e-3] } },
    },
    Maximum: withConstant("Maximum", 3, 8, 6),
    Minimum: withConstant("Minimum", 3, 6),
    "Pow and FloorDiv": {
      nodes: [
        ["Pow", "p", ["x", "two"]],
        ["FloorDiv", "y", ["p", "c"]],
      ],
      constants: { two: { shape: [], data: [2] }, c: { shape: [6], data: [0.5, 1, 2, 3, 4, 5] } },
    },
    ArgMax: {
      nodes: [
        ["ArgMax", "a", ["x", "axis"]],
        ["Cast", "y", ["a"], { SrcT: type("DT_INT32"), DstT: type("DT_FLOAT") }],
      ],
      constants: { axis: scalarInt(-1) },
    },
    ClipByValue: {
      nodes: [["ClipByValue", "y", ["x", "low", "high"]]],
      constants: { low: { shape: [], data: [-0.5] }, high: { shape: [], data: [1] } },
    },
    "Cast and comparisons": {
      nodes: [
        ["Greater", "g", ["x", "c"]],
        ["Cast", "n", ["g"], { SrcT: type("DT_BOOL"), DstT: type("DT_FLOAT") }],
        ["Mul", "y", ["x", "n"]],
      ],
      constants: { c: random(3, 6) },
    },
    SelectV2: {
      nodes: [
        ["LessEqual", "g", ["x", "c"]],
        ["SelectV2", "y", ["g", "x", "c"]],
      ],
      constants: { c: random(3, 6) },
    },
    "Sum, Max, Min and Prod along several axes": {
      nodes: [
        ["Sum", "s", ["x", "rows"], { keep_dims: b(true) }],
        ["Max", "a", ["s", "columns"], { keep_dims: b(true) }],
        ["Min", "i", ["x", "both"], { keep_dims: b(true) }],
        ["Prod", "p", ["i", "last"], { keep_dims: b(false) }],
        ["Sub", "y", ["a", "p"]],
      ],
      constants: { rows: int32(1), columns: int32(-2), both: int32(1, 2), last: int32(-1) },
    },
    "_FusedConv2D with Elu": {
      nodes: [["_FusedConv2D", "y", ["x", "w", "b"], conv(1, "SAME", "BiasAdd", "Elu")]],
      constants: { w: random(2, 3, 3, 6, 4), b: random(3, 4) },
    },
    "_FusedConv2D with LeakyRelu": {
      nodes: [["_FusedConv2D", "y", ["x", "w", "b"], { ...conv(1, "SAME", "BiasAdd", "LeakyRelu"), leakyrelu_alpha: f(0.3) }]],
      constants: { w: random(2, 3, 3, 6, 4), b: random(3, 4) },
    },
    "_FusedConv2D with Prelu": {
      nodes: [["_FusedConv2D", "y", ["x", "w", "b", "a"], { ...conv(1, "SAME", "BiasAdd", "Prelu"), num_args: i(2) }]],
      constants: { w: random(2, 3, 3, 6, 4), b: random(3, 4), a: random(4, 1, 1, 4) },
    },
    "Conv2D with explicit padding": {
      nodes: [["Conv2D", "y", ["x", "w"], { ...conv(2, "EXPLICIT"), explicit_paddings: ints(0, 0, 1, 2, 3, 0, 0, 0) }]],
      constants: { w: random(2, 3, 3, 6, 4) },
    },
    "Conv2D, dilated": {
      nodes: [["Conv2D", "y", ["x", "w"], { ...conv(1, "SAME"), dilations: ints(1, 2, 2, 1) }]],
      constants: { w: random(2, 3, 3, 6, 4) },
    },
    "DepthwiseConv2dNative, dilated": {
      nodes: [["DepthwiseConv2dNative", "y", ["x", "w"], { ...conv(1, "VALID"), dilations: ints(1, 2, 2, 1) }]],
      constants: { w: random(2, 3, 3, 6, 1) },
    },
    ...Object.fromEntries(
      (["SAME", "VALID"] as const).flatMap((padding) =>
        [2, 3].map((kernel): [string, Case] => [
          `Conv2DBackpropInput ${padding} ${kernel} x ${kernel}`,
          {
            nodes: [["Conv2DBackpropInput", "y", ["out", "w", "x"], conv(2, padding)]],
            constants: {
              out: int32(1, padding === "SAME" ? 18 : 16 + kernel, padding === "SAME" ? 16 : 14 + kernel, 4),
              w: random(2, kernel, kernel, 4, 6),
            },
          },
        ]),
      ),
    ),
    LRN: { nodes: [["LRN", "y", ["x"], { depth_radius: i(2), bias: f(2), alpha: f(0.5), beta: f(0.75) }]] },
    "MirrorPad, reflecting": {
      nodes: [["MirrorPad", "y", ["x", "p"], { mode: s("REFLECT") }]],
      constants: { p: matrix([[0, 0], [1, 2], [3, 0], [0, 1]]) }, // prettier-ignore
    },
    "MirrorPad, symmetric": {
      nodes: [["MirrorPad", "y", ["x", "p"], { mode: s("SYMMETRIC") }]],
      constants: { p: matrix([[0, 0], [1, 2], [3, 0], [0, 6]]) }, // prettier-ignore
    },
    PadV2: {
      nodes: [["PadV2", "y", ["x", "p", "v"]]],
      constants: { p: matrix([[0, 0], [1, 2], [3, 0], [0, 1]]), v: { shape: [], data: [-1.5] } }, // prettier-ignore
    },
    "MatMul, both turned": {
      shape: [6, 3],
      nodes: [["MatMul", "y", ["x", "w"], { transpose_a: b(true), transpose_b: b(true) }]],
      constants: { w: random(1, 5, 6) },
    },
    "BatchMatMulV2 of four axes, one of them turned": {
      shape: [1, 3, 4, 5],
      nodes: [
        ["BatchMatMulV2", "s", ["x", "x"], { adj_x: b(false), adj_y: b(true) }],
        ["Softmax", "p", ["s"]],
        ["BatchMatMulV2", "y", ["p", "x"], { adj_x: b(false), adj_y: b(false) }],
      ],
    },
    "BatchMatMulV2 of three axes by a constant": {
      shape: [1, 3, 5],
      nodes: [["BatchMatMulV2", "y", ["x", "w"], { adj_x: b(false), adj_y: b(false) }]],
      constants: { w: random(1, 1, 5, 4) },
    },
    "Einsum as attention has it": {
      shape: [1, 3, 5],
      nodes: [
        ["Einsum", "q", ["x", "w"], { equation: s("abc,cde->abde") }],
        ["Einsum", "k", ["x", "v"], { equation: s("abc,cde->abde") }],
        ["Einsum", "s", ["k", "q"], { equation: s("aecd,abcd->acbe") }],
        ["Softmax", "p", ["s"]],
        ["Einsum", "o", ["p", "q"], { equation: s("acbe,aecd->abcd") }],
        ["Einsum", "y", ["o", "u"], { equation: s("abcd,cde->abe") }],
      ],
      constants: { w: random(1, 5, 2, 4), v: random(2, 5, 2, 4), u: random(3, 2, 4, 5) },
    },
    "Split, joined in another order": {
      nodes: [
        ["Split", "p", ["axis", "x"], { num_split: i(3) }],
        ["ConcatV2", "y", ["p:2", "p", "p:1", "axis"], { N: i(3) }],
      ],
      constants: { axis: scalarInt(3) },
    },
    "SplitV with a rest": {
      nodes: [
        ["SplitV", "p", ["x", "sizes", "axis"], { num_split: i(2) }],
        ["ConcatV2", "y", ["p:1", "p", "axis"]],
      ],
      constants: { sizes: int32(2, -1), axis: scalarInt(2) },
    },
    "Unpack and Pack": {
      shape: [1, 3, 4],
      nodes: [
        ["Unpack", "u", ["x"], { axis: i(1), num: i(3) }],
        ["Pack", "p", ["u:2", "u", "u:1"], { axis: i(-1), N: i(3) }],
        ["Pack", "y", ["p", "p"], { axis: i(0), N: i(2) }],
      ],
    },
    "Unpack of a picture's rows": {
      nodes: [
        ["Unpack", "u", ["x"], { axis: i(1), num: i(9) }],
        ["Sub", "y", ["u:1", "u"]],
      ],
    },
    "GatherV2 of channels": {
      nodes: [["GatherV2", "y", ["x", "at", "axis"], { batch_dims: i(0) }]],
      constants: { at: int32(3, 0, 5), axis: scalarInt(-1) },
    },
    "GatherV2 of one row": {
      nodes: [["GatherV2", "y", ["x", "at", "axis"], { batch_dims: i(0) }]],
      constants: { at: scalarInt(3), axis: scalarInt(1) },
    },
    "GatherV2 of the class token": {
      shape: [1, 5, 4],
      nodes: [["GatherV2", "y", ["x", "at", "axis"], { batch_dims: i(0) }]],
      constants: { at: scalarInt(0), axis: scalarInt(1) },
    },
    "StridedSlice with an ellipsis and a new axis": {
      shape: [1, 5, 4],
      nodes: [["StridedSlice", "y", ["x", "b", "e", "t"], { ellipsis_mask: i(1), new_axis_mask: i(2), end_mask: i(0) }]],
      constants: { b: int32(0, 0, 1), e: int32(0, 0, 3), t: int32(1, 1, 1) },
    },
    "StridedSlice backwards": {
      nodes: [["StridedSlice", "y", ["x", "b", "e", "t"], { begin_mask: i(15), end_mask: i(15) }]],
      constants: { b: int32(0, 0, 0, 0), e: int32(0, 0, 0, 0), t: int32(1, -1, 2, -2) },
    },
    "Slice, to the end": {
      nodes: [["Slice", "y", ["x", "b", "n"]]],
      constants: { b: int32(0, 1, 2, 1), n: int32(1, 3, -1, 2) },
    },
    Tile: { nodes: [["Tile", "y", ["x", "n"]]], constants: { n: int32(1, 2, 1, 3) } },
    "BroadcastTo of a token": {
      shape: [1, 1, 4],
      nodes: [["BroadcastTo", "y", ["x", "n"]]],
      constants: { n: int32(1, 5, 4) },
    },
    ReverseV2: { nodes: [["ReverseV2", "y", ["x", "a"]]], constants: { a: int32(1, 3) } },
    DepthToSpace: {
      shape: [1, 3, 4, 8],
      nodes: [["DepthToSpace", "y", ["x"], { block_size: i(2), data_format: s("NHWC") }]],
    },
    "SpaceToBatchND and back without a convolution": {
      nodes: [
        ["SpaceToBatchND", "p", ["x", "block", "pads"]],
        ["Relu", "r", ["p"]],
        ["BatchToSpaceND", "y", ["r", "block", "crops"]],
      ],
      constants: { block: int32(2, 3), pads: matrix([[1, 2], [0, 1]]), crops: matrix([[1, 0], [1, 2]]) }, // prettier-ignore
    },
    "SpaceToBatchND, a convolution and back: a dilation": {
      nodes: [
        ["SpaceToBatchND", "p", ["x", "block", "pads"]],
        ["_FusedConv2D", "c", ["p", "w", "b"], conv(1, "VALID", "BiasAdd", "Relu")],
        ["BatchToSpaceND", "y", ["c", "block", "crops"]],
      ],
      constants: { block: int32(2, 2), pads: matrix([[2, 3], [2, 2]]), crops: matrix([[0, 1], [0, 0]]), w: random(2, 3, 3, 6, 4), b: random(3, 4) }, // prettier-ignore
    },
    "shapes computed from shapes": {
      nodes: [
        ["Shape", "n", ["x"], { out_type: type("DT_INT32") }],
        ["StridedSlice", "batch", ["n", "zero", "one", "one"], { shrink_axis_mask: i(1) }],
        ["StridedSlice", "rest", ["n", "one", "one", "one"], { end_mask: i(1) }],
        ["Prod", "count", ["rest", "zero"], { keep_dims: b(false) }],
        ["Pack", "shape", ["batch", "count"], { axis: i(0), N: i(2) }],
        ["Reshape", "y", ["x", "shape"]],
      ],
      constants: { zero: int32(0), one: int32(1) },
    },
    "positions by Range, Cast and Fill": {
      shape: [1, 5, 4],
      nodes: [
        ["Range", "r", ["start", "limit", "step"]],
        ["Cast", "f", ["r"], { SrcT: type("DT_INT32"), DstT: type("DT_FLOAT") }],
        ["ExpandDims", "e", ["f", "last"]],
        ["Fill", "h", ["shape", "half"]],
        ["Mul", "p", ["e", "h"]],
        ["AddV2", "y", ["x", "p"]],
      ],
      constants: { start: scalarInt(0), limit: scalarInt(5), step: scalarInt(1), last: scalarInt(-1), shape: int32(5, 1), half: { shape: [], data: [0.5] } }, // prettier-ignore
    },
  });

  test("a small vision transformer, two pictures at once", async () => {
    const [width, heads, tokens] = [8, 2, 5]; // a class token and 2 x 2 patches
    const dims = (...d: number[]) => ({ list: { i: d.map(String) } });
    const shapeOf = (name: string, of: string): NodeSpec[] => [
      ["Shape", `${name}/shape`, [of], { out_type: type("DT_INT32") }],
      ["StridedSlice", `${name}/batch`, [`${name}/shape`, "i0", "i1", "i1"], { shrink_axis_mask: i(1) }],
    ];
    const norm = (name: string, of: string): NodeSpec[] => [
      ["Mean", `${name}/mean`, [of, "last"], { keep_dims: b(true) }],
      ["SquaredDifference", `${name}/sd`, [of, `${name}/mean`]],
      ["Mean", `${name}/var`, [`${name}/sd`, "last"], { keep_dims: b(true) }],
      ["AddV2", `${name}/eps`, [`${name}/var`, "eps"]],
      ["Rsqrt", `${name}/r`, [`${name}/eps`]],
      ["Mul", `${name}/g`, [`${name}/r`, "gamma"]],
      ["Mul", `${name}/x`, [of, `${name}/g`]],
      ["Mul", `${name}/m`, [`${name}/mean`, `${name}/g`]],
      ["Sub", `${name}/o`, ["beta", `${name}/m`]],
      ["AddV2", name, [`${name}/x`, `${name}/o`]],
    ];
    const nodes: NodeSpec[] = [
      ["Conv2D", "patches", ["x", "patch"], { ...conv(4, "VALID"), strides: dims(1, 4, 4, 1) }],
      ...shapeOf("p", "patches"),
      ["Pack", "p/to", ["p/batch", "i4", "iw"], { N: i(3), axis: i(0) }],
      ["Reshape", "sequence", ["patches", "p/to"]],
      ["Pack", "c/to", ["p/batch", "s1", "iw"], { N: i(3), axis: i(0) }],
      ["BroadcastTo", "class", ["token", "c/to"]],
      ["ConcatV2", "joined", ["class", "sequence", "s1"], { N: i(2) }],
      ["AddV2", "embedded", ["joined", "positions"]],
      ...norm("norm1", "embedded"),
      ["Einsum", "q", ["norm1", "wq"], { equation: s("abc,cde->abde") }],
      ["Einsum", "k", ["norm1", "wk"], { equation: s("abc,cde->abde") }],
      ["Einsum", "scores", ["k", "q"], { equation: s("aecd,abcd->acbe") }],
      ["Mul", "scaled", ["scores", "half"]],
      ["Softmax", "attention", ["scaled"]],
      ["Einsum", "mixed", ["attention", "k"], { equation: s("acbe,aecd->abcd") }],
      ["Einsum", "projected", ["mixed", "wo"], { equation: s("abcd,cde->abe") }],
      ["AddV2", "residual", ["projected", "embedded"]],
      ...norm("norm2", "residual"),
      ...shapeOf("t", "norm2"),
      ["Reshape", "rows", ["norm2", "rowsShape"]],
      ["_FusedMatMul", "hidden", ["rows", "w1", "b1"], { fused_ops: texts("BiasAdd"), num_args: i(1) }],
      ["Mul", "gelu/x", ["hidden", "rootHalf"]],
      ["Erf", "gelu/erf", ["gelu/x"]],
      ["AddV2", "gelu/gate", ["gelu/erf", "one"]],
      ["Mul", "gelu/half", ["hidden", "half"]],
      ["Mul", "gelu", ["gelu/half", "gelu/gate"]],
      ["MatMul", "out", ["gelu", "w2"]],
      ["Pack", "t/to", ["t/batch", "i5", "iw"], { N: i(3), axis: i(0) }],
      ["Reshape", "back", ["out", "t/to"]],
      ["AddV2", "block", ["back", "residual"]],
      ["StridedSlice", "first", ["block", "v00", "v01", "v11"], { shrink_axis_mask: i(2), begin_mask: i(1), end_mask: i(1) }],
      ["MatMul", "y", ["first", "head"]],
    ];
    const { model, shard } = small([-1, 8, 8, 3], nodes, {
      patch: random(1, 4, 4, 3, width), token: random(2, 1, 1, width), positions: random(3, 1, tokens, width),
      wq: random(4, width, heads, 4), wk: random(5, width, heads, 4), wo: random(6, heads, 4, width),
      w1: random(7, width, 16), b1: random(8, 16), w2: random(9, 16, width), head: random(10, width, 3),
      gamma: random(11, width), beta: random(12, width), i0: int32(0), i1: int32(1), i4: scalarInt(4), i5: scalarInt(tokens),
      iw: scalarInt(width), s1: scalarInt(1), last: int32(2), v00: int32(0, 0), v01: int32(0, 1), v11: int32(1, 1),
      rowsShape: int32(-1, width), eps: { shape: [], data: [1e-3] }, half: { shape: [], data: [0.5] }, one: { shape: [], data: [1] },
      rootHalf: { shape: [], data: [Math.SQRT1_2] },
    }); // prettier-ignore
    const x = randomTensor([2, 3, 8, 8], 7);
    const graph = importTfjs(model, new Map([["w.bin", shard]]), { until: ["y"], size: [8, 8] });
    const ours = await runGraph(canonicalise(graph, { shapes: { x: x.shape } }), { x });
    const [theirs] = await inTfjs(model, shard, { x }, ["y"]);
    expect(relativeDifference(ours.y!, theirs!)).toBeLessThan(1e-5);
  });

  test("a dilation written around a convolution becomes the convolution's", () => {
    const nodes: NodeSpec[] = [
      ["SpaceToBatchND", "p", ["x", "block", "pads"]],
      ["DepthwiseConv2dNative", "c", ["p", "w"], conv(1, "VALID")],
      ["BatchToSpaceND", "y", ["c", "block", "crops"]],
    ];
    const [pads, crops] = [matrix([[2, 3], [2, 2]]), matrix([[0, 1], [0, 0]])]; // prettier-ignore
    const { model, shard } = small(image, nodes, { block: int32(2, 2), pads, crops, w: random(2, 3, 3, 6, 1) });
    const graph = importTfjs(model, new Map([["w.bin", shard]]), { until: ["y"] });
    expect(graph.nodes.map(({ op }) => op)).toEqual(["Conv"]);
    expect(graph.nodes[0]!.attrs).toMatchObject({ dilations: [2, 2], pads: [2, 2, 2, 2], group: 6 });
  });

  test("layer normalisation as Keras fuses it: batch normalisation in training mode", async () => {
    const { model, shard } = small(
      [1, 5, 7],
      [
        ["Reshape", "r", ["x", "flat"]],
        ["FusedBatchNormV3", "n", ["r", "ones", "zeros", "none", "none"], { is_training: b(true), data_format: s("NCHW"), epsilon: f(1e-3) }], // prettier-ignore
        ["Reshape", "y", ["n", "back"]],
      ],
      { flat: int32(1, 5, 7, 1), back: int32(1, 5, 7), ones: { shape: [5], data: [1, 1, 1, 1, 1] }, zeros: { shape: [5], data: [0, 0, 0, 0, 0] }, none: { shape: [0], data: [] } }, // prettier-ignore
    );
    const x = randomTensor([1, 5, 7], 7);
    const graph = importTfjs(model, new Map([["w.bin", shard]]), { until: ["y"] });
    const ours = await runGraph(canonicalise(graph, { shapes: { x: x.shape } }), { x });
    const t = tf.tensor(x.data as Float32Array, [1, 5, 7]);
    const { mean, variance } = tf.moments(t, 2, true);
    const expected = t.sub(mean).div(variance.add(1e-3).sqrt());
    expect(relativeDifference(ours.y!, f32(expected.dataSync() as Float32Array, [1, 5, 7]))).toBeLessThan(1e-5);
  });

  test("a network that came from elsewhere may take its pictures with the channels first", async () => {
    const { model, shard } = small(
      [1, 3, 18, 20],
      [
        ["Transpose", "t", ["x", "perm"]],
        ["Conv2D", "c", ["t", "w"], conv(2, "SAME")],
        ["Transpose", "y", ["c", "back"]],
      ],
      { perm: int32(0, 2, 3, 1), back: int32(0, 3, 1, 2), w: random(2, 3, 3, 3, 4) },
    );
    const graph = importTfjs(model, new Map([["w.bin", shard]]), { until: ["c"] });
    expect(graph.inputs).toEqual([{ name: "x", dtype: "float32", shape: ["N", 3, 18, 20] }]);
    const x = randomTensor([1, 3, 18, 20], 7);
    const canonical = canonicalise(graph);
    expect(canonical.nodes.map(({ op }) => op)).toEqual(["Conv"]);
    const ours = await runGraph(canonical, { x });
    const theirs = tf.conv2d(tf.tensor4d(x.data as Float32Array, [1, 3, 18, 20]).transpose([0, 2, 3, 1]) as tf.Tensor4D, tf.tensor4d(random(2, 3, 3, 3, 4).data, [3, 3, 3, 4]), 2, "same").transpose([0, 3, 1, 2]); // prettier-ignore
    expect(relativeDifference(ours.c!, f32(theirs.dataSync() as Float32Array, theirs.shape))).toBeLessThan(1e-5);
  });

  test("an output that is not a node's first can be asked for", () => {
    const { model, shard } = small(image, [["Split", "p", ["axis", "x"], { num_split: i(3) }]], { axis: scalarInt(3) });
    const files = new Map([["w.bin", shard]]);
    expect(importTfjs(model, files, { until: ["p:2"] }).outputs).toEqual(["p:2"]);
    expect(() => importTfjs(model, files, { until: ["p:3"] })).toThrow(
      'model.json has no output "p:3". Name the node alone for its first.',
    );
  });

  test("inspection names every op without a rule, and what can be made without them", () => {
    const nodes: NodeSpec[] = [
      ["Relu", "a", ["x"]],
      ["Foo", "b", ["a"]],
      ["Neg", "c", ["b"]],
      ["Bar", "d", ["c"]],
      ["Abs", "e", ["a"]],
      ["Add", "f", ["d", "e"]],
    ];
    const { model } = small(image, nodes, { w: random(1, 2) });
    expect(inspectTfjs(model, "net.json")).toEqual({
      kind: "graph",
      title: "net",
      inputs: [{ name: "x", dtype: "float32", shape: ["N", 6, 9, 8] }],
      layers: expect.arrayContaining([{ name: "a", op: "Relu" }, { name: "d", op: "Bar" }]) as unknown, // prettier-ignore
      unsupported: [
        { node: "b", op: "Foo" },
        { node: "d", op: "Bar" },
      ],
      outputs: ["e"],
      shards: ["w.bin"],
      bytes: 8,
    });
  });
});
