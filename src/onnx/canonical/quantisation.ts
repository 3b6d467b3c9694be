/**
 * Quantised networks as the float networks that they approximate: QDQ (QuantizeLinear and DequantizeLinear around float operators)
 * and QOperator (QLinearConv and its kin), per tensor and per axis.
 *
 *   level = clip(round(real / scale) + zero, low, high)        real = (level - zero) * scale
 *
 * Weights are dequantised. Of an activation's quantisation the clipping stays, the rounding is left out: a straight-through estimate,
 * within half a level of what the file says, through which gradients flow. So a quantised activation is its real number here, and
 * `Grid` says which level that stands for, should an operator that knows nothing of this want levels. Scales along an axis, which
 * activations hardly ever have, keep levels as floats.
 */
import { DTYPES_BY_CODE } from "../dtype";
import { dequantised, quantised } from "../fold/quantised";
import { sizeOf, type Attrs, type DType, type Tensor, type Value } from "../graph";
import { f32, numbers } from "../tensor";
import { scalarOf, type CanonicalRule, type CanonicalTable, type Grid, type Site } from "./site";

const LEVELS: Partial<Record<DType, readonly [low: number, high: number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
};

const isInteger = ({ dtype }: Tensor | Value) => dtype.includes("int");

/** A vector along `axis` of a value of `rank` axes; a scalar stays one. */
const along = (tensor: Tensor, axis: number, rank: number): Tensor =>
  sizeOf(tensor.shape) === 1
    ? f32(scalarOf(tensor))
    : f32(
        numbers(tensor),
        Array.from({ length: rank }, (_, i) => (i === axis ? sizeOf(tensor.shape) : 1)),
      );

/** As float32, whatever integers it holds. */
export const asFloat = (s: Site, x: Value, step: string): Value =>
  x.dtype === "float32" ? x : s.step(`${step}_float`, "Cast", [x], { to: 1 });

/** x times and plus numbers; nothing where they change nothing. */
function affine(s: Site, x: Value, factor: number, shift: number, step: string): Value {
  const scaled = factor === 1 ? x : s.step(`${step}_scaled`, "Mul", [x, s.b.scalar(factor)]);
  return shift === 0 ? scaled : s.step(`${step}_shifted`, "Add", [scaled, s.b.scalar(shift)]);
}

/** The grid that input `i` lies on: its numbers are real ones, not levels. */
const gridOf = (s: Site, i: number): Grid | undefined => s.around.grids.get(s.node.inputs[i] ?? "");

/** Input `i` as real numbers; inputs `scale` and `zero` say what its levels mean. */
export function real(s: Site, i: number, scale: number, zero: number, axis: number, step: string): Value {
  const x = s.input(i);
  const rank = x.shape.length;
  const S = s.constant(scale);
  const Z = s.inputs[zero] ? s.constant(zero) : undefined;
  if (!S || (s.inputs[zero] && !Z)) {
    const levels = centred(s, i, zero, step, axis);
    return s.step(`${step}_real`, "Mul", [levels, spread(s, s.input(scale), axis, rank, `${step}_scale`)]);
  }
  const at = sizeOf(S.shape) === 1 ? 0 : s.axis(axis, rank);
  const constant = s.constant(i);
  if (constant && isInteger(constant)) {
    const values = dequantised(constant, S, same(Z, S), at, s.int("block_size", 0));
    return s.hold(
      `${step}_real`,
      values ?? s.fail(`its scale [${S.shape}] does not fit [${x.shape}]. The file contradicts itself; export it again.`),
    );
  }
  if (s.int("block_size", 0)) s.fail("its blocks are dequantised while the model runs, which is not supported.");
  const grid = gridOf(s, i);
  if (sizeOf(S.shape) === 1) {
    const [by, from] = [scalarOf(S), Z ? scalarOf(Z) : 0];
    if (grid) return affine(s, x, by / grid.scale, (grid.zero - from) * by, step);
    return affine(s, affine(s, asFloat(s, x, step), 1, -from, `${step}_centred`), by, 0, step);
  }
  const levels = grid ? affine(s, x, 1 / grid.scale, grid.zero, step) : asFloat(s, x, step);
  const from = Z ? s.step(`${step}_centred`, "Sub", [levels, s.hold(`${step}_zero`, along(Z, at, rank))]) : levels;
  return s.step(`${step}_real`, "Mul", [from, s.hold(`${step}_scale`, along(S, at, rank))]);
}

