/** TensorFlow's convolutions, pools and batch normalisation, plain and fused. Weights are permuted once, at import (emit.ts). */
import type { Attrs, Tensor, Value } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import {
  convolve,
  convolveBack,
  convWeight,
  depthwiseWeight,
  LINEAR,
  pool as emitPool,
  SAME,
  standardise,
  VALID,
  type Activation,
  type Window,
} from "./emit";
import { attrFlag, attrInts, attrNumber, attrText, attrTexts } from "./graphDef";
import type { Site, TfRule, TfSite } from "./site";

function needNhwc(s: TfSite): void {
  const format = attrText(s.node, "data_format", "NHWC");
  if (format !== "NHWC") s.fail(`data_format ${format} is not supported, only NHWC. Convert the model for TF.js again.`);
}

/** Rows and columns of a list per NHWC axis. */
function spatial(s: TfSite, name: string): [number, number] {
  const list = attrInts(s.node, name);
  if (list.length === 0) return [1, 1];
  if (list.length !== 4)
    s.fail(`${name} [${list}] has ${list.length} numbers, but NHWC has 4 axes. The file contradicts itself.`);
  if (list[0] !== 1 || list[3] !== 1) s.fail(`${name} [${list}] moves over images or channels, which is not supported.`);
  if (list.some((n) => !Number.isInteger(n) || n < 1))
    s.fail(`${name} [${list}] must be 1 or more. The file is damaged; convert it again.`);
  return [list[1]!, list[2]!];
}

function padding(s: TfSite): Attrs {
  needNhwc(s);
  const mode = attrText(s.node, "padding", "VALID");
  if (mode === "SAME") return SAME;
  if (mode === "VALID") return VALID;
  const p = attrInts(s.node, "explicit_paddings");
  if (mode !== "EXPLICIT" || p.length !== 8) s.fail(`padding ${mode} with explicit_paddings [${p}] is not supported.`);
  return { pads: [p[2]!, p[4]!, p[3]!, p[5]!] };
}

/** The biases and slopes of a fused node, as vectors over channels. */
function perChannel(s: TfSite, i: number, what: string, channels: number): Tensor {
  const { data } = s.constant(i, what);
  if (data.length === channels) return f32(data as Float32Array, [channels]);
  if (data.length === 1) return s.filled(Number(data[0]), [channels]);
  return s.fail(`${what} has ${data.length} numbers for ${channels} channels. The file contradicts itself; download it again.`);
}

/** fused_ops of a _Fused... node: whether a bias is added, and the activation after it; a Prelu's slope is an input. */
export function fusedOps(s: TfSite): { bias: boolean; activation: Activation } {
  const ops = attrTexts(s.node, "fused_ops").filter((op) => op !== "NoOp");
  const bias = ops[0] === "BiasAdd";
  const rest = bias ? ops.slice(1) : ops;
  if (rest.length > 1) s.fail(`it fuses [${ops}]; one bias and one activation are supported. Cut the model before this node.`);
  const [name] = rest;
  if (!name) return { bias, activation: LINEAR };
  return { bias, activation: name === "LeakyRelu" ? { name, alpha: attrNumber(s.node, "leakyrelu_alpha", 0.2) } : { name } };
}

function weights(s: TfSite): Tensor {
  const W = s.constant(1, "the weight");
  if (W.shape.length !== 4 || W.dtype !== "float32" || W.shape.includes(0))
    s.fail(`its weight is ${W.dtype} [${W.shape}]; float32 [height, width, in, out] is expected.`);
  return W;
}

function needPicture(s: TfSite, i: number): number[] {
  const shape = s.shape(i);
  return shape.length === 4 ? shape : s.fail(`its input has the shape [${shape}]; four axes are expected.`);
}

/** The convolution that `node` describes, emitted at `s` over `x`: they differ where a dilation is written around it. */
export function convolution(s: Site, node: TfSite, x: Value, window: Window): Value {
  const W = weights(node);
  const channels = needPicture(node, 0)[3]!;
  const depthwise = /depthwise/i.test(node.node.op);
  const per = W.shape[2]!;
  if (depthwise ? per !== channels : channels % per)
    node.fail(`${channels} input channels, but the weight expects ${per}. The file contradicts itself; download it again.`);
  const permuted = depthwise ? depthwiseWeight(W) : convWeight(W);
  const out = permuted.shape[0]!;
  const { bias, activation } = fusedOps(node);
  const vector = (i: number, what: string) => perChannel(node, i, what, out);
  const held = s.hold(permuted, node.constantName(1));
  const biased = bias ? s.hold(vector(2, "the bias"), node.constantName(2)) : null;
  const slope =
    activation.name === "Prelu"
      ? s.hold({ ...vector(bias ? 3 : 2, "the slope"), shape: [out, 1, 1] }, `${s.node.name}~slope`)
      : undefined;
  return convolve(s, x, {
    ...window,
    W: held,
    group: depthwise ? channels : channels / per,
    bias: biased,
    activation: slope ? { ...activation, slope } : activation,
  });
}

