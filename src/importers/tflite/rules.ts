/** TensorFlow Lite operator -> ONNX nodes, for what is neither convolution nor pool (those are in convolution.ts). */
import { sizeOf, type Attrs, type Tensor, type Value } from "../../onnx/graph";
import { numbers } from "../../onnx/tensor";
import { convolutions } from "./convolution";
import {
  ActivationFunctionType,
  AddOptions,
  BuiltinOptions,
  ConcatenationOptions,
  DepthToSpaceOptions,
  DivOptions,
  GeluOptions,
  L2NormOptions,
  LeakyReluOptions,
  LocalResponseNormalizationOptions,
  MirrorPadMode,
  MirrorPadOptions,
  MulOptions,
  PackOptions,
  ReducerOptions,
  ReshapeOptions,
  ResizeBilinearOptions,
  ResizeNearestNeighborOptions,
  SoftmaxOptions,
  SpaceToDepthOptions,
  SqueezeOptions,
  StridedSliceOptions,
  SubOptions,
} from "./schema/tflite_generated";
import type { Known, TfliteRule, TfliteSite } from "./site";
import type { TfliteConstant } from "./weights";

const { NONE } = ActivationFunctionType;

const binary =
  (op: string, activation: (s: TfliteSite) => ActivationFunctionType = () => NONE): TfliteRule =>
  (s) => {
    const rank = Math.max(s.rank(0), s.rank(1));
    return s.fused(activation(s), op, [s.aligned(0, rank), s.aligned(1, rank)]);
  };

/** The activation that is fused into ADD, SUB, MUL or DIV; a file may leave out their options. */
const fusedInto =
  <T extends AddOptions | SubOptions | MulOptions | DivOptions>(type: BuiltinOptions, table: () => T) =>
  (s: TfliteSite): ActivationFunctionType =>
    s.optionsIf(type, table())?.fusedActivationFunction() ?? NONE;

const squaredDifference: TfliteRule = (s) => {
  const rank = Math.max(s.rank(0), s.rank(1));
  const difference = s.step("difference", "Sub", [s.aligned(0, rank), s.aligned(1, rank)]);
  return s.last("Mul", [difference, difference]);
};

const unary =
  (op: string, attrs: Attrs = {}): TfliteRule =>
  (s) =>
    s.last(op, [s.value(0)], attrs);

const clip =
  (low: number, high: number): TfliteRule =>
  (s) =>
    s.clip(s.value(0), low, high);

const leakyRelu: TfliteRule = (s) =>
  s.last("LeakyRelu", [s.value(0)], { alpha: s.options(BuiltinOptions.LeakyReluOptions, new LeakyReluOptions()).alpha() });

const prelu: TfliteRule = (s) => s.last("PRelu", [s.value(0), s.aligned(1, s.rank(0))]);

/** x / 2 (1 + erf(x / sqrt 2)), or tanh's approximation of it; ONNX has Gelu only from opset 20 on. */
const gelu: TfliteRule = (s) => {
  const x = s.value(0);
  const { b } = s;
  const half = s.step("half", "Mul", [x, b.scalar(0.5)]);
  const inner = s.optionsIf(BuiltinOptions.GeluOptions, new GeluOptions())?.approximate()
    ? s.step("tanh", "Tanh", [b.mul(b.add(x, b.mul(b.mul(b.mul(x, x), x), 0.044715)), Math.sqrt(2 / Math.PI))])
    : s.step("erf", "Erf", [b.mul(x, Math.SQRT1_2)]);
  return s.last("Mul", [half, s.step("gate", "Add", [inner, b.scalar(1)])]);
};

/** x / sqrt(max(sum of squares over channels, 1e-6)) */
const l2Normalisation: TfliteRule = (s) => {
  const x = s.value(0);
  const axis = s.storedAxis(s.rank(0) - 1, s.rank(0));
  const sum = s.b.reduceSum(s.step("squares", "Mul", [x, x]), [axis]);
  const norm = s.step("norm", "Sqrt", [s.step("sum", "Max", [sum, s.b.scalar(1e-6)])]);
  const activation = s.optionsIf(BuiltinOptions.L2NormOptions, new L2NormOptions())?.fusedActivationFunction() ?? NONE;
  return s.fused(activation, "Div", [x, norm]);
};

