/**
 * Tiny models written twice, once for our differentiator and once for TF.js, which knows nothing of it.
 * scripts/golden.ts writes TF.js's values and gradients to golden.json; src/autodiff/golden.test.ts holds ours to them.
 *
 * Both take x as NCHW; TF.js's kernels want NHWC, so `theirs` gets and returns that for four dimensions.
 */
import type * as Tf from "@tensorflow/tfjs";
import type { GraphBuilder } from "../src/onnx/builder";
import type { Tensor, Value } from "../src/onnx/graph";
import { randomTensor } from "./smallGraph";

export interface GoldenModel {
  title: string;
  /** Of x: [N, C, H, W], or [rows, columns]. */
  shape: readonly number[];
  weights: readonly Tensor[];
  ours: (b: GraphBuilder, x: Value, ...weights: Value[]) => Value;
  theirs: (tf: typeof Tf, x: Tf.Tensor4D, ...weights: Tf.Tensor4D[]) => Tf.Tensor;
}

/** What x and the cotangent are made of: randomTensor's seeds. */
export const X_SEED = 21;
export const COTANGENT_SEED = 22;

const weight = (seed: number, ...shape: number[]): Tensor => randomTensor(shape, seed, 0.5);
const window = (kernel: number, stride: number, pads: number[]) => ({
  kernel_shape: [kernel, kernel],
  strides: [stride, stride],
  dilations: [1, 1],
  pads,
});
const pool = (kernel: number, stride: number, pads: number[]) => ({
  kernel_shape: [kernel, kernel],
  strides: [stride, stride],
  pads,
});
/** ONNX [M, C, kh, kw] -> TF.js [kh, kw, C, M]; a ConvTranspose's [C, M, kh, kw] likewise to [kh, kw, M, C]. */
const kernel = (tf: typeof Tf, w: Tf.Tensor4D): Tf.Tensor4D => tf.transpose(w, [2, 3, 1, 0]);
const around = (n: number): [[number, number], [number, number], [number, number], [number, number]] => [[0, 0], [n, n], [n, n], [0, 0]]; // prettier-ignore

