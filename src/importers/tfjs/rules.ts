/** TensorFlow op -> ONNX nodes, for what is neither convolution nor pool (those are in convolution.ts). */
import { sizeOf, type Value } from "../../onnx/graph";
import { f32, transposed } from "../../onnx/tensor";
import { activate, convolutions, fusedOps } from "./convolution";
import { attrFlag, attrInts, attrNumber, attrText } from "./modelJson";
import { storedAxis, storedOrder, TO_NCHW, TO_NHWC, type TfRule, type TfSite } from "./site";

/** Input `i` broadcast-ready against a value of `rank` axes: TensorFlow lines axes up from the last, which is the channel. */
function aligned(s: TfSite, i: number, rank: number): Value {
  const shape = s.shape(i);
  if (rank !== 4 || shape.length === 4 || shape.length === 0) return s.value(i);
  const full = [...Array.from({ length: 4 - shape.length }, () => 1), ...shape];
  const operand = s.operand(i);
  if ("constant" in operand) return s.hold(transposed({ ...operand.constant, shape: full }, TO_NCHW), operand.name);
  const nhwc = s.step(`input${i}`, "Reshape", [operand.value, s.b.ints(full)]);
  return s.step(`input${i}_nchw`, "Transpose", [nhwc], { perm: TO_NCHW });
}

const binary =
  (op: string): TfRule =>
  (s) => {
    const rank = Math.max(s.rank(0), s.rank(1));
    return s.last(op, [aligned(s, 0, rank), aligned(s, 1, rank)]);
  };

const unary =
  (op: string): TfRule =>
  (s) =>
    s.last(op, [s.value(0)]);

const activation: TfRule = (s) => activate(s, s.node.op, s.value(0));

const prelu: TfRule = (s) => activate(s, "Prelu", s.value(0), aligned(s, 1, s.rank(0)));

const square: TfRule = (s) => s.last("Mul", [s.value(0), s.value(0)]);

const reciprocalRoot: TfRule = (s) => s.last("Reciprocal", [s.step("sqrt", "Sqrt", [s.value(0)])]);

const reduce =
  (op: string): TfRule =>
  (s) => {
    const rank = s.rank(0);
    const listed = s.ints(1, "its axes").map((axis) => s.axis(0, axis));
    const axes = listed.map((axis) => storedAxis(axis, rank)).sort((a, b) => a - b);
    const keepdims = attrFlag(s.node, "keep_dims");
    if (keepdims || rank !== 4) return s.last(op, [s.value(0), s.b.ints(axes)], { keepdims: keepdims ? 1 : 0 });
    const inOrder = storedOrder([0, 1, 2, 3]).filter((axis) => !listed.includes(axis)); // what stays, as it is stored
    const sorted = [...inOrder].sort((a, b) => a - b);
    if (inOrder.join() === sorted.join()) return s.last(op, [s.value(0), s.b.ints(axes)], { keepdims: 0 });
    const reduced = s.step("reduced", op, [s.value(0), s.b.ints(axes)], { keepdims: 0 });
    return s.last("Transpose", [reduced], { perm: sorted.map((axis) => inOrder.indexOf(axis)) });
  };

/** To fixed rows and columns, which becomes a scale: so the model works at other picture sizes too. */
const resize =
  (mode: "linear" | "nearest"): TfRule =>
  (s) => {
    const [, height, width] = s.shape(0);
    const [rows, columns] = s.ints(1, "the size");
    const corners = attrFlag(s.node, "align_corners");
    const half = attrFlag(s.node, "half_pixel_centers");
    return s.last(
      "Resize",
      [s.value(0), null, s.hold(f32([1, 1, rows! / height!, columns! / width!]), `${s.node.name}~scales`)],
      {
        mode,
        coordinate_transformation_mode: corners ? "align_corners" : half ? "half_pixel" : "asymmetric",
        nearest_mode: corners || half ? "round_prefer_ceil" : "floor",
      },
    );
  };