/** Strides, dilations and padding of a node. */
export const windowOf = (s: TfSite): Window => ({
  strides: spatial(s, "strides"),
  dilations: spatial(s, "dilations"),
  padding: padding(s),
});

const plain: TfRule = (s) => convolution(s, s, s.value(0), windowOf(s));

/** Conv2DBackpropInput: (the wanted shape, W [kh, kw, M, C], x). */
const transposed: TfRule = (s) => {
  needNhwc(s);
  const W = weights(s);
  const [, height, width, channels] = needPicture(s, 2);
  if (W.shape[3] !== channels)
    s.fail(`${channels} input channels, but the weight [${W.shape}] expects ${W.shape[3]}. The file contradicts itself.`);
  const wanted = s.ints(0, "the output's shape");
  if (wanted.length !== 4) s.fail(`the output's shape [${wanted}] has not four axes. The file contradicts itself.`);
  const { strides, dilations, padding: pads } = windowOf(s);
  const reach = [0, 1].map((i) => (W.shape[i]! - 1) * dilations[i]! + 1);
  const trim = [height!, width!].map((size, i) => (size - 1) * strides[i]! + reach[i]! - wanted[i + 1]!);
  if (trim.some((n, i) => -n >= strides[i]! || (pads !== SAME && n > 0)))
    s.fail(`[${s.shape(2)}] cannot become [${wanted}] with strides [${strides}]. The file contradicts itself.`);
  return convolveBack(s, s.value(2), {
    W: s.hold(convWeight(W), s.constantName(1)),
    strides,
    dilations,
    trim,
    bias: null,
    activation: LINEAR,
  });
};

const pool =
  (op: string): TfRule =>
  (s) => {
    needPicture(s, 0);
    return emitPool(s, op, s.value(0), spatial(s, "ksize"), { strides: spatial(s, "strides"), padding: padding(s) });
  };

const batchNorm: TfRule = (s) => {
  const epsilon = attrNumber(s.node, "epsilon", 1e-3);
  const channel = attrText(s.node, "data_format", "NHWC") === "NCHW" ? 1 : 3;
  const channels = needPicture(s, 0)[channel]!;
  if (attrFlag(s.node, "is_training")) return batchStatistics(s, channel, channels, epsilon);
  needNhwc(s);
  const names = ["the scale", "the offset", "the mean", "the variance"];
  const vectors = names.map((what, i) => s.hold(perChannel(s, i + 1, what, channels), s.constantName(i + 1)));
  return s.last("BatchNormalization", [s.value(0), ...vectors], { epsilon });
};

/** In training mode the statistics are the input's own: so Keras writes layer normalisation, with a channel for each position. */
function batchStatistics(s: TfSite, channel: number, channels: number, epsilon: number): Value {
  const at = s.storedAxis(channel, 4);
  const shape = [0, 1, 2, 3].map((axis) => (axis === at ? channels : 1));
  const vector = (i: number, what: string) => s.hold({ ...perChannel(s, i, what, channels), shape }, s.constantName(i));
  const axes = [0, 1, 2, 3].filter((axis) => axis !== at);
  return standardise(s, s.value(0), axes, epsilon, vector(1, "the scale"), vector(2, "the offset"));
}

/** The ops that `convolution` reads. */
export const CONVOLUTIONS = new Set([
  "Conv2D",
  "_FusedConv2D",
  "DepthwiseConv2d",
  "DepthwiseConv2dNative",
  "FusedDepthwiseConv2dNative",
]);

export const convolutions: Readonly<Record<string, TfRule>> = {
  ...Object.fromEntries([...CONVOLUTIONS].map((op) => [op, plain])),
  Conv2DBackpropInput: transposed,
  MaxPool: pool("MaxPool"),
  AvgPool: pool("AveragePool"),
  FusedBatchNorm: batchNorm,
  FusedBatchNormV2: batchNorm,
  FusedBatchNormV3: batchNorm,
};
