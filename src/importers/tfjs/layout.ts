/** TensorFlow op -> ONNX nodes, for what moves numbers about without computing: shapes, joins, cuts, pads. */
import { DTYPE_CODE } from "../../onnx/dtype";
import { sizeOf, type Tensor, type Value } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import { blocks } from "./blocks";
import { padsOf } from "./emit";
import { attrInts, attrNumber, attrText } from "./graphDef";
import { MAX_FILL, type TfRule, type TfSite } from "./site";

/** More outputs than this, split off one input, are a mistake or an attack. */
const MAX_PARTS = 4096;
const FAR = 2 ** 31 - 1;

const concat: TfRule = (s) => {
  const first = s.node.op === "Concat" ? 1 : 0;
  const count = s.operands.length - 1;
  const axis = s.axis(first, s.int(first ? 0 : count, "its axis"));
  const sites = Array.from({ length: count }, (_, i) => i + first);
  const varying = sites.find((i) => "value" in s.operand(i));
  const parts = sites.map((i) => (axis > 0 && varying !== undefined ? perPicture(s, i, s.value(varying)) : s.value(i)));
  return s.last("Concat", parts, { axis: s.storedAxis(axis, s.rank(first)) });
};

/** Input `i`; a constant for one picture, such as a transformer's class token, for each picture of `like`'s batch. */
function perPicture(s: TfSite, i: number, like: Value): Value {
  const x = s.value(i);
  if ("value" in s.operand(i) || x.shape[0] !== 1) return x;
  const { b } = s;
  const whole = b.node("Shape", [like], {}, { name: `${s.node.name}~shape` });
  const batch = s.step("batch", "Slice", [whole, b.ints([0]), b.ints([1]), b.ints([0])]);
  const rest = x.shape.slice(1);
  const shape = rest.length ? s.step(`shape${i}`, "Concat", [batch, b.ints(rest)], { axis: 0 }) : batch;
  return b.node("Expand", [x, shape], {}, { name: `${s.node.name}~input${i}`, types: [{ dtype: x.dtype, shape: x.shape }] });
}

const reshape: TfRule = (s) => {
  const wanted = s.ints(1, "the shape");
  const size = sizeOf(s.shape(0));
  const known = sizeOf(wanted.filter((d) => d !== -1));
  const shape = wanted.map((d) => (d === -1 ? size / known : d));
  if (sizeOf(shape) !== size)
    s.fail(
      `[${s.shape(0)}] has ${size} elements, but the shape [${wanted}] takes ${sizeOf(shape)}. The file contradicts itself.`,
    );
  return s.reshaped(s.inOwnOrder(s.value(0)), shape);
};

const squeeze: TfRule = (s) => {
  const shape = s.shape(0);
  const axes = attrInts(s.node, "squeeze_dims").map((axis) => s.axis(0, axis));
  const dropped = axes.length ? axes : shape.flatMap((d, i) => (d === 1 ? [i] : []));
  const wide = dropped.find((axis) => shape[axis] !== 1);
  if (wide !== undefined) s.fail(`axis ${wide} of [${shape}] has ${shape[wide]} elements; only axes of 1 can be squeezed.`);
  return s.reshaped(
    s.inOwnOrder(s.value(0)),
    shape.filter((_, i) => !dropped.includes(i)),
  );
};

const expandDims: TfRule = (s) => {
  const shape = s.shape(0);
  const axis = s.axisOf(s.int(1, "the axis"), shape.length + 1);
  return s.reshaped(s.inOwnOrder(s.value(0)), shape.toSpliced(axis, 0, 1));
};

const transpose: TfRule = (s) => {
  const perm = s.ints(1, "the permutation").map((axis) => s.axis(0, axis));
  if (perm.length !== s.rank(0) || new Set(perm).size !== perm.length)
    s.fail(`the permutation [${perm}] does not fit [${s.shape(0)}]. The file contradicts itself.`);
  const stored = s.storedOrder(perm).map((axis) => s.storedAxis(axis, perm.length));
  return s.last("Transpose", [s.value(0)], { perm: stored });
};