/** x / (bias + alpha * sum of 2 radius + 1 squares) ^ beta; ONNX divides alpha by their number. */
const localResponse: TfliteRule = (s) => {
  const o = s.options(BuiltinOptions.LocalResponseNormalizationOptions, new LocalResponseNormalizationOptions());
  const size = 2 * o.radius() + 1;
  s.positive("its window", size);
  if (s.rank(0) !== 4) s.fail(`its input [${s.shape(0)}] is no picture.`);
  return s.last("LRN", [s.value(0)], { size, alpha: o.alpha() * size, beta: o.beta(), bias: o.bias() });
};

const softmax: TfliteRule = (s) => {
  const beta = s.optionsIf(BuiltinOptions.SoftmaxOptions, new SoftmaxOptions())?.beta() ?? 1;
  const x = s.value(0);
  const scaled = beta === 1 ? x : s.step("scaled", "Mul", [x, s.b.scalar(beta)]);
  return s.last("Softmax", [scaled], { axis: s.storedAxis(s.rank(0) - 1, s.rank(0)) });
};

const reduce =
  (op: string): TfliteRule =>
  (s) => {
    const keep = s.optionsIf(BuiltinOptions.ReducerOptions, new ReducerOptions())?.keepDims() ?? false;
    return s.asTensorFlow(op, { keep_dims: { b: keep } });
  };

const concatenation: TfliteRule = (s) => {
  const o = s.options(BuiltinOptions.ConcatenationOptions, new ConcatenationOptions());
  const known = s.operands.map((operand) => (operand && "constant" in operand ? operand : undefined));
  const axis = s.axis(0, o.axis());
  if (known.every((c) => c !== undefined && c.constant.shape.length === 1)) return joined(known as TfliteConstant[]);
  return s.fused(o.fusedActivationFunction(), "Concat", s.operands.map((_, i) => s.value(i)), { axis: s.storedAxis(axis, s.rank(0)) }); // prettier-ignore
};

/** A list of sizes, which shape arithmetic makes; numbers beyond 2^53 are none. */
const list = (values: readonly number[]): Tensor => ({
  dtype: "float64",
  shape: [values.length],
  data: Float64Array.from(values),
});

/** Lists of sizes, joined. */
const joined = (parts: readonly TfliteConstant[]): Known => ({
  constant: list(parts.flatMap(({ constant }) => numbers(constant))),
  quantisation: null,
});

/** The shape wanted: a constant, else the options', else what the file says that its result has. */
function wantedShape(s: TfliteSite): number[] {
  const operand = s.operands[1];
  if (operand && "constant" in operand) return numbers(operand.constant);
  const o = s.optionsIf(BuiltinOptions.ReshapeOptions, new ReshapeOptions());
  if (!operand && o?.newShapeLength()) return Array.from({ length: o.newShapeLength() }, (_, i) => o.newShape(i)!);
  return s.outputs[0]!.shape;
}

const reshape: TfliteRule = (s) => {
  const shape = s.shape(0);
  const wanted = wantedShape(s);
  const known = sizeOf(wanted.filter((d) => d !== -1));
  const full = wanted.map((d) => (d === -1 ? sizeOf(shape) / known : d));
  if (full.some((d) => !Number.isInteger(d) || d < 1))
    s.fail(`[${shape}] has ${sizeOf(shape)} elements and cannot become [${wanted}]. The file contradicts itself.`);
  return s.asTensorFlow("Reshape", {}, [s.operand(0), { constant: list(full), name: "", quantisation: null }]);
};

const squeeze: TfliteRule = (s) => {
  const o = s.optionsIf(BuiltinOptions.SqueezeOptions, new SqueezeOptions());
  const axes = Array.from({ length: o?.squeezeDimsLength() ?? 0 }, (_, i) => String(o!.squeezeDims(i)));
  return s.asTensorFlow("Squeeze", { squeeze_dims: { list: { i: axes } } });
};

