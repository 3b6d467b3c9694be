/** ONNX nodes that TensorFlow ops and Keras layers have in common: activations, convolutions, pools, products, pads, resizes. */
import type { Attrs, Tensor, Value } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import { shaped, turned, type Site } from "./site";

/** An activation by TensorFlow's name for it. */
export interface Activation {
  name: string;
  /** LeakyRelu, Elu: the slope or height below 0. HardSigmoid: the slope in the middle. */
  alpha?: number;
  /** Prelu's slope, stored. */
  slope?: Value;
}

export const LINEAR: Activation = { name: "Linear" };

/** `x` through an activation, which ends the node. Throws OpError for one that is not known. */
export function activate(s: Site, { name, alpha, slope }: Activation, x: Value): Value {
  const { b } = s;
  const rank = x.shape.length;
  switch (name) {
    case "Linear":
      return s.last("Identity", [x]);
    case "Relu":
    case "Selu":
    case "Sigmoid":
    case "Tanh":
    case "Softplus":
    case "Softsign":
    case "Exp":
    case "Mish":
      return s.last(name, [x]);
    case "Elu":
      return s.last(name, [x], { alpha: alpha ?? 1 });
    case "Relu6":
      return s.last("Clip", [x, b.scalar(0), b.scalar(6)]);
    case "LeakyRelu":
      return s.last(name, [x], { alpha: alpha ?? 0.2 });
    case "Prelu":
      return s.last("PRelu", [x, slope ?? s.fail("the slope of its Prelu is missing.")]);
    case "HardSigmoid":
      return s.last(name, [x], { alpha: alpha ?? 0.2, beta: 0.5 });
    case "HardSwish":
      return s.last("Mul", [x, s.step("gate", "HardSigmoid", [x], { alpha: 1 / 6, beta: 0.5 })]);
    case "Swish":
      return s.last("Mul", [x, s.step("gate", "Sigmoid", [x])]);
    case "Gelu": {
      const erf = s.step("erf", "Erf", [s.step("scaled", "Mul", [x, b.scalar(Math.SQRT1_2)])]);
      return s.last("Mul", [s.step("half", "Mul", [x, b.scalar(0.5)]), s.step("gate", "Add", [erf, b.scalar(1)])]);
    }
    case "GeluTanh": {
      const cube = s.step("cube", "Mul", [s.step("square", "Mul", [x, x]), x]);
      const inner = s.step("inner", "Add", [x, s.step("cubed", "Mul", [cube, b.scalar(0.044715)])]);
      const tanh = s.step("tanh", "Tanh", [s.step("scaled", "Mul", [inner, b.scalar(Math.sqrt(2 / Math.PI))])]);
      return s.last("Mul", [s.step("half", "Mul", [x, b.scalar(0.5)]), s.step("gate", "Add", [tanh, b.scalar(1)])]);
    }
    case "Softmax":
    case "LogSoftmax":
      return s.last(name, [x], { axis: s.storedAxis(rank - 1, rank) });
    default:
      return s.fail(`the activation ${name} is not supported. Convert the model without it, or cut it before this node.`);
  }
}

/** What a window does, per row and column. `padding` is ONNX's: pads or auto_pad. */
export interface Window {
  strides: readonly number[];
  dilations: readonly number[];
  padding: Attrs;
}

/** TensorFlow's SAME depends on the picture's size, so it stays auto_pad and is settled when that is chosen (canonicalise.ts). */
export const SAME: Attrs = { auto_pad: "SAME_UPPER" };
export const VALID: Attrs = { pads: [0, 0, 0, 0] };

export interface Convolution extends Window {
  /** A constant as ONNX has it: [M, C / group, kh, kw]. */
  W: Value;
  group: number;
  bias: Value | null;
  activation: Activation;
}

export function convolve(s: Site, x: Value, c: Convolution): Value {
  const { W, group, strides, dilations } = c;
  const inputs = [x, W, ...(c.bias ? [c.bias] : [])];
  const attrs: Attrs = { kernel_shape: W.shape.slice(2), strides, dilations, group, ...c.padding };
  if (c.activation.name === "Linear") return s.last("Conv", inputs, attrs);
  return activate(s, c.activation, s.step("conv", "Conv", inputs, attrs));
}

/** [kh, kw, C, M] -> [M, C, kh, kw]; and that of a transposed convolution, [kh, kw, M, C] -> [C, M, kh, kw]. */
export const convWeight = (W: Tensor): Tensor => turned(W, [3, 2, 0, 1]);
/** [kh, kw, C, m] -> [C * m, 1, kh, kw]. */
export function depthwiseWeight(W: Tensor): Tensor {
  const [height, width, channels, multiplier] = W.shape;
  return shaped(turned(W, [2, 3, 0, 1]), [channels! * multiplier!, 1, height!, width!]);
}

