/** TensorFlow op -> ONNX nodes, for what computes; windows are in convolution.ts, what only moves numbers about is in layout.ts. */
import { DTYPE_CODE } from "../../onnx/dtype";
import type { DType, Value } from "../../onnx/graph";
import { convolutions, fusedOps } from "./convolution";
import { activate, alignedConstant, multiply, resize as emitResize } from "./emit";
import { attrFlag, attrNumber, attrText, attrType } from "./graphDef";
import { layout } from "./layout";
import { turned, type TfRule, type TfSite } from "./site";

/** Input `i` broadcast-ready against a value of `rank` axes: TensorFlow lines axes up from the last, which is the channel. */
function aligned(s: TfSite, i: number, rank: number): Value {
  const shape = s.shape(i);
  if (rank !== 4 || shape.length === 4 || shape.length === 0) return s.value(i);
  const operand = s.operand(i);
  if ("constant" in operand) return s.hold(alignedConstant(s, operand.constant, rank), operand.name);
  const full = [...Array.from({ length: 4 - shape.length }, () => 1), ...shape];
  const nhwc = s.step(`input${i}`, "Reshape", [operand.value, s.b.ints(full)]);
  return s.step(`input${i}_nchw`, "Transpose", [nhwc], { perm: s.order.stored });
}

/** All inputs broadcast against one another. */
function elementwise(s: TfSite, op: string): Value {
  const rank = Math.max(...s.operands.map((_, i) => s.rank(i)));
  return s.last(
    op,
    s.operands.map((_, i) => aligned(s, i, rank)),
  );
}

const broadcast =
  (op: string): TfRule =>
  (s) =>
    s.operands.length === 2 || op === "Where"
      ? elementwise(s, op)
      : s.fail(`it has ${s.operands.length} inputs; two are expected. The file contradicts itself.`);

const addN: TfRule = (s) => (s.operands.length === 1 ? s.last("Identity", [s.value(0)]) : elementwise(s, "Sum"));

const squaredDifference: TfRule = (s) => {
  const rank = Math.max(s.rank(0), s.rank(1));
  const difference = s.step("difference", "Sub", [aligned(s, 0, rank), aligned(s, 1, rank)]);
  return s.last("Mul", [difference, difference]);
};

/** Whole numbers, sizes mostly, are divided as ONNX divides them: towards zero. */
const floorDivide: TfRule = (s) => {
  const rank = Math.max(s.rank(0), s.rank(1));
  const sides = [aligned(s, 0, rank), aligned(s, 1, rank)];
  return sides[0]!.dtype === "float32" ? s.last("Floor", [s.step("quotient", "Div", sides)]) : s.last("Div", sides);
};

const unary =
  (op: string): TfRule =>
  (s) =>
    s.last(op, [s.value(0)]);

const activation: TfRule = (s) => activate(s, { name: s.node.op }, s.value(0));

const leaky: TfRule = (s) => activate(s, { name: s.node.op, alpha: attrNumber(s.node, "alpha", 0.2) }, s.value(0));

const prelu: TfRule = (s) => activate(s, { name: s.node.op, slope: aligned(s, 1, s.rank(0)) }, s.value(0));

const square: TfRule = (s) => s.last("Mul", [s.value(0), s.value(0)]);

const reciprocalRoot: TfRule = (s) => s.last("Reciprocal", [s.step("sqrt", "Sqrt", [s.value(0)])]);

const logOnePlus: TfRule = (s) => s.last("Log", [s.step("shifted", "Add", [s.value(0), s.b.scalar(1)])]);

const clip: TfRule = (s) => s.last("Clip", [s.value(0), s.value(1), s.value(2)]);

/** What TensorFlow casts pictures to and from is float32 here throughout. */
const cast: TfRule = (s) => {
  const types: Readonly<Record<string, DType | undefined>> = {
    DT_FLOAT: "float32",
    DT_HALF: "float32",
    DT_BFLOAT16: "float32",
    DT_DOUBLE: "float32",
    DT_INT32: "int32",
    DT_INT64: "int64",
    DT_BOOL: "bool",
  };
  const name = attrType(s.node, "DstT");
  const to =
    (Object.hasOwn(types, name) ? types[name] : undefined) ??
    s.fail(`a cast to ${name || "nothing"} is not supported. Cut the model before this node.`);
  const x = s.value(0);
  return x.dtype === to ? s.last("Identity", [x]) : s.last("Cast", [x], { to: DTYPE_CODE[to] });
};