const resize =
  (op: "ResizeBilinear" | "ResizeNearestNeighbor"): TfliteRule =>
  (s) => {
    const o =
      op === "ResizeBilinear"
        ? s.optionsIf(BuiltinOptions.ResizeBilinearOptions, new ResizeBilinearOptions())
        : s.optionsIf(BuiltinOptions.ResizeNearestNeighborOptions, new ResizeNearestNeighborOptions());
    const size = s.ints(1, "the size");
    if (s.rank(0) !== 4 || size.length !== 2 || size.some((d) => d < 1))
      s.fail(`[${s.shape(0)}] cannot be resized to [${size}].`);
    const flags = { align_corners: { b: o?.alignCorners() ?? false }, half_pixel_centers: { b: o?.halfPixelCenters() ?? false } };
    return s.asTensorFlow(op, flags);
  };

const stridedSlice: TfliteRule = (s) => {
  const o = s.options(BuiltinOptions.StridedSliceOptions, new StridedSliceOptions());
  if (o.offset()) s.fail("ends counted from the beginnings are not supported. Cut the model before it.");
  const lists = [s.ints(1, "begin"), s.ints(2, "end"), s.ints(3, "strides")];
  if (lists.some((l) => l.length !== lists[0]!.length) || lists[0]!.length > s.rank(0) || lists[2]!.includes(0))
    s.fail(
      `begin, end and strides ${lists.map((l) => `[${l}]`).join(", ")} do not fit [${s.shape(0)}]. The file contradicts itself.`,
    );
  const masks = { begin: o.beginMask(), end: o.endMask(), ellipsis: o.ellipsisMask(), new_axis: o.newAxisMask(), shrink_axis: o.shrinkAxisMask() }; // prettier-ignore
  const operand = s.operand(0);
  if ("constant" in operand && s.rank(0) === 1) return sliced(operand.constant, lists as [number[], number[], number[]], masks);
  return s.asTensorFlow(
    "StridedSlice",
    Object.fromEntries(Object.entries(masks).map(([k, i]) => [`${k}_mask`, { i: String(i) }])),
  );
};

/** A slice of a list of sizes. */
function sliced(
  tensor: Tensor,
  [[begin], [end], [step]]: [number[], number[], number[]],
  masks: { begin: number; end: number; shrink_axis: number },
): Known {
  const values = numbers(tensor);
  const from = (i: number) => (i < 0 ? i + values.length : i);
  if (masks.shrink_axis) return { constant: { ...list([values[from(begin!)] ?? 0]), shape: [] }, quantisation: null };
  const start = masks.begin ? 0 : from(begin!);
  const picked = values.slice(start, masks.end ? values.length : from(end!)).filter((_, i) => i % step! === 0);
  return { constant: list(picked), quantisation: null };
}

const slice: TfliteRule = (s) => {
  const [begin, size] = [s.ints(1, "begin"), s.ints(2, "size")];
  const shape = s.shape(0);
  if (begin.length !== shape.length || size.length !== shape.length)
    s.fail(`begin [${begin}] and size [${size}] do not fit [${shape}]. The file contradicts itself.`);
  const axes = shape.map((_, i) => s.storedAxis(i, shape.length));
  const ends = begin.map((at, i) => (size[i] === -1 ? shape[i]! : at + size[i]!));
  return s.last("Slice", [s.value(0), s.b.ints(begin), s.b.ints(ends), s.b.ints(axes)]);
};

