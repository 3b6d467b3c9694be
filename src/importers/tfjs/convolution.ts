/**
 * Convolutions and pools, plain and fused. Weights are permuted once, at import:
 *
 *   Conv2D     [kh, kw, C, M]  ->  [M, C, kh, kw]
 *   Depthwise  [kh, kw, C, m]  ->  [C * m, 1, kh, kw], group C
 *
 * SAME becomes auto_pad SAME_UPPER, which is what TensorFlow does: its pads depend on the picture's size, so they are settled
 * when that is chosen (canonicalise.ts).
 */
import type { Attrs, Tensor, Value } from "../../onnx/graph";
import { f32, transposed } from "../../onnx/tensor";
import { attrFlag, attrInts, attrNumber, attrText, attrTexts } from "./modelJson";
import type { TfRule, TfSite } from "./site";

/** Rows and columns of a list per NHWC axis. */
function spatial(s: TfSite, name: string): [number, number] {
  const list = attrInts(s.node, name);
  if (list.length === 0) return [1, 1];
  if (list.length !== 4)
    s.fail(`${name} [${list}] has ${list.length} numbers, but NHWC has 4 axes. The file contradicts itself.`);
  if (list[0] !== 1 || list[3] !== 1) s.fail(`${name} [${list}] moves over images or channels, which is not supported.`);
  return [list[1]!, list[2]!];
}

function padding(s: TfSite): Attrs {
  const format = attrText(s.node, "data_format", "NHWC");
  if (format !== "NHWC") s.fail(`data_format ${format} is not supported, only NHWC. Convert the model for TF.js again.`);
  const mode = attrText(s.node, "padding", "VALID");
  if (mode === "SAME") return { auto_pad: "SAME_UPPER" };
  if (mode === "VALID") return { pads: [0, 0, 0, 0] };
  const p = attrInts(s.node, "explicit_paddings");
  if (mode !== "EXPLICIT" || p.length !== 8) s.fail(`padding ${mode} with explicit_paddings [${p}] is not supported.`);
  return { pads: [p[2]!, p[4]!, p[3]!, p[5]!] };
}

/** One activation as ONNX, by TensorFlow's name for it. `last` says whether it ends the node. */
export function activate(s: TfSite, name: string, x: Value, slope?: Value): Value {
  switch (name) {
    case "Relu":
    case "Elu":
    case "Selu":
    case "Sigmoid":
    case "Tanh":
    case "Softplus":
      return s.last(name, [x]);
    case "Relu6":
      return s.last("Clip", [x, s.b.scalar(0), s.b.scalar(6)]);
    case "LeakyRelu":
      return s.last("LeakyRelu", [x], { alpha: attrNumber(s.node, s.node.op === name ? "alpha" : "leakyrelu_alpha", 0.2) });
    case "Prelu":
      return s.last("PRelu", [x, slope ?? s.fail("the slope of its Prelu is missing.")]);
    default:
      return s.fail(`the fused op ${name} is not supported. Convert the model without it, or cut it before this node.`);
  }
}

/** The biases and slopes of a fused node, as vectors over channels. */
function perChannel(s: TfSite, i: number, what: string, channels: number): Tensor {
  const { data } = s.constant(i, what);
  if (data.length === channels) return f32(data as Float32Array, [channels]);
  if (data.length === 1) return f32(Number(data[0]), [channels]);
  return s.fail(`${what} has ${data.length} numbers for ${channels} channels. The file contradicts itself; download it again.`);
}

/** fused_ops of a _Fused... node: whether a bias is added, and the activation after it. */
export function fusedOps(s: TfSite): { bias: boolean; activation: string | undefined } {
  const ops = attrTexts(s.node, "fused_ops").filter((op) => op !== "NoOp");
  const bias = ops[0] === "BiasAdd";
  const rest = bias ? ops.slice(1) : ops;
  if (rest.length > 1) s.fail(`it fuses [${ops}]; one bias and one activation are supported. Cut the model before this node.`);
  return { bias, activation: rest[0] };
}

function convolution(s: TfSite, W: Tensor, group: number): Value {
  const { bias, activation } = fusedOps(s);
  const channels = W.shape[0]!;
  const inputs = [s.value(0), s.hold(W, s.constantName(1))];
  if (bias) inputs.push(s.hold(perChannel(s, 2, "the bias", channels), s.constantName(2)));
  const attrs: Attrs = {
    kernel_shape: W.shape.slice(2),
    strides: spatial(s, "strides"),
    dilations: spatial(s, "dilations"),
    group,
    ...padding(s),
  };
  if (!activation) return s.last("Conv", inputs, attrs);
  const y = s.step("conv", "Conv", inputs, attrs);
  if (activation !== "Prelu") return activate(s, activation, y);
  const slope = perChannel(s, bias ? 3 : 2, "the slope", channels);
  return activate(s, activation, y, s.hold({ ...slope, shape: [channels, 1, 1] }, `${s.node.name}~slope`));
}

function weights(s: TfSite): Tensor {
  const W = s.constant(1, "the weight");
  if (W.shape.length !== 4 || W.dtype !== "float32")
    s.fail(`its weight is ${W.dtype} [${W.shape}]; float32 [height, width, in, out] is expected.`);
  return W;
}

const conv2d: TfRule = (s) => {
  const W = weights(s);
  const channels = s.shape(0)[3]!;
  if (channels % W.shape[2]!)
    s.fail(`${channels} input channels, but the weight expects ${W.shape[2]}. The file contradicts itself; download it again.`);
  return convolution(s, transposed(W, [3, 2, 0, 1]), channels / W.shape[2]!);
};

const depthwise: TfRule = (s) => {
  const W = weights(s);
  const [height, width, channels, multiplier] = W.shape;
  const permuted = transposed(W, [2, 3, 0, 1]);
  return convolution(s, { ...permuted, shape: [channels! * multiplier!, 1, height!, width!] }, channels!);
};

const pool =
  (op: string, extra: Attrs): TfRule =>
  (s) =>
    s.last(op, [s.value(0)], { kernel_shape: spatial(s, "ksize"), strides: spatial(s, "strides"), ...padding(s), ...extra });

const batchNorm: TfRule = (s) => {
  if (attrFlag(s.node, "is_training")) s.fail("is in training mode. Convert the model for inference.");
  const channels = s.shape(0).at(-1)!;
  const names = ["the scale", "the offset", "the mean", "the variance"];
  const vectors = names.map((what, i) => s.hold(perChannel(s, i + 1, what, channels), s.constantName(i + 1)));
  return s.last("BatchNormalization", [s.value(0), ...vectors], { epsilon: attrNumber(s.node, "epsilon", 1e-3) });
};

export const convolutions: Readonly<Record<string, TfRule>> = {
  Conv2D: conv2d,
  _FusedConv2D: conv2d,
  DepthwiseConv2d: depthwise,
  DepthwiseConv2dNative: depthwise,
  FusedDepthwiseConv2dNative: depthwise,
  MaxPool: pool("MaxPool", {}),
  AvgPool: pool("AveragePool", { count_include_pad: 0 }),
  FusedBatchNorm: batchNorm,
  FusedBatchNormV2: batchNorm,
  FusedBatchNormV3: batchNorm,
};
