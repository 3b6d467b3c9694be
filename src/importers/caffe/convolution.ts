/** Layers that slide or multiply a weight: Convolution, Deconvolution, InnerProduct; and Pooling. */
import type { Value } from "../../onnx/graph";
import { transposed } from "../../onnx/tensor";
import { PoolingParameter_PoolMethod as Pool, PoolingParameter_RoundMode as Round } from "./proto/caffe_pb";
import { NotSupported, type CaffeRule, type CaffeSite } from "./site";

/** One number for each spatial axis: `_h` and `_w`, or given once for all, or once for each. */
function sizes(
  s: CaffeSite,
  what: string,
  list: readonly number[],
  hw: readonly [number, number],
  rank: number,
  fallback?: number,
) {
  if (hw[0] || hw[1]) {
    if (rank !== 2 || list.length)
      s.fail(`${what} is given twice, or for other than 2 spatial axes. The file contradicts itself.`);
    return [...hw];
  }
  const given = list.length || fallback === undefined ? list : [fallback];
  if (given.length === rank) return [...given];
  if (given.length !== 1) s.fail(`${what} [${given}] for ${rank} spatial axes. The file contradicts itself.`);
  return Array.from({ length: rank }, () => given[0]!);
}

function spatialRank(s: CaffeSite, x: Value): number {
  if (x.shape.length < 3) s.fail(`its bottom is [${x.shape}], but it needs rows and columns. The file contradicts itself.`);
  return x.shape.length - 2;
}

/** What Convolution and Deconvolution share. */
function windows(s: CaffeSite, x: Value, depthwise: boolean) {
  const p = s.layer.convolutionParam ?? s.fail("it has no convolution_param. The file contradicts itself.");
  const rank = spatialRank(s, x);
  if (s.axis(p.axis, x.shape.length) !== 1) throw new NotSupported("channels elsewhere than at axis 1");
  const kernel = sizes(s, "kernel_size", p.kernelSize, [p.kernelH, p.kernelW], rank);
  const pads = sizes(s, "pad", p.pad, [p.padH, p.padW], rank, 0);
  const group = depthwise ? s.channels(x) : p.group;
  const outputs = p.numOutput;
  if (group < 1 || s.channels(x) % group || outputs % group || outputs < 1)
    s.fail(`${s.channels(x)} channels to ${outputs} in ${group} groups. The file contradicts itself.`);
  const attrs = {
    kernel_shape: kernel,
    strides: sizes(s, "stride", p.stride, [p.strideH, p.strideW], rank, 1),
    dilations: sizes(s, "dilation", p.dilation, [0, 0], rank, 1),
    pads: [...pads, ...pads],
    group,
  };
  return { attrs, kernel, group, outputs, bias: p.biasTerm };
}

const convolution =
  (depthwise: boolean): CaffeRule =>
  (s) => {
    const x = s.x();
    const { attrs, kernel, group, outputs, bias } = windows(s, x, depthwise);
    const W = s.weight("weight", [outputs, s.channels(x) / group, ...kernel]);
    return s.last("Conv", bias ? [x, W, s.weight("bias", [outputs])] : [x, W], attrs);
  };

/** Caffe stores the weight as ConvTranspose wants it: input channels first. */
const deconvolution: CaffeRule = (s) => {
  const x = s.x();
  const { attrs, kernel, group, outputs, bias } = windows(s, x, false);
  const W = s.weight("weight", [s.channels(x), outputs / group, ...kernel]);
  return s.last("ConvTranspose", bias ? [x, W, s.weight("bias", [outputs])] : [x, W], attrs);
};

/** y = W x + b over all axes from `axis` on, flattened. The weight is [outputs, inputs]; with `transpose` the other way round. */
const innerProduct: CaffeRule = (s) => {
  const x = s.x();
  const p = s.layer.innerProductParam ?? s.fail("it has no inner_product_param. The file contradicts itself.");
  const axis = s.axis(p.axis, x.shape.length);
  const inputs = x.shape.slice(axis).reduce((n, d) => n * d, 1);
  const M = p.numOutput;
  const stored = s.tensor(p.transpose ? [inputs, M] : [M, inputs]);
  const bias = () => s.weight("bias", [M]);
  if (axis === 1) {
    const rows = x.shape.length === 2 ? x : s.step("flat", "Flatten", [x], { axis: 1 });
    const W = s.hold(stored, "weight");
    return s.last("Gemm", p.biasTerm ? [rows, W, bias()] : [rows, W], { transB: p.transpose ? 0 : 1 });
  }
  const rows =
    axis === x.shape.length - 1 ? x : s.step("flat", "Reshape", [x, s.b.ints([...x.shape.slice(0, axis).fill(0), -1])]);
  const W = s.hold(p.transpose ? stored : transposed(stored, [1, 0]), "weight");
  if (!p.biasTerm) return s.last("MatMul", [rows, W]);
  return s.last("Add", [s.step("product", "MatMul", [rows, W]), bias()]);
};

/**
 * Caffe rounds the number of windows up, so the last one may stick out; with padding it must start inside the picture or the
 * padding before it. That is ONNX's ceil_mode. An average counts the padding, but not what sticks out of it; so does ONNX's with
 * count_include_pad.
 */
const pooling: CaffeRule = (s) => {
  const x = s.x();
  const p = s.layer.poolingParam ?? s.fail("it has no pooling_param. The file contradicts itself.");
  if (p.pool === Pool.STOCHASTIC) throw new NotSupported("stochastic pooling");
  const rank = spatialRank(s, x);
  if (p.globalPooling) return s.last(p.pool === Pool.AVE ? "GlobalAveragePool" : "GlobalMaxPool", [x]);
  const kernel = sizes(s, "kernel_size", p.kernelSize, [p.kernelH, p.kernelW], rank);
  const strides = sizes(s, "stride", p.stride, [p.strideH, p.strideW], rank, 1);
  const pads = sizes(s, "pad", p.pad, [p.padH, p.padW], rank, 0);
  if (pads.some((pad, i) => pad >= kernel[i]!))
    s.fail(`pad [${pads}] must be less than kernel_size [${kernel}]. Caffe refuses it too.`);
  const ceil = p.ceilMode && p.roundMode === Round.CEIL;
  const rows = x.shape.slice(2);
  const beyond = rows.some((d, i) => Math.ceil((d - kernel[i]!) / strides[i]!) * strides[i]! >= d);
  if (ceil && pads.every((pad) => pad === 0) && beyond)
    s.fail(
      `the last window of kernel_size [${kernel}], stride [${strides}] begins behind its bottom [${x.shape}], where Caffe computes no number. Choose an earlier layer or another size.`,
    );
  const attrs = { kernel_shape: kernel, strides, pads: [...pads, ...pads], ceil_mode: ceil ? 1 : 0 };
  return p.pool === Pool.AVE ? s.last("AveragePool", [x], { ...attrs, count_include_pad: 1 }) : s.last("MaxPool", [x], attrs);
};

export const convolutions: Readonly<Record<string, CaffeRule>> = {
  Convolution: convolution(false),
  DepthwiseConvolution: convolution(true),
  ConvolutionDepthwise: convolution(true),
  Deconvolution: deconvolution,
  InnerProduct: innerProduct,
  Pooling: pooling,
};