/** Parts of `sizes` along an axis, each a Slice, so that none that is unused stays. */
function parts(s: TfliteSite, input: number, axis: number, sizes: readonly number[]): Value[] {
  const along = s.shape(input)[axis]!;
  if (sizes.length !== s.outputs.length || sizes.reduce((a, b) => a + b, 0) !== along || sizes.some((d) => d < 1))
    s.fail(
      `${along} along axis ${axis} cannot be split into [${sizes}] for ${s.outputs.length} outputs. The file contradicts itself.`,
    );
  const x = s.value(input);
  const at = s.b.ints([s.storedAxis(axis, s.rank(input))]);
  let begin = 0;
  return sizes.map((size, i) => {
    const { name } = s.outputs[i]!;
    const part = s.b.node("Slice", [x, s.b.ints([begin]), s.b.ints([begin + size]), at], {}, { name, outputNames: [name] });
    begin += size;
    return part;
  });
}

const split: TfliteRule = (s) => {
  const axis = s.axis(1, s.ints(0, "the axis")[0]!);
  const count = s.outputs.length;
  return parts(
    s,
    1,
    axis,
    Array.from({ length: count }, () => s.shape(1)[axis]! / count),
  );
};

const splitV: TfliteRule = (s) => {
  const axis = s.axis(0, s.ints(2, "the axis")[0]!);
  const sizes = s.ints(1, "the sizes");
  const known = sizes.reduce((sum, d) => sum + Math.max(0, d), 0);
  return parts(s, 0, axis, sizes.map((d) => (d === -1 ? s.shape(0)[axis]! - known : d))); // prettier-ignore
};

/** Numbers put into a list: how converters write a shape. */
const pack: TfliteRule = (s) => {
  const known = s.operands.map((operand) => (operand && "constant" in operand ? operand : undefined));
  const o = s.optionsIf(BuiltinOptions.PackOptions, new PackOptions());
  if ((o?.axis() ?? 0) !== 0 || known.some((c) => !c || c.constant.data.length !== 1))
    s.fail("only single numbers known beforehand can be packed. Cut the model before it.");
  return joined(known as TfliteConstant[]);
};

const transpose: TfliteRule = (s) => {
  const perm = s.ints(1, "the permutation");
  if (
    [...perm].sort((a, b) => a - b).join() !==
    s
      .shape(0)
      .map((_, i) => i)
      .join()
  )
    // prettier-ignore
    s.fail(`[${perm}] is no order of the ${s.rank(0)} axes of its input. The file contradicts itself.`);
  return s.asTensorFlow("Transpose");
};

/** Pairs of paddings by TensorFlow's axes, as ONNX's begins and ends by stored axes. */
function pads(s: TfliteSite): Value {
  const rank = s.rank(0);
  const pairs = s.ints(1, "the padding");
  if (pairs.length !== 2 * rank || pairs.some((p) => p < 0))
    s.fail(`the paddings [${pairs}] do not fit ${rank} axes. The file contradicts itself.`);
  const axes = s.storedOrder(Array.from({ length: rank }, (_, i) => i));
  return s.b.ints([...axes.map((i) => pairs[2 * i]!), ...axes.map((i) => pairs[2 * i + 1]!)]);
}

const pad: TfliteRule = (s) => {
  const fill = s.has(2) ? s.reals(2, "the fill")[0]! : 0;
  return s.last("Pad", [s.value(0), pads(s), s.b.scalar(fill)], { mode: "constant" });
};

const mirrorPad: TfliteRule = (s) => {
  const mode = s.options(BuiltinOptions.MirrorPadOptions, new MirrorPadOptions()).mode();
  if (mode !== MirrorPadMode.REFLECT)
    s.fail("mirroring with the edge repeated (SYMMETRIC) is not supported. Cut the model before it.");
  return s.last("Pad", [s.value(0), pads(s)], { mode: "reflect" });
};

const depthToSpace: TfliteRule = (s) => {
  const size = s.options(BuiltinOptions.DepthToSpaceOptions, new DepthToSpaceOptions()).blockSize();
  return s.last("DepthToSpace", [s.value(0)], { blocksize: s.positive("its block", size)[0]!, mode: "DCR" });
};

const spaceToDepth: TfliteRule = (s) => {
  const size = s.options(BuiltinOptions.SpaceToDepthOptions, new SpaceToDepthOptions()).blockSize();
  return s.last("SpaceToDepth", [s.value(0)], { blocksize: s.positive("its block", size)[0]! });
};

