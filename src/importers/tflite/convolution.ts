/**
 * Convolutions, pools and dense layers. Weights are permuted once, at import:
 *
 *   CONV_2D            [M, kh, kw, C/group]  ->  [M, C/group, kh, kw]
 *   DEPTHWISE_CONV_2D  [1, kh, kw, C * m]    ->  [C * m, 1, kh, kw], group C
 *   TRANSPOSE_CONV     [M, kh, kw, C]        ->  [C, M, kh, kw]
 *   FULLY_CONNECTED    [N, K]                as it is: Gemm with transB
 *
 * SAME with a stride becomes auto_pad SAME_UPPER, which is what TensorFlow does: its pads depend on the picture's size, so they are
 * settled when that is chosen (canonicalise.ts).
 */
import { sizeOf, type Attrs, type Value } from "../../onnx/graph";
import {
  BuiltinOptions,
  Conv2DOptions,
  DepthwiseConv2DOptions,
  FullyConnectedOptions,
  FullyConnectedOptionsWeightsFormat,
  Padding,
  Pool2DOptions,
  TransposeConvOptions,
} from "./schema/tflite_generated";
import type { TfliteRule, TfliteSite } from "./site";

interface Window {
  kernel_shape: number[];
  strides: number[];
  dilations?: number[];
}

/**
 * SAME at stride 1 pads by kernel - 1 whatever the size; else it is left to auto_pad, or, where that knows no dilation, settled for the
 * file's own size: ceil(in / stride) places, the odd pad at the end.
 */
function padding(
  mode: Padding,
  { kernel_shape, strides, dilations = [1, 1] }: Window,
  [height, width]: readonly number[],
): Attrs {
  if (mode !== Padding.SAME) return { pads: [0, 0, 0, 0] };
  if (strides.some((s) => s > 1) && dilations.every((d) => d === 1)) return { auto_pad: "SAME_UPPER" };
  const total = [height!, width!].map((size, i) => {
    const reach = (kernel_shape[i]! - 1) * dilations[i]! + 1;
    return Math.max(0, (Math.ceil(size / strides[i]!) - 1) * strides[i]! + reach - size);
  });
  return { pads: [...total.map((p) => Math.floor(p / 2)), ...total.map((p) => Math.ceil(p / 2))] };
}

function bias(s: TfliteSite, i: number, channels: number): Value[] {
  if (!s.has(i)) return [];
  const shape = s.shape(i);
  if (sizeOf(shape) !== channels)
    s.fail(`its bias [${shape}] has not the ${channels} numbers of its channels. The file contradicts itself.`);
  return [s.weight(i, [0])];
}

function weightShape(s: TfliteSite, i: number, axes: number): number[] {
  const { shape } = s.constant(i, "the weight");
  if (shape.length !== axes || sizeOf(shape) === 0)
    s.fail(`its weight is [${shape}]; ${axes} axes are expected. The file is damaged; convert it again.`);
  return [...shape];
}

function picture(s: TfliteSite, i: number): Value {
  if (s.rank(i) !== 4) s.fail(`its input [${s.shape(i)}] has ${s.rank(i)} axes; a picture has 4. The file contradicts itself.`);
  return s.value(i);
}

const conv2d: TfliteRule = (s) => {
  const o = s.options(BuiltinOptions.Conv2DOptions, new Conv2DOptions());
  const x = picture(s, 0);
  const [M, height, width, C] = weightShape(s, 1, 4) as [number, number, number, number];
  const channels = x.shape[1]!;
  if (channels % C || M % (channels / C))
    s.fail(`${channels} input channels, but the weight [${[M, height, width, C]}] expects ${C}. The file contradicts itself.`);
  const window = {
    kernel_shape: [height, width],
    strides: s.positive("strides", o.strideH(), o.strideW()),
    dilations: s.positive("dilations", o.dilationHFactor(), o.dilationWFactor()),
  };
  return s.fused(o.fusedActivationFunction(), "Conv", [x, s.weight(1, s.order.stored), ...bias(s, 2, M)], {
    ...window,
    group: channels / C,
    ...padding(o.padding(), window, x.shape.slice(2)),
  });
};

const depthwise: TfliteRule = (s) => {
  const o = s.options(BuiltinOptions.DepthwiseConv2DOptions, new DepthwiseConv2DOptions());
  const x = picture(s, 0);
  const [one, height, width, M] = weightShape(s, 1, 4) as [number, number, number, number];
  const channels = x.shape[1]!;
  if (one !== 1 || M % channels)
    s.fail(`${channels} input channels, but the weight is [${[one, height, width, M]}]. The file contradicts itself.`);
  const window = {
    kernel_shape: [height, width],
    strides: s.positive("strides", o.strideH(), o.strideW()),
    dilations: s.positive("dilations", o.dilationHFactor(), o.dilationWFactor()),
  };
  return s.fused(o.fusedActivationFunction(), "Conv", [x, s.weight(1, [3, 0, 1, 2]), ...bias(s, 2, M)], {
    ...window,
    group: channels,
    ...padding(o.padding(), window, x.shape.slice(2)),
  });
};