const pad: TfRule = (s) => {
  const rank = s.rank(0);
  const list = s.ints(1, "the padding");
  if (list.length !== 2 * rank) s.fail(`${list.length} paddings for ${rank} axes. The file contradicts itself.`);
  const pairs = s.shape(0).map((_, i): [number, number] => [list[2 * i]!, list[2 * i + 1]!]);
  const pads = padsOf(s, pairs);
  if (s.node.op !== "MirrorPad") {
    const fill = s.node.op === "PadV2" ? s.int(2, "the fill") : 0;
    return s.last("Pad", [s.value(0), pads, s.b.scalar(fill)], { mode: "constant" });
  }
  if (attrText(s.node, "mode", "REFLECT") === "REFLECT") return s.last("Pad", [s.value(0), pads], { mode: "reflect" });
  return mirrored(s, pairs);
};

/** SYMMETRIC repeats the border itself, which ONNX's Pad cannot: strips are cut, turned round and put beside it. */
function mirrored(s: TfSite, pairs: readonly (readonly [number, number])[]): Value {
  const shape = s.shape(0);
  const touched = pairs.flatMap(([begin, end], axis) => (begin || end ? [axis] : []));
  if (!touched.length) return s.last("Identity", [s.value(0)]);
  return touched.reduce((x, axis, k) => {
    const [begin, end] = pairs[axis]!;
    const size = shape[axis]!;
    if (Math.max(begin, end) > size || Math.min(begin, end) < 0)
      s.fail(`[${begin}, ${end}] rows or columns of ${size} cannot be mirrored. The file contradicts itself.`);
    const at = s.b.ints([s.storedAxis(axis, shape.length)]);
    const turned = (name: string, from: number, to: number) =>
      s.step(`${name}${axis}`, "Slice", [x, s.b.ints([from]), s.b.ints([to]), at, s.b.ints([-1])]);
    const parts = [...(begin ? [turned("before", begin - 1, -FAR)] : []), x, ...(end ? [turned("after", FAR, -end - 1)] : [])];
    const attrs = { axis: s.storedAxis(axis, shape.length) };
    return k === touched.length - 1 ? s.last("Concat", parts, attrs) : s.step(`mirrored${axis}`, "Concat", parts, attrs);
  }, s.value(0));
}

/** One entry of a StridedSlice for each axis of its input. */
interface Cut {
  start: number;
  end: number;
  step: number;
  /** One index only, and the axis is dropped. */
  single: boolean;
}

const stridedSlice: TfRule = (s) => {
  const shape = s.shape(0);
  const [begin, end, steps] = [s.ints(1, "begin"), s.ints(2, "end"), s.ints(3, "strides")];
  if (end.length !== begin.length || steps.length !== begin.length)
    s.fail(`begin [${begin}], end [${end}] and strides [${steps}] differ in length. The file contradicts itself.`);
  const bit = (name: string, i: number) => ((attrNumber(s.node, `${name}_mask`, 0) >> i) & 1) === 1;
  const spec = begin.map((_, i) => i);
  const free = shape.length - spec.filter((i) => !bit("new_axis", i) && !bit("ellipsis", i)).length;
  if (free < 0) s.fail(`begin [${begin}] has more entries than [${shape}] has axes. The file contradicts itself.`);
  const whole: Cut = { start: 0, end: FAR, step: 1, single: false };
  const cuts: Cut[] = [];
  const made: ("kept" | "new")[] = [];
  const take = (cut: Cut) => {
    cuts.push(cut);
    if (!cut.single) made.push("kept");
  };
  for (const i of spec) {
    const step = steps[i]!;
    if (bit("ellipsis", i)) for (let k = 0; k < free; k++) take(whole);
    else if (bit("new_axis", i)) made.push("new");
    else if (bit("shrink_axis", i)) take({ start: begin[i]!, end: begin[i] === -1 ? FAR : begin[i]! + 1, step: 1, single: true });
    else
      take({
        start: bit("begin", i) ? (step < 0 ? FAR : 0) : begin[i]!,
        end: bit("end", i) ? (step < 0 ? -FAR : FAR) : end[i]!,
        step,
        single: false,
      });
  }
  while (cuts.length < shape.length) take(whole);
  const axes = cuts.map((_, i) => s.storedAxis(i, shape.length));
  const touched = cuts.flatMap((cut, i) => (cut.start || cut.end !== FAR || cut.step !== 1 ? [i] : []));
  const list = (of: (i: number) => number) => s.b.ints(touched.map(of));
  const inputs = [list((i) => cuts[i]!.start), list((i) => cuts[i]!.end), list((i) => axes[i]!), list((i) => cuts[i]!.step)];
  const plain = cuts.every((cut) => !cut.single) && !made.includes("new");
  if (!touched.length && plain) return s.last("Identity", [s.value(0)]);
  if (plain) return s.last("Slice", [s.value(0), ...inputs]);
  const sliced = touched.length ? s.step("slice", "Slice", [s.value(0), ...inputs]) : s.value(0);
  const kept = s.ownOrder(sliced.shape).filter((_, i) => !cuts[i]!.single);
  return s.reshaped(
    s.inOwnOrder(sliced),
    made.map((what) => (what === "new" ? 1 : kept.shift()!)),
  );
};