const reduce =
  (op: string): TfRule =>
  (s) => {
    const rank = s.rank(0);
    const listed = s.ints(1, "its axes").map((axis) => s.axis(0, axis));
    const axes = listed.map((axis) => s.storedAxis(axis, rank)).sort((a, b) => a - b);
    const keepdims = attrFlag(s.node, "keep_dims");
    if (!axes.length) return s.last("Identity", [s.value(0)]);
    if (keepdims || rank !== 4) return s.last(op, [s.value(0), s.b.ints(axes)], { keepdims: keepdims ? 1 : 0 });
    const inOrder = s.storedOrder([0, 1, 2, 3]).filter((axis) => !listed.includes(axis)); // what stays, as it is stored
    const sorted = [...inOrder].sort((a, b) => a - b);
    if (inOrder.join() === sorted.join()) return s.last(op, [s.value(0), s.b.ints(axes)], { keepdims: 0 });
    const reduced = s.step("reduced", op, [s.value(0), s.b.ints(axes)], { keepdims: 0 });
    return s.last("Transpose", [reduced], { perm: sorted.map((axis) => inOrder.indexOf(axis)) });
  };

const extremum: TfRule = (s) => {
  const axis = s.axis(0, s.int(1, "its axis"));
  const index = s.step("index", s.node.op, [s.inOwnOrder(s.value(0))], { axis, keepdims: 0, select_last_index: 0 });
  return s.last("Cast", [index], { to: DTYPE_CODE.int32 });
};

/** To fixed rows and columns, which becomes a scale. */
const resize =
  (mode: "linear" | "nearest"): TfRule =>
  (s) => {
    const [, height, width] = s.shape(0);
    const [rows, columns] = s.ints(1, "the size");
    const at = attrFlag(s.node, "align_corners")
      ? "align_corners"
      : attrFlag(s.node, "half_pixel_centers")
        ? "half_pixel"
        : "asymmetric";
    return emitResize(s, s.value(0), [rows! / height!, columns! / width!], mode, at);
  };

const softmax: TfRule = (s) => activate(s, { name: s.node.op }, s.value(0));

const matMul: TfRule = (s) => {
  const { bias, activation: act } = fusedOps(s);
  const side = (i: number, flag: string): Value => {
    const isTurned = attrFlag(s.node, flag);
    const operand = s.operand(i);
    if (!isTurned) return s.value(i);
    if ("constant" in operand) return s.hold(turned(operand.constant, [1, 0]), operand.name);
    return s.step(flag, "Transpose", [operand.value], { perm: [1, 0] });
  };
  if (s.rank(0) !== 2 || s.rank(1) !== 2)
    s.fail(`a product of [${s.shape(0)}] and [${s.shape(1)}]; only matrices are supported.`);
  const slope = act.name === "Prelu" ? { ...act, slope: s.value(bias ? 3 : 2) } : act;
  return multiply(s, side(0, "transpose_a"), side(1, "transpose_b"), bias ? s.value(2) : null, slope);
};

const batchMatMul: TfRule = (s) => {
  const side = (i: number, flag: string): Value => {
    const operand = s.operand(i);
    const value = "constant" in operand ? s.hold(operand.constant, operand.name) : s.inOwnOrder(operand.value);
    const rank = value.shape.length;
    if (rank < 2) s.fail(`input ${i} is [${value.shape}]; two axes or more are expected. The file contradicts itself.`);
    if (!attrFlag(s.node, flag)) return value;
    const perm = value.shape.map((_, axis) => axis);
    return s.step(flag, "Transpose", [value], { perm: [...perm.slice(0, -2), rank - 1, rank - 2] });
  };
  return s.lastInOwnOrder(Math.max(s.rank(0), s.rank(1)), "MatMul", [side(0, "adj_x"), side(1, "adj_y")]);
};