/**
 * The adjoint of a convolution of `out` to `in` rows: out = (in - 1) * stride + kernel - pads + output_padding. SAME's pads are
 * kernel - stride whatever the size, the odd one at the end; where the stride is the larger, output_padding makes up for it.
 */
const transposeConv: TfliteRule = (s) => {
  const o = s.options(BuiltinOptions.TransposeConvOptions, new TransposeConvOptions());
  const out = s.ints(0, "its output's shape");
  const x = picture(s, 2);
  const [M, ...kernel] = weightShape(s, 1, 4).slice(0, 3) as [number, number, number];
  const strides = s.positive("strides", o.strideH(), o.strideW());
  const extents = kernel.map((k, i) => {
    const full = (x.shape[2 + i]! - 1) * strides[i]! + k;
    const total = Math.max(0, full - out[1 + i]!);
    return { before: Math.floor(total / 2), after: total - Math.floor(total / 2), more: out[1 + i]! + total - full };
  });
  if (out.length !== 4 || extents.some(({ before, more }, i) => before >= kernel[i]! || more >= strides[i]!))
    s.fail(`it makes [${out}] of [${s.shape(2)}], which its stride cannot. The file contradicts itself; convert it again.`);
  return s.fused(o.fusedActivationFunction(), "ConvTranspose", [x, s.weight(1, [3, 0, 1, 2]), ...bias(s, 3, M)], {
    kernel_shape: kernel,
    strides,
    dilations: [1, 1],
    group: 1,
    pads: [...extents.map((e) => e.before), ...extents.map((e) => e.after)],
    output_padding: extents.map((e) => e.more),
  });
};

/** Y = X W' + B over the last axis, or over the last K numbers in a row. */
const fullyConnected: TfliteRule = (s) => {
  const o = s.options(BuiltinOptions.FullyConnectedOptions, new FullyConnectedOptions());
  const activation = o.fusedActivationFunction();
  if (o.weightsFormat() !== FullyConnectedOptionsWeightsFormat.DEFAULT)
    s.fail("its weights are shuffled for one processor, which is not supported. Convert the model again.");
  const [N, K] = weightShape(s, 1, 2) as [number, number];
  const inputs = bias(s, 2, N);
  const shape = s.shape(0);
  if (sizeOf(shape) % K || (o.keepNumDims() && shape.at(-1) !== K))
    s.fail(`its input is [${shape}], but the weight [${[N, K]}] expects ${K} numbers. The file contradicts itself.`);
  const x = s.inOwnOrder(s.value(0));
  const flat = shape.length === 2 ? x : s.step("flat", "Reshape", [x, s.b.ints([-1, K])]);
  const operands = [flat, s.weight(1, [0, 1]), ...inputs];
  if (!o.keepNumDims() || shape.length === 2) return s.fused(activation, "Gemm", operands, { transB: 1 });
  const product = s.activate(activation, s.step("product", "Gemm", operands, { transB: 1 }), "activation");
  return s.reshaped(product, shape.with(-1, N));
};

/** A pool as large as the grid is how converters write a global one: as such it holds at other picture sizes too. */
const pool =
  (op: "MaxPool" | "AveragePool", extra: Attrs): TfliteRule =>
  (s) => {
    const o = s.options(BuiltinOptions.Pool2DOptions, new Pool2DOptions());
    const x = picture(s, 0);
    const kernel_shape = s.positive("kernel", o.filterHeight(), o.filterWidth());
    const strides = s.positive("strides", o.strideH(), o.strideW());
    const whole = o.padding() === Padding.VALID && kernel_shape.every((k, i) => k === x.shape[2 + i]);
    if (whole && sizeOf(kernel_shape) > 1) return s.fused(o.fusedActivationFunction(), `Global${op}`, [x]);
    const pads = padding(o.padding(), { kernel_shape, strides }, x.shape.slice(2));
    return s.fused(o.fusedActivationFunction(), op, [x], { kernel_shape, strides, ...pads, ...extra });
  };

export const convolutions: Readonly<Record<string, TfliteRule>> = {
  CONV_2D: conv2d,
  DEPTHWISE_CONV_2D: depthwise,
  TRANSPOSE_CONV: transposeConv,
  FULLY_CONNECTED: fullyConnected,
  AVERAGE_POOL_2D: pool("AveragePool", { count_include_pad: 0 }),
  MAX_POOL_2D: pool("MaxPool", {}),
};