export const goldenModels: readonly GoldenModel[] = [
  {
    title: "a stem: strided Conv, Relu, overlapping MaxPool, 1x1 Conv, mean over space, Softmax",
    shape: [2, 3, 9, 8],
    weights: [weight(1, 4, 3, 3, 3), weight(2, 5, 4, 1, 1)],
    ours: (b, x, w, v) => {
      const stem = b.relu(b.conv(x, w, null, { ...window(3, 2, [1, 1, 1, 1]), group: 1 }));
      const pooled = b.node("MaxPool", [stem], window(3, 2, [1, 1, 1, 1]));
      const mean = b.reduceMean(b.conv(pooled, v, null, { ...window(1, 1, [0, 0, 0, 0]), group: 1 }), [2, 3], false);
      return b.node("Softmax", [mean], { axis: 1 });
    },
    theirs: (tf, x, w, v) => {
      const stem = tf.relu(tf.conv2d(x, kernel(tf, w), 2, around(1)));
      const pooled = tf.maxPool(stem, 3, 2, around(1));
      return tf.softmax(tf.mean(tf.conv2d(pooled, kernel(tf, v), 1, "valid"), [1, 2]), 1);
    },
  },
  {
    title: "an inverted residual: 1x1 Conv, relu6, depthwise Conv, relu6, 1x1 Conv, sum with x",
    shape: [1, 3, 6, 7],
    weights: [weight(3, 6, 3, 1, 1), weight(4, 6, 1, 3, 3), weight(5, 3, 6, 1, 1)],
    ours: (b, x, expand, depthwise, project) => {
      const relu6 = (v: Value) => b.node("Clip", [v, b.scalar(0), b.scalar(6)]);
      const wide = relu6(b.mul(b.conv(x, expand, null, { ...window(1, 1, [0, 0, 0, 0]), group: 1 }), 5));
      const deep = relu6(b.conv(wide, depthwise, null, { ...window(3, 1, [1, 1, 1, 1]), group: 6 }));
      return b.add(b.conv(deep, project, null, { ...window(1, 1, [0, 0, 0, 0]), group: 1 }), x);
    },
    theirs: (tf, x, expand, depthwise, project) => {
      const wide = tf.relu6(tf.mul(tf.conv2d(x, kernel(tf, expand), 1, "valid"), 5)) as Tf.Tensor4D;
      const deep = tf.relu6(tf.depthwiseConv2d(wide, tf.transpose(depthwise, [2, 3, 0, 1]), 1, "same"));
      return tf.add(tf.conv2d(deep, kernel(tf, project), 1, "valid"), x);
    },
  },
  {
    title: "hard swish, squeeze and excitation, AveragePool",
    shape: [1, 4, 7, 6],
    weights: [weight(6, 4, 4)],
    ours: (b, x, w) => {
      const swish = b.mul(x, b.node("HardSigmoid", [x], { alpha: 1 / 6, beta: 0.5 }));
      const gate = b.sigmoid(b.matmul(b.reduceMean(swish, [2, 3], false), w));
      const excited = b.mul(swish, b.reshape(gate, [1, 4, 1, 1]));
      return b.node("AveragePool", [excited], { ...pool(3, 2, [0, 0, 0, 0]), count_include_pad: 0 });
    },
    theirs: (tf, x, w) => {
      const swish = tf.mul(x, tf.div(tf.relu6(tf.add(x, 3)), 6));
      const gate = tf.sigmoid(tf.matMul(tf.mean(swish, [1, 2]), w as Tf.Tensor));
      const excited = tf.mul(swish, tf.reshape(gate, [1, 1, 1, 4])) as Tf.Tensor4D;
      return tf.avgPool(excited, 3, 2, "valid"); // its gradient counts padding, its value does not
    },
  },
  {
    title: "a decoder: ConvTranspose, LeakyRelu, joined with x resized bilinearly",
    shape: [1, 2, 5, 5], // square: TF.js's gradient of resizeBilinear takes height for width
    weights: [weight(7, 2, 3, 2, 2)],
    ours: (b, x, w) => {
      const up = b.convTranspose(x, w, { ...window(2, 2, [0, 0, 0, 0]), group: 1 });
      const resized = b.node("Resize", [x, null, null, b.ints([1, 2, 10, 10])], {
        mode: "linear",
        coordinate_transformation_mode: "align_corners",
      });
      return b.concat([b.node("LeakyRelu", [up], { alpha: 0.2 }), resized], 1);
    },
    theirs: (tf, x, w) => {
      const up = tf.conv2dTranspose(x, kernel(tf, w), [1, 10, 10, 3], 2, "valid");
      return tf.concat([tf.leakyRelu(up), tf.image.resizeBilinear(x, [10, 10], true)], 3);
    },
  },
  {
    title: "local response normalisation, as its parts",
    shape: [1, 6, 3, 4],
    weights: [],
    ours: (b, x) => {
      const squares = b.reshape(b.mul(x, x), [1, 1, 6, 12]);
      const attrs = { kernel_shape: [5, 1], strides: [1, 1], pads: [2, 0, 2, 0], count_include_pad: 1 };
      const mean = b.reshape(b.node("AveragePool", [squares], attrs), [1, 6, 3, 4]);
      return b.mul(x, b.node("Pow", [b.add(b.mul(mean, 0.5), 2), b.scalar(-0.75)]));
    },
    theirs: (tf, x) => tf.localResponseNormalization(x, 2, 2, 0.1, 0.75),
  },
  {
    title: "a transformer's block: LayerNormalization, attention of x with itself, Gelu, LogSoftmax",
    shape: [4, 6],
    weights: [weight(8, 6, 6), weight(9, 6), weight(10, 6)],
    ours: (b, x, w, scale, bias) => {
      const n = b.node("LayerNormalization", [x, scale, bias], { axis: -1, epsilon: 1e-5 });
      const scores = b.node("Softmax", [b.matmul(b.matmul(n, w), b.transpose(n, [1, 0]))], { axis: 1 });
      const mixed = b.add(b.matmul(scores, n), x);
      const gelu = b.mul(b.mul(mixed, 0.5), b.add(b.node("Erf", [b.mul(mixed, Math.SQRT1_2)]), 1));
      return b.node("LogSoftmax", [gelu], { axis: 1 });
    },
    theirs: (tf, x, w, scale, bias) => {
      const { mean, variance } = tf.moments(x, 1, true);
      const n = tf.add(tf.mul(tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-5))), scale), bias);
      const mixed = tf.add(tf.matMul(tf.softmax(tf.matMul(tf.matMul(n, w as Tf.Tensor), n, false, true), 1), n), x);
      return tf.logSoftmax(tf.mul(tf.mul(mixed, 0.5), tf.add(tf.erf(tf.mul(mixed, Math.SQRT1_2)), 1)), 1);
    },
  },
  {
    title: "arithmetic that broadcasts: exp, log, sqrt, powers, quotients, maxima, norms",
    shape: [3, 5],
    weights: [weight(11, 5), weight(12, 3, 1)],
    ours: (b, x, row, column) => {
      const e = b.exp(b.mul(x, row));
      const l = b.node("Log", [b.add(b.mul(x, x), 1)]);
      const q = b.div(b.sub(e, column), b.sqrt(b.add(l, 1)));
      const m = b.node("Max", [b.node("Min", [q, b.scalar(2)]), b.scalar(-1)]);
      const norm = b.node("ReduceL2", [b.add(m, b.node("Softplus", [x])), b.ints([1])], { keepdims: 1 });
      return b.mul(b.node("Elu", [x], { alpha: 1 }), b.add(norm, b.node("Tanh", [b.pow(x, 3)])));
    },
    theirs: (tf, x, row, column) => {
      const e = tf.exp(tf.mul(x, row));
      const l = tf.log(tf.add(tf.mul(x, x), 1));
      const q = tf.div(tf.sub(e, column), tf.sqrt(tf.add(l, 1)));
      const m = tf.maximum(tf.minimum(q, 2), -1);
      const norm = tf.sqrt(tf.sum(tf.square(tf.add(m, tf.softplus(x))), 1, true));
      return tf.mul(tf.elu(x), tf.add(norm, tf.tanh(tf.pow(x, 3))));
    },
  },
  {
    title: "moved about: reflecting pad, strided slice, gather, tile, transpose, depth to space",
    shape: [1, 4, 4, 5],
    weights: [],
    ours: (b, x) => {
      const padded = b.node("Pad", [x, b.ints([0, 0, 1, 2, 0, 0, 1, 2]), null], { mode: "reflect" });
      const cut = b.slice(padded, [0, 1], [6, 9], [2, 3], [2, 3]);
      const picked = b.node("Gather", [cut, b.ints([2, 0, 0, 1])], { axis: 1 });
      const blocks = b.node("DepthToSpace", [picked], { blocksize: 2, mode: "DCR" });
      return b.transpose(b.node("Tile", [blocks, b.ints([1, 2, 1, 1])]), [0, 1, 3, 2]);
    },
    theirs: (tf, x) => {
      // TF.js has no gradient of mirrorPad, stridedSlice and depthToSpace; gather has one
      const at = (v: Tf.Tensor, indices: number[], axis: number) => tf.gather(v, tf.tensor1d(indices, "int32"), axis);
      const cut = at(at(x, [1, 1, 3], 1), [1, 2, 3], 2);
      const blocks = tf.reshape(at(cut, [2, 0, 0, 1], 3), [1, 3, 3, 2, 2, 1]);
      const whole = tf.reshape(tf.transpose(blocks, [0, 1, 3, 2, 4, 5]), [1, 6, 6, 1]);
      return tf.transpose(tf.tile(whole, [1, 1, 1, 2]), [0, 2, 1, 3]);
    },
  },
];