/** The letters of a four-axis term are put as the value is stored, so nothing has to be moved. */
const einsum: TfRule = (s) => {
  const equation = attrText(s.node, "equation", "").replaceAll(" ", "");
  const [left, right, ...more] = equation.split("->");
  const terms = left!.split(",");
  if (right === undefined || more.length || terms.length !== s.operands.length || !/^[a-zA-Z,]+->[a-zA-Z]*$/.test(equation))
    s.fail(`the equation "${equation}" for ${s.operands.length} inputs is not supported. Cut the model before this node.`);
  terms.forEach((term, i) => {
    if (term.length !== s.rank(i))
      s.fail(`"${term}" names ${term.length} axes of input ${i}, which is [${s.shape(i)}]. The file contradicts itself.`);
  });
  const stored = (term: string) => s.storedOrder([...term]).join("");
  return s.last(
    "Einsum",
    terms.map((_, i) => s.value(i)),
    { equation: `${terms.map(stored).join(",")}->${stored(right!)}` },
  );
};

const localResponse: TfRule = (s) => {
  const size = 2 * attrNumber(s.node, "depth_radius", 5) + 1;
  const attrs = {
    alpha: attrNumber(s.node, "alpha", 1) * size,
    beta: attrNumber(s.node, "beta", 0.5),
    bias: attrNumber(s.node, "bias", 1),
  };
  return s.last("LRN", [s.value(0)], { size, ...attrs });
};

/** Every TensorFlow op that is understood. */
export const tfRules: Readonly<Record<string, TfRule>> = {
  ...convolutions,
  ...layout,
  ...Object.fromEntries(
    ["Relu", "Relu6", "Elu", "Selu", "Sigmoid", "Tanh", "Softplus", "Softsign"].map((op) => [op, activation]),
  ),
  ...Object.fromEntries(
    ["Abs", "Ceil", "Cos", "Erf", "Exp", "Floor", "Log", "Neg", "Reciprocal", "Round", "Sign", "Sin", "Sqrt"].map((op) => [
      op,
      unary(op),
    ]),
  ),
  ...Object.fromEntries(
    ["Identity", "StopGradient", "PreventGradient", "PlaceholderWithDefault", "Snapshot", "CheckNumerics"].map((op) => [
      op,
      unary("Identity"),
    ]),
  ),
  Inv: unary("Reciprocal"),
  LogicalNot: unary("Not"),
  LeakyRelu: leaky,
  Prelu: prelu,
  Square: square,
  Rsqrt: reciprocalRoot,
  Log1p: logOnePlus,
  ClipByValue: clip,
  Cast: cast,
  ...Object.fromEntries(["Add", "AddV2", "BiasAdd", "BiasAddV1"].map((op) => [op, broadcast("Add")])),
  Sub: broadcast("Sub"),
  Mul: broadcast("Mul"),
  RealDiv: broadcast("Div"),
  Div: broadcast("Div"),
  FloorDiv: floorDivide,
  Pow: broadcast("Pow"),
  Maximum: broadcast("Max"),
  Minimum: broadcast("Min"),
  SquaredDifference: squaredDifference,
  AddN: addN,
  Greater: broadcast("Greater"),
  GreaterEqual: broadcast("GreaterOrEqual"),
  Less: broadcast("Less"),
  LessEqual: broadcast("LessOrEqual"),
  Equal: broadcast("Equal"),
  LogicalAnd: broadcast("And"),
  LogicalOr: broadcast("Or"),
  Select: broadcast("Where"),
  SelectV2: broadcast("Where"),
  ZerosLike: (s) => s.last("Sub", [s.value(0), s.value(0)]),
  ArgMax: extremum,
  ArgMin: extremum,
  Mean: reduce("ReduceMean"),
  Sum: reduce("ReduceSum"),
  Max: reduce("ReduceMax"),
  Min: reduce("ReduceMin"),
  Prod: reduce("ReduceProd"),
  ResizeBilinear: resize("linear"),
  ResizeNearestNeighbor: resize("nearest"),
  Softmax: softmax,
  LogSoftmax: softmax,
  MatMul: matMul,
  _FusedMatMul: matMul,
  BatchMatMul: batchMatMul,
  BatchMatMulV2: batchMatMul,
  Einsum: einsum,
  LRN: localResponse,
};