const reciprocalRoot: TfliteRule = (s) => s.last("Reciprocal", [s.step("sqrt", "Sqrt", [s.value(0)])]);
const square: TfliteRule = (s) => s.last("Mul", [s.value(0), s.value(0)]);

/**
 * DEQUANTIZE, QUANTIZE and CAST: real numbers pass, as only how they are stored changes. A constant stays one, so that a weight
 * stored as float16 is found where it is used.
 */
const store: TfliteRule = (s) => {
  const operand = s.operand(0);
  if ("constant" in operand) return operand;
  const { dtype, quantisation, typeName } = s.outputs[0]!;
  if (!dtype?.startsWith("float") && !quantisation)
    s.fail(`turns real numbers into ${typeName}, which is not supported. Cut the model before it.`);
  return operand.value;
};

/** Every operator that is understood, by its name in the schema. */
export const tfliteRules: Readonly<Record<string, TfliteRule>> = {
  ...convolutions,
  ADD: binary(
    "Add",
    fusedInto(BuiltinOptions.AddOptions, () => new AddOptions()),
  ),
  SUB: binary(
    "Sub",
    fusedInto(BuiltinOptions.SubOptions, () => new SubOptions()),
  ),
  MUL: binary(
    "Mul",
    fusedInto(BuiltinOptions.MulOptions, () => new MulOptions()),
  ),
  DIV: binary(
    "Div",
    fusedInto(BuiltinOptions.DivOptions, () => new DivOptions()),
  ),
  MAXIMUM: binary("Max"),
  MINIMUM: binary("Min"),
  POW: binary("Pow"),
  SQUARED_DIFFERENCE: squaredDifference,
  RELU: unary("Relu"),
  RELU6: clip(0, 6),
  RELU_N1_TO_1: clip(-1, 1),
  RELU_0_TO_1: clip(0, 1),
  ELU: unary("Elu", { alpha: 1 }),
  LEAKY_RELU: leakyRelu,
  PRELU: prelu,
  LOGISTIC: unary("Sigmoid"),
  TANH: unary("Tanh"),
  HARD_SWISH: unary("HardSwish"),
  GELU: gelu,
  ABS: unary("Abs"),
  EXP: unary("Exp"),
  LOG: unary("Log"),
  NEG: unary("Neg"),
  SQRT: unary("Sqrt"),
  RSQRT: reciprocalRoot,
  SQUARE: square,
  SIN: unary("Sin"),
  COS: unary("Cos"),
  SOFTMAX: softmax,
  LOG_SOFTMAX: (s) => s.last("LogSoftmax", [s.value(0)], { axis: s.storedAxis(s.rank(0) - 1, s.rank(0)) }),
  L2_NORMALIZATION: l2Normalisation,
  LOCAL_RESPONSE_NORMALIZATION: localResponse,
  MEAN: reduce("Mean"),
  SUM: reduce("Sum"),
  REDUCE_MAX: reduce("Max"),
  REDUCE_MIN: reduce("Min"),
  CONCATENATION: concatenation,
  RESHAPE: reshape,
  SQUEEZE: squeeze,
  EXPAND_DIMS: (s) => s.asTensorFlow("ExpandDims"),
  TRANSPOSE: transpose,
  PAD: pad,
  PADV2: pad,
  MIRROR_PAD: mirrorPad,
  RESIZE_BILINEAR: resize("ResizeBilinear"),
  RESIZE_NEAREST_NEIGHBOR: resize("ResizeNearestNeighbor"),
  STRIDED_SLICE: stridedSlice,
  SLICE: slice,
  SPLIT: split,
  SPLIT_V: splitV,
  PACK: pack,
  SHAPE: (s) => ({ constant: list(s.shape(0)), quantisation: null }),
  DEPTH_TO_SPACE: depthToSpace,
  SPACE_TO_DEPTH: spaceToDepth,
  QUANTIZE: store,
  DEQUANTIZE: store,
  CAST: store,
};