const slice: TfRule = (s) => {
  const [begin, size] = [s.ints(1, "begin"), s.ints(2, "the size")];
  if (begin.length !== s.rank(0) || size.length !== begin.length)
    s.fail(`begin [${begin}] and size [${size}] do not fit [${s.shape(0)}]. The file contradicts itself.`);
  const ends = begin.map((start, i) => (size[i] === -1 ? FAR : start + size[i]!));
  return s.last("Slice", [s.value(0), s.b.ints(s.storedOrder(begin)), s.b.ints(s.storedOrder(ends))]);
};

/** Split (axis, x) and SplitV (x, sizes, axis). */
const split: TfRule = (s) => {
  const which = s.node.op === "SplitV" ? 0 : 1;
  const axis = s.axis(which, s.int(which ? 0 : 2, "its axis"));
  const whole = s.shape(which)[axis]!;
  const count = attrNumber(s.node, "num_split", 1);
  const equal = () =>
    Number.isInteger(count) && count > 0 && count <= MAX_PARTS && whole % count === 0
      ? Array.from({ length: count }, () => whole / count)
      : s.fail(`${whole} cannot be split into ${count} equal parts. The file contradicts itself.`);
  const given = which ? equal() : s.ints(1, "the sizes");
  const rest = whole - given.reduce((sum, n) => sum + Math.max(n, 0), 0);
  const sizes = given.map((n) => (n === -1 ? rest : n));
  const names = sizes.map((_, i) => s.outputName(i));
  const attrs = { axis: s.storedAxis(axis, s.rank(which)) };
  if (sizes.length === 1) return s.last("Identity", [s.value(which)]);
  return s.b.nodeOutputs("Split", [s.value(which), s.b.ints(sizes)], attrs, { name: s.node.name, outputNames: names });
};

const pack: TfRule = (s) => {
  const shape = s.shape(0);
  const axis = s.axisOf(attrNumber(s.node, "axis", 0), shape.length + 1);
  const full = shape.toSpliced(axis, 0, 1);
  const parts = s.operands.map((_, i) => s.at(`part${i}`).reshaped(s.inOwnOrder(s.value(i)), full));
  return s.last("Concat", parts, { axis: s.storedAxis(axis, full.length) });
};

const unpack: TfRule = (s) => {
  const shape = s.shape(0);
  const axis = s.axis(0, attrNumber(s.node, "axis", 0));
  const at = s.b.ints([s.storedAxis(axis, shape.length)]);
  const count = attrNumber(s.node, "num", shape[axis]!);
  if (count !== shape[axis] || count > MAX_PARTS)
    s.fail(`it makes ${count} outputs of [${shape}] along axis ${axis}. The file contradicts itself.`);
  return Array.from({ length: count }, (_, i) => {
    const part = s.step(`part${i}`, "Slice", [s.value(0), s.b.ints([i]), s.b.ints([i + 1]), at]);
    const site = s.output(i);
    return site.reshaped(site.inOwnOrder(part), shape.toSpliced(axis, 1));
  });
};