/** The same for one that is computed while the model runs. */
function spread(s: Site, x: Value, axis: number, rank: number, step: string): Value {
  if (x.shape.length !== 1 || x.shape[0] === 1) return x;
  const shape = Array.from({ length: rank }, (_, i) => (i === s.axis(axis, rank) ? x.shape[0]! : 1));
  return s.step(`${step}_spread`, "Reshape", [x, s.b.ints(shape)]);
}

/** A zero point for each scale, where a file gives one for all. */
function same(Z: Tensor | undefined, S: Tensor): Tensor | undefined {
  if (!Z || sizeOf(Z.shape) === sizeOf(S.shape) || sizeOf(Z.shape) !== 1) return Z;
  return f32(scalarOf(Z), S.shape);
}

/** Levels of input `i` less its zero point, as ConvInteger and MatMulInteger multiply them; `axis`: of a zero point that is a vector. */
export function centred(s: Site, i: number, zero: number, step: string, axis = 0): Value {
  const x = s.input(i);
  const grid = gridOf(s, i);
  const Z = s.inputs[zero] ? s.constant(zero) : undefined;
  if (grid && Z && sizeOf(Z.shape) === 1) return affine(s, x, 1 / grid.scale, grid.zero - scalarOf(Z), step);
  const levels = grid ? affine(s, x, 1 / grid.scale, grid.zero, step) : asFloat(s, x, step);
  if (!s.inputs[zero]) return levels;
  const from = Z
    ? s.hold(`${step}_zero`, along(Z, sizeOf(Z.shape) === 1 ? 0 : s.axis(axis, x.shape.length), x.shape.length))
    : spread(s, asFloat(s, s.inputs[zero], `${step}_zero`), axis, x.shape.length, `${step}_zero`);
  return s.step(`${step}_centred`, "Sub", [levels, from]);
}

/** What the node's output becomes: `x`, clipped to what inputs `scale` and `zero` can say, on the grid of those levels. */
export function onGrid(s: Site, x: Value, scale: number, zero: number, axis = 1): Value {
  const [S, Z] = [s.constant(scale), s.inputs[zero] ? s.constant(zero) : undefined];
  const given = s.inputs[zero]?.dtype;
  // a zero point of floats was computed on the way, as DynamicQuantizeLinear does it for uint8
  const dtype = (given === "float32" ? undefined : given) ?? DTYPES_BY_CODE[s.int("output_dtype", 0)] ?? "uint8";
  const [low, high] = LEVELS[dtype] ?? s.fail(`levels of type ${dtype} are not supported.`);
  if (!S || (s.inputs[zero] && !Z)) {
    const rank = x.shape.length;
    const scaled = s.step("levels", "Div", [x, spread(s, s.input(scale), axis, rank, "scale")]);
    const from = s.inputs[zero] ? spread(s, asFloat(s, s.inputs[zero], "zero"), axis, rank, "zero") : undefined;
    return s.last("Clip", [from ? s.step("shifted", "Add", [scaled, from]) : scaled, s.b.scalar(low), s.b.scalar(high)]);
  }
  if (sizeOf(S.shape) === 1) {
    const grid = { scale: scalarOf(S), zero: Z ? scalarOf(Z) : 0 };
    if (!(grid.scale > 0)) s.fail(`a scale of ${grid.scale}; it must be more than 0. The file is damaged; export it again.`);
    s.around.grids.set(s.node.outputs[0]!, grid);
    const bounds = [low, high].map((level) => s.b.scalar((level - grid.zero) * grid.scale));
    // a QuantizeLinear only clips what has a name already; a name of which levels are wanted is theirs
    const unnamed = s.node.op === "QuantizeLinear" || s.around.wantsLevels.has(s.node.outputs[0]!);
    return unnamed ? s.step("clipped", "Clip", [x, ...bounds]) : s.last("Clip", [x, ...bounds]);
  }
  const rank = x.shape.length;
  const at = s.axis(axis, rank);
  const scaled = s.step("levels", "Div", [x, s.hold("scale", along(S, at, rank))]);
  const shifted = Z ? s.step("shifted", "Add", [scaled, s.hold("zero", along(Z, at, rank))]) : scaled;
  return s.last("Clip", [shifted, s.b.scalar(low), s.b.scalar(high)]);
}