/**
 * The transposed convolution, W being [C, M, kh, kw]. `trim`: rows and columns that the full result,
 * (in - 1) * stride + reach, is longer than the wanted one; a negative number is what it lacks.
 */
export function convolveBack(s: Site, x: Value, c: Omit<Convolution, "padding" | "group"> & { trim: readonly number[] }): Value {
  const { W, strides, dilations, trim } = c;
  const cut = trim.map((n) => Math.max(n, 0));
  const begin = cut.map((n) => Math.floor(n / 2));
  const inputs = [x, W, ...(c.bias ? [c.bias] : [])];
  const attrs: Attrs = {
    kernel_shape: W.shape.slice(2),
    strides,
    dilations,
    group: 1,
    pads: [...begin, ...cut.map((n, i) => n - begin[i]!)],
    output_padding: trim.map((n) => Math.max(-n, 0)),
  };
  if (c.activation.name === "Linear") return s.last("ConvTranspose", inputs, attrs);
  return activate(s, c.activation, s.step("conv", "ConvTranspose", inputs, attrs));
}

/** `op`: MaxPool or AveragePool. TensorFlow's average does not count padding. */
export function pool(
  s: Site,
  op: string,
  x: Value,
  kernel: readonly number[],
  { strides, padding }: Omit<Window, "dilations">,
): Value {
  const extra: Attrs = op === "AveragePool" ? { count_include_pad: 0 } : {};
  return s.last(op, [x], { kernel_shape: kernel, strides, ...padding, ...extra });
}

/** x W + bias over the last axis, and an activation. */
export function multiply(s: Site, x: Value, W: Value, bias: Value | null, activation: Activation): Value {
  const inputs = [x, W];
  const linear = activation.name === "Linear";
  if (!bias && linear) return s.last("MatMul", inputs);
  const product = s.step("matmul", "MatMul", inputs);
  if (bias && linear) return s.last("Add", [product, bias]);
  return activate(s, activation, bias ? s.step("bias", "Add", [product, bias]) : product);
}

/** Begin and end of each of the model's axes, as ONNX lists them. */
export function padsOf(s: Site, pairs: readonly (readonly [number, number])[]): Value {
  const stored = s.storedOrder(pairs);
  return s.b.ints([...stored.map(([begin]) => begin), ...stored.map(([, end]) => end)]);
}

/** Where a resized picture's points lie: corner on corner, half a pixel in, or (TensorFlow 1) neither. */
export type Coordinates = "align_corners" | "half_pixel" | "asymmetric";

/** Rows and columns by a factor each, so that the model works at other picture sizes too. */
export function resize(
  s: Site,
  x: Value,
  factors: readonly [number, number],
  mode: "linear" | "nearest",
  at: Coordinates,
): Value {
  const scales = s.hold(f32([1, 1, ...factors]), `${s.node.name}~scales`);
  return s.last("Resize", [x, null, scales], {
    mode,
    coordinate_transformation_mode: at,
    nearest_mode: at === "asymmetric" ? "floor" : "round_prefer_ceil",
  });
}

/** A constant with axes of 1 put before the model's own, up to `rank`, stored: ready to broadcast. */
export function alignedConstant(s: Site, constant: Tensor, rank: number): Tensor {
  const { shape } = constant;
  if (shape.length === 0 || shape.length >= rank) return s.stored(constant);
  return s.stored(shaped(constant, [...Array.from({ length: rank - shape.length }, () => 1), ...shape]));
}

/** (x - mean) / sqrt(variance + epsilon) * scale + offset, the statistics being the input's own over the stored `axes`. */
export function standardise(s: Site, x: Value, axes: readonly number[], epsilon: number, scale: Value, offset: Value): Value {
  const { b } = s;
  const over = b.ints(axes);
  const centred = s.step("centred", "Sub", [x, s.step("mean", "ReduceMean", [x, over], { keepdims: 1 })]);
  const square = s.step("square", "Mul", [centred, centred]);
  const variance = s.step("variance", "ReduceMean", [square, over], { keepdims: 1 });
  const deviation = s.step("deviation", "Sqrt", [s.step("shifted", "Add", [variance, b.scalar(epsilon)])]);
  return s.last("Add", [s.step("scaled", "Mul", [s.step("normal", "Div", [centred, deviation]), scale]), offset]);
}