const gather: TfRule = (s) => {
  if (attrNumber(s.node, "batch_dims", 0))
    s.fail("gathers by picture (batch_dims), which is not supported. Cut the model before this node.");
  const rank = s.rank(0);
  const axis = s.axis(0, s.node.op === "GatherV2" ? s.int(2, "its axis") : 0);
  const indices = s.operand(1);
  const at = "constant" in indices ? s.hold(indices.constant, indices.name) : s.inOwnOrder(indices.value);
  if (at.shape.length === 1) return s.last("Gather", [s.value(0), at], { axis: s.storedAxis(axis, rank) });
  return s.lastInOwnOrder(rank - 1 + at.shape.length, "Gather", [s.inOwnOrder(s.value(0)), at], { axis });
};

const tile: TfRule = (s) => s.last("Tile", [s.value(0), s.b.ints(s.storedOrder(s.ints(1, "the repeats")))]);

const broadcastTo: TfRule = (s) => {
  const shape = s.ints(1, "the shape");
  const x = s.shape(0);
  const full = [...shape.slice(0, Math.max(0, shape.length - x.length)).map(() => 1), ...x];
  const value = full.length === x.length ? s.value(0) : s.at("ranked").reshaped(s.inOwnOrder(s.value(0)), full);
  return s.last("Expand", [value, s.b.ints(s.storedOrder(shape))]);
};

const reverse: TfRule = (s) => {
  const rank = s.rank(0);
  const axes = s.ints(1, "its axes").map((axis) => s.storedAxis(s.axis(0, axis), rank));
  const each = (n: number) => s.b.ints(axes.map(() => n));
  return axes.length
    ? s.last("Slice", [s.value(0), each(FAR), each(-FAR), s.b.ints(axes), each(-1)])
    : s.last("Identity", [s.value(0)]);
};

/** The shape as it is while importing; what is computed from it is settled then too. */
const shapeOf: TfRule = (s) => s.last("Cast", [s.b.ints(s.shape(0))], { to: DTYPE_CODE.int32 });

const fill: TfRule = (s) => {
  const shape = s.ints(0, "the shape");
  if (shape.some((d) => d < 0)) s.fail(`[${shape}] is no shape. The file contradicts itself.`);
  const filled = s.filled(s.int(1, "the value"), shape);
  const whole = s.constant(1, "the value").dtype === "int32";
  const tensor: Tensor = whole ? { dtype: "int32", shape, data: Int32Array.from(filled.data as Float32Array) } : filled;
  return s.hold(s.stored(tensor), s.node.name);
};

const range: TfRule = (s) => {
  const [start, limit, delta] = [s.int(0, "the start"), s.int(1, "the limit"), s.int(2, "the step")];
  const count = Math.max(0, Math.ceil((limit - start) / delta));
  if (!(count <= MAX_FILL)) s.fail(`from ${start} to ${limit} by ${delta} has no end. The file contradicts itself.`);
  const values = Array.from({ length: count }, (_, i) => start + i * delta);
  const float = s.constant(0, "the start").dtype === "float32";
  const tensor: Tensor = float ? f32(values) : { dtype: "int32", shape: [count], data: Int32Array.from(values) };
  return s.hold(tensor, s.node.name);
};

export const layout: Readonly<Record<string, TfRule>> = {
  Concat: concat,
  ConcatV2: concat,
  Reshape: reshape,
  Squeeze: squeeze,
  ExpandDims: expandDims,
  Transpose: transpose,
  Pad: pad,
  PadV2: pad,
  MirrorPad: pad,
  StridedSlice: stridedSlice,
  Slice: slice,
  Split: split,
  SplitV: split,
  Pack: pack,
  Unpack: unpack,
  Gather: gather,
  GatherV2: gather,
  Tile: tile,
  BroadcastTo: broadcastTo,
  ReverseV2: reverse,
  Shape: shapeOf,
  Fill: fill,
  Range: range,
  ...blocks,
};