const quantise: CanonicalRule = (s) => {
  const x = s.input(0);
  const [X, S, Z] = [s.constant(0), s.constant(1), s.constant(2)];
  const axis = S && sizeOf(S.shape) > 1 ? s.axis(s.int("axis", 1), x.shape.length) : 0;
  const given = s.inputs[2] ? Z?.dtype : DTYPES_BY_CODE[s.int("output_dtype", 0) || 2];
  const levels = X && S && (given === "int8" || given === "uint8") && quantised(X, S, Z ?? zeros(given, S), axis);
  if (levels) return [s.b.constant(levels, s.node.outputs[0], true)];
  if (s.int("block_size", 0))
    s.fail("quantises by blocks while the model runs, which is not supported. Choose an earlier layer.");
  return [onGrid(s, asFloat(s, x, "x"), 1, 2, s.int("axis", 1))];
};

const zeros = (dtype: DType, { shape }: Tensor): Tensor => ({
  dtype,
  shape,
  data: dtype === "int8" ? new Int8Array(sizeOf(shape)) : new Uint8Array(sizeOf(shape)),
});

const dequantise: CanonicalRule = (s) => [passed(s, real(s, 0, 1, 2, s.int("axis", 1), "x"))];

/** A float result under the node's own name, where it is not another value's already. */
function passed(s: Site, x: Value): Value {
  return s.inputs.includes(x) ? x : s.last("Identity", [x]);
}

/** Bias in levels of input scale times weight scale. */
function realBias(s: Site, i: number, scales: readonly [number, number], factor = 1): Value | null {
  if (!s.inputs[i]) return null;
  const bias = s.input(i);
  const [a, b] = scales.map((k) => numbers(s.needConstant(k, "scale"))) as [number[], number[]];
  const unit = b.map((x) => x * a[0]! * factor);
  const constant = s.constant(i);
  if (constant)
    return s.hold(
      "B_real",
      f32(
        numbers(constant).map((x, m) => x * unit[m % unit.length]!),
        constant.shape,
      ),
    );
  return s.step("B_real", "Mul", [asFloat(s, bias, "B"), s.hold("B_scale", unit.length === 1 ? f32(unit[0]!, []) : f32(unit))]);
}

const qLinearConv: CanonicalRule = (s) => {
  const inputs = [real(s, 0, 1, 2, 1, "X"), real(s, 3, 4, 5, 0, "W"), realBias(s, 8, [1, 4])];
  return [onGrid(s, s.as("conv", "Conv", inputs, s.node.attrs), 6, 7)];
};

const qLinearMatMul: CanonicalRule = (s) => {
  const product = s.as("product", "MatMul", [real(s, 0, 1, 2, -2, "A"), real(s, 3, 4, 5, -1, "B")]);
  return [onGrid(s, product, 6, 7)];
};

const convInteger: CanonicalRule = (s) => [s.as("", "Conv", [centred(s, 0, 2, "X"), centred(s, 1, 3, "W")], s.node.attrs)];

const matMulInteger: CanonicalRule = (s) => [s.as("", "MatMul", [centred(s, 0, 2, "A", -2), centred(s, 1, 3, "B", -1)])];

/** Scale and zero point follow the data, so nothing is clipped: y = x / scale + zero. */
const dynamicQuantise: CanonicalRule = (s) => {
  const x = s.input(0);
  const end = (op: string, bound: string) =>
    s.step(bound, bound, [s.step(op, op, [x, s.b.ints(x.shape.map((_, i) => i))], { keepdims: 0 }), s.b.scalar(0)]);
  const low = end("ReduceMin", "Min");
  const span = s.step("span", "Sub", [end("ReduceMax", "Max"), low]);
  const levels = s.step("least", "Max", [s.step("level", "Div", [span, s.b.scalar(255)]), s.b.scalar(1e-30)]);
  const [y, scaleName = "", zeroName = ""] = s.node.outputs;
  const scale = scaleName ? s.last("Identity", [levels], {}, 1) : levels;
  const exact = s.step("exact_zero", "Neg", [s.step("lowest", "Div", [low, scale])]);
  const rounded = s.step("rounded", "Round", [exact]);
  const zero = zeroName
    ? s.last("Clip", [rounded, s.b.scalar(0), s.b.scalar(255)], {}, 2)
    : s.step("zero", "Clip", [rounded, s.b.scalar(0), s.b.scalar(255)]);
  const level = y ? s.last("Add", [s.step("scaled", "Div", [x, scale]), zero]) : null;
  return [level, scale, zero];
};