const concat: TfRule = (s) => {
  const last = s.operands.length - 1;
  const axis = s.axis(0, s.ints(last, "its axis")[0]!);
  const parts = Array.from({ length: last }, (_, i) => s.value(i));
  return s.last("Concat", parts, { axis: storedAxis(axis, s.rank(0)) });
};

const reshape: TfRule = (s) => {
  const wanted = s.ints(1, "the shape");
  const size = sizeOf(s.shape(0));
  const known = sizeOf(wanted.filter((d) => d !== -1));
  const shape = wanted.map((d) => (d === -1 ? size / known : d));
  if (sizeOf(shape) !== size)
    s.fail(
      `[${s.shape(0)}] has ${size} elements, but the shape [${wanted}] takes ${sizeOf(shape)}. The file contradicts itself.`,
    );
  return s.reshaped(s.inTfOrder(0), shape);
};

const squeeze: TfRule = (s) => {
  const shape = s.shape(0);
  const axes = attrInts(s.node, "squeeze_dims").map((axis) => s.axis(0, axis));
  const dropped = axes.length ? axes : shape.flatMap((d, i) => (d === 1 ? [i] : []));
  const wide = dropped.find((axis) => shape[axis] !== 1);
  if (wide !== undefined) s.fail(`axis ${wide} of [${shape}] has ${shape[wide]} elements; only axes of 1 can be squeezed.`);
  return s.reshaped(
    s.inTfOrder(0),
    shape.filter((_, i) => !dropped.includes(i)),
  );
};

const expandDims: TfRule = (s) => {
  const shape = s.shape(0);
  const axis = s.ints(1, "the axis")[0]!;
  return s.reshaped(s.inTfOrder(0), shape.toSpliced(axis < 0 ? axis + shape.length + 1 : axis, 0, 1));
};

const transpose: TfRule = (s) => {
  const perm = s.ints(1, "the permutation");
  const stored = perm.length === 4 ? TO_NCHW.map((i) => storedAxis(perm[i]!, 4)) : perm;
  return s.last("Transpose", [s.value(0)], { perm: stored });
};

const softmax: TfRule = (s) => s.last("Softmax", [s.value(0)], { axis: s.rank(0) === 4 ? 1 : -1 });

const matMul: TfRule = (s) => {
  const { bias, activation: act } = fusedOps(s);
  const side = (i: number, flag: string): Value => {
    const turned = attrFlag(s.node, flag);
    const operand = s.operand(i);
    if (!turned) return s.value(i);
    if ("constant" in operand) return s.hold(transposed(operand.constant, [1, 0]), operand.name);
    return s.step(flag, "Transpose", [operand.value], { perm: [1, 0] });
  };
  if (s.rank(0) !== 2 || s.rank(1) !== 2)
    s.fail(`a product of [${s.shape(0)}] and [${s.shape(1)}]; only matrices are supported.`);
  const operands = [side(0, "transpose_a"), side(1, "transpose_b")];
  if (!bias && !act) return s.last("MatMul", operands);
  const product = s.step("matmul", "MatMul", operands);
  if (!act) return s.last("Add", [product, s.value(2)]);
  const sum = bias ? s.step("bias", "Add", [product, s.value(2)]) : product;
  return activate(s, act, sum, act === "Prelu" ? s.value(bias ? 3 : 2) : undefined);
};

const pad: TfRule = (s) => {
  const rank = s.rank(0);
  const pairs = s.ints(1, "the padding");
  if (pairs.length !== 2 * rank) s.fail(`${pairs.length} paddings for ${rank} axes. The file contradicts itself.`);
  const axes = storedOrder(Array.from({ length: rank }, (_, i) => i));
  const pads = [...axes.map((i) => pairs[2 * i]!), ...axes.map((i) => pairs[2 * i + 1]!)];
  if (s.node.op !== "MirrorPad") {
    const fill = s.node.op === "PadV2" ? s.ints(2, "the fill")[0]! : 0;
    return s.last("Pad", [s.value(0), s.b.ints(pads), s.b.scalar(fill)], { mode: "constant" });
  }
  const mode = attrText(s.node, "mode", "REFLECT");
  if (mode !== "REFLECT") s.fail(`mirroring mode ${mode} is not supported, only REFLECT. Cut the model before this node.`);
  return s.last("Pad", [s.value(0), s.b.ints(pads)], { mode: "reflect" });
};

