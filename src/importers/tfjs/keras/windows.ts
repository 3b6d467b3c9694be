/** Keras layers with windows over rows and columns: convolutions, pools, pads, crops, resizes. */
import type { Tensor, Value } from "../../../onnx/graph";
import {
  convolve,
  convolveBack,
  convWeight,
  depthwiseWeight,
  LINEAR,
  pool as emitPool,
  padsOf,
  resize,
  SAME,
  type Coordinates,
} from "../emit";
import type { KerasRule, KerasSite } from "./site";

const channelsOf = (x: Value): number => x.shape[1]!;

const conv2d: KerasRule = (s) => {
  const x = s.picture;
  const groups = s.count("groups", 1);
  const filters = s.count("filters");
  const kernel = s.pair("kernel_size");
  const channels = channelsOf(x);
  if (channels % groups || filters % groups)
    s.fail(`${channels} channels and ${filters} filters do not fall into ${groups} groups. The file contradicts itself.`);
  const { name, tensor } = s.weight("kernel", 0, [...kernel, channels / groups, filters]);
  return convolve(s, x, {
    ...s.window(),
    W: s.hold(convWeight(tensor), name),
    group: groups,
    bias: s.bias(1, filters),
    activation: s.activation(),
  });
};

/** [kh, kw, C, m] as found. Keras 3 calls it kernel; TF.js does not write m into the config of a SeparableConv2D. */
function depthwiseKernel(s: KerasSite, channels: number): { name: string; tensor: Tensor } {
  const multiplier = s.node.config.depth_multiplier === undefined ? null : s.count("depth_multiplier");
  return s.weight(["depthwise_kernel", "kernel"], 0, [...s.pair("kernel_size"), channels, multiplier]);
}

/** TF.js leaves the dilation out (it says so in its source); a network that has one was trained with it, so it is kept. */
const depthwise: KerasRule = (s) => {
  const x = s.picture;
  const channels = channelsOf(x);
  const { name, tensor } = depthwiseKernel(s, channels);
  const W = depthwiseWeight(tensor);
  return convolve(s, x, {
    ...s.window(),
    W: s.hold(W, name),
    group: channels,
    bias: s.bias(1, W.shape[0]!),
    activation: s.activation(),
  });
};

const separable: KerasRule = (s) => {
  const x = s.picture;
  const channels = channelsOf(x);
  const filters = s.count("filters");
  const deep = depthwiseKernel(s, channels);
  const W = depthwiseWeight(deep.tensor);
  const point = s.weight("pointwise_kernel", 1, [1, 1, W.shape[0]!, filters]);
  const between = convolve(s.at("depthwise"), x, {
    ...s.window(),
    W: s.hold(W, deep.name),
    group: channels,
    bias: null,
    activation: LINEAR,
  });
  return convolve(s, between, {
    strides: [1, 1],
    dilations: [1, 1],
    padding: {},
    W: s.hold(convWeight(point.tensor), point.name),
    group: 1,
    bias: s.bias(2, filters),
    activation: s.activation(),
  });
};

const transposed: KerasRule = (s) => {
  const x = s.picture;
  const filters = s.count("filters");
  const kernel = s.pair("kernel_size");
  const { name, tensor } = s.weight("kernel", 0, [...kernel, filters, channelsOf(x)]);
  const { strides, dilations, padding } = s.window();
  if (s.numbers("output_padding")) s.fail("its output_padding is not supported. Cut the model before this layer.");
  const reach = kernel.map((size, i) => (size - 1) * dilations[i]! + 1);
  const trim = reach.map((n, i) => (padding === SAME ? n - strides[i]! : Math.min(n - strides[i]!, 0)));
  return convolveBack(s, x, {
    W: s.hold(convWeight(tensor), name),
    strides,
    dilations,
    trim,
    bias: s.bias(1, filters),
    activation: s.activation(),
  });
};

const pool =
  (op: string): KerasRule =>
  (s) => {
    const size = s.pair("pool_size", [2, 2]);
    return emitPool(s, op, s.picture, size, s.window(s.numbers("strides") ? s.pair("strides") : size));
  };

const globalPool =
  (op: string, rank: 3 | 4): KerasRule =>
  (s) => {
    if (s.rank !== rank) s.fail(`its input has the shape [${s.shape}]; ${rank} axes are expected. The file contradicts itself.`);
    const last = s.text("data_format", "channels_last") === "channels_last";
    const axes = rank === 4 ? [2, 3] : [last ? 1 : 2];
    return s.last(op, [s.x, s.b.ints(axes)], { keepdims: s.flag("keepdims", false) ? 1 : 0 });
  };

/** [begin, end] of rows and columns, for all axes in Keras's order. */
const around = (s: KerasSite, [rows, columns]: readonly (readonly [number, number])[]) =>
  s.channelsFirst ? ([[0, 0], [0, 0], rows!, columns!] as const) : ([[0, 0], rows!, columns!, [0, 0]] as const);

const zeroPadding: KerasRule = (s) =>
  s.last("Pad", [s.picture, padsOf(s, around(s, s.borders("padding"))), s.b.scalar(0)], { mode: "constant" });

const cropping: KerasRule = (s) => {
  const [rows, columns] = s.borders("cropping");
  const { b } = s;
  const ends = [rows, columns].map(([, end]) => (end ? -end : 2 ** 31 - 1));
  return s.last("Slice", [s.picture, b.ints([rows[0], columns[0]]), b.ints(ends), b.ints([2, 3])]);
};

function interpolation(s: KerasSite, fallback: string): "linear" | "nearest" {
  const name = s.text("interpolation", fallback);
  if (name === "nearest") return name;
  return name === "bilinear" ? "linear" : s.fail(`interpolation "${name}" is not supported, only nearest and bilinear.`);
}

/** Where TF.js puts points, and where Keras does, is not the same: the network was trained with one of them. */
const upSampling: KerasRule = (s) => {
  const mode = interpolation(s, "nearest");
  const at = mode === "linear" && s.writer !== "tfjs" ? "half_pixel" : "asymmetric";
  return resize(s, s.picture, s.pair("size", [2, 2]), mode, at);
};

const resizing: KerasRule = (s) => {
  const mode = interpolation(s, "bilinear");
  const crop = s.flag("crop_to_aspect_ratio", false);
  if (s.writer !== "tfjs" && (crop || s.flag("pad_to_aspect_ratio", false)))
    s.fail("it keeps the aspect ratio, which is not supported. Cut the model after this layer, or save it without.");
  const at: Coordinates = s.writer !== "tfjs" ? "half_pixel" : crop ? "asymmetric" : "align_corners";
  const [, , height, width] = s.picture.shape;
  return resize(s, s.x, [s.count("height") / height!, s.count("width") / width!], mode, at);
};

export const windows: Readonly<Record<string, KerasRule>> = {
  Conv2D: conv2d,
  Convolution2D: conv2d,
  DepthwiseConv2D: depthwise,
  SeparableConv2D: separable,
  Conv2DTranspose: transposed,
  MaxPooling2D: pool("MaxPool"),
  AveragePooling2D: pool("AveragePool"),
  GlobalAveragePooling2D: globalPool("ReduceMean", 4),
  GlobalMaxPooling2D: globalPool("ReduceMax", 4),
  GlobalAveragePooling1D: globalPool("ReduceMean", 3),
  GlobalMaxPooling1D: globalPool("ReduceMax", 3),
  ZeroPadding2D: zeroPadding,
  Cropping2D: cropping,
  UpSampling2D: upSampling,
  Resizing: resizing,
};