/** ORT's own: op(A, B) on grids. */
const qBinary =
  (op: string): CanonicalRule =>
  (s) => [onGrid(s, s.as("float", op, [real(s, 0, 1, 2, 1, "A"), real(s, 3, 4, 5, 1, "B")]), 6, 7)];

/** ORT's own: op(X) on grids, scales and zero points in inputs 1 to 4. */
const qUnary =
  (op: string, attrs: (s: Site) => Attrs = (s) => s.node.attrs): CanonicalRule =>
  (s) => {
    if (s.int("channels_last", 0))
      s.fail("its channels come last, which is not supported. Export the model without that optimisation.");
    return [onGrid(s, s.as("float", op, [real(s, 0, 1, 2, 1, "X")], attrs(s)), 3, 4)];
  };

const qConcat: CanonicalRule = (s) => {
  const parts = Array.from({ length: Math.floor((s.inputs.length - 2) / 3) }, (_, i) =>
    real(s, 2 + 3 * i, 3 + 3 * i, 4 + 3 * i, 1, `X${i}`),
  );
  return [onGrid(s, s.as("float", "Concat", parts, s.node.attrs), 0, 1)];
};

const qWhere: CanonicalRule = (s) => [
  onGrid(s, s.as("float", "Where", [s.input(0), real(s, 1, 2, 3, 1, "X"), real(s, 4, 5, 6, 1, "Y")]), 7, 8),
];

/** alpha A B + C, with C in levels of both scales; without a scale of its own the result is float. */
const qGemm: CanonicalRule = (s) => {
  const alpha = s.float("alpha", 1);
  const inputs = [real(s, 0, 1, 2, 1, "A"), real(s, 3, 4, 5, s.int("transB", 0) ? 0 : 1, "B"), realBias(s, 6, [1, 4], alpha)];
  const attrs = { alpha, transA: s.int("transA", 0), transB: s.int("transB", 0) };
  if (!s.inputs[7]) return [s.as("", "Gemm", inputs, attrs)];
  return [onGrid(s, s.as("product", "Gemm", inputs, attrs), 7, 8)];
};

/** A B with B in levels, plus a bias: inputs (A, B, A's scale, B's scale, A's zero, B's zero, bias). */
const matMulToFloat: CanonicalRule = (s) => withBias(s, real(s, 0, 2, 4, -2, "A"), real(s, 1, 3, 5, -1, "B"), 6);

/** The same for a float A, which ORT quantises while it runs: (A, B, B's scale, B's zero, bias). */
const dynamicMatMul: CanonicalRule = (s) => withBias(s, s.input(0), real(s, 1, 2, 3, -1, "B"), 4);

function withBias(s: Site, A: Value, B: Value, bias: number): Value[] {
  if (!s.inputs[bias]) return [s.as("", "MatMul", [A, B])];
  return [s.last("Add", [s.as("product", "MatMul", [A, B]), s.input(bias)])];
}

/** Rules here take activations as real numbers, with their grids. */
export const quantisation: CanonicalTable = {
  QuantizeLinear: quantise,
  DequantizeLinear: dequantise,
  DynamicQuantizeLinear: dynamicQuantise,
  QLinearConv: qLinearConv,
  QLinearMatMul: qLinearMatMul,
  ConvInteger: convInteger,
  MatMulInteger: matMulInteger,
};

/** The same of com.microsoft, which ONNX Runtime's quantiser and optimiser write. */
export const microsoftQuantisation: CanonicalTable = {
  QuantizeLinear: quantise,
  DequantizeLinear: dequantise,
  QLinearAdd: qBinary("Add"),
  QLinearMul: qBinary("Mul"),
  QLinearSigmoid: qUnary("Sigmoid"),
  QLinearLeakyRelu: qUnary("LeakyRelu"),
  QLinearSoftmax: qUnary("Softmax"),
  QLinearAveragePool: qUnary("AveragePool"),
  QLinearGlobalAveragePool: qUnary("GlobalAveragePool"),
  QLinearReduceMean: qUnary("ReduceMean"),
  QLinearConcat: qConcat,
  QLinearWhere: qWhere,
  QGemm: qGemm,
  MatMulIntegerToFloat: matMulToFloat,
  DynamicQuantizeMatMul: dynamicMatMul,
};