const stridedSlice: TfRule = (s) => {
  const shape = s.shape(0);
  const mask = (name: string) => attrNumber(s.node, `${name}_mask`, 0);
  for (const name of ["ellipsis", "new_axis"])
    if (mask(name)) s.fail(`${name}_mask ${mask(name)} is not supported. Cut the model before this node.`);
  const [begin, end, steps] = [s.ints(1, "begin"), s.ints(2, "end"), s.ints(3, "strides")];
  const axes = begin.map((_, i) => i);
  const single = (i: number) => ((mask("shrink_axis") >> i) & 1) === 1;
  const starts = axes.map((i) => ((mask("begin") >> i) & 1 && !single(i) ? (steps[i]! < 0 ? 2 ** 31 - 1 : 0) : begin[i]!));
  const ends = axes.map((i) => {
    if (single(i)) return begin[i] === -1 ? 2 ** 31 - 1 : begin[i]! + 1;
    return (mask("end") >> i) & 1 ? (steps[i]! < 0 ? -(2 ** 31) : 2 ** 31 - 1) : end[i]!;
  });
  const inputs = [starts, ends, axes.map((i) => storedAxis(i, shape.length)), steps].map((list) => s.b.ints(list));
  const dropped = axes.filter(single);
  if (!dropped.length) return s.last("Slice", [s.value(0), ...inputs]);
  const sliced = s.step("slice", "Slice", [s.value(0), ...inputs]);
  const tf = shape.length === 4 ? TO_NHWC.map((i) => sliced.shape[i]!) : sliced.shape;
  const ordered = shape.length === 4 ? s.step("slice_nhwc", "Transpose", [sliced], { perm: TO_NHWC }) : sliced;
  return s.reshaped(
    ordered,
    tf.filter((_, i) => !dropped.includes(i)),
  );
};

/** Every TensorFlow op that is understood. */
export const tfRules: Readonly<Record<string, TfRule>> = {
  ...convolutions,
  ...Object.fromEntries(
    ["Relu", "Relu6", "Elu", "Selu", "LeakyRelu", "Sigmoid", "Tanh", "Softplus"].map((op) => [op, activation]),
  ),
  ...Object.fromEntries(["Abs", "Exp", "Log", "Neg", "Sqrt", "Identity", "Reciprocal"].map((op) => [op, unary(op)])),
  StopGradient: unary("Identity"),
  Prelu: prelu,
  Square: square,
  Rsqrt: reciprocalRoot,
  Add: binary("Add"),
  AddV2: binary("Add"),
  BiasAdd: binary("Add"),
  Sub: binary("Sub"),
  Mul: binary("Mul"),
  RealDiv: binary("Div"),
  Div: binary("Div"),
  Pow: binary("Pow"),
  Maximum: binary("Max"),
  Minimum: binary("Min"),
  Mean: reduce("ReduceMean"),
  Sum: reduce("ReduceSum"),
  Max: reduce("ReduceMax"),
  Min: reduce("ReduceMin"),
  ResizeBilinear: resize("linear"),
  ResizeNearestNeighbor: resize("nearest"),
  ConcatV2: concat,
  Reshape: reshape,
  Squeeze: squeeze,
  ExpandDims: expandDims,
  Transpose: transpose,
  Softmax: softmax,
  MatMul: matMul,
  _FusedMatMul: matMul,
  Pad: pad,
  PadV2: pad,
  MirrorPad: pad,
  StridedSlice: stridedSlice,
};
