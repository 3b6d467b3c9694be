/** Ops that move elements: all parameters constant and explicit, and the many ways to reshape become Reshape. */
import { sizeOf, type Tensor, type Value } from "../graph";
import { inferNode } from "../infer";
import { sliceRange } from "../infer/shape";
import { DTYPES_BY_CODE } from "../dtype";
import { elements } from "../fold/arithmetic";
import { asFloat32 } from "../fold/quantised";
import { allocate, computed, i64, numbers } from "../tensor";
import type { CanonicalRule, CanonicalTable, Site } from "./site";

const sameShape = (a: readonly number[], b: readonly number[]) => a.length === b.length && a.every((d, i) => d === b[i]);

function reshapeTo(s: Site, x: Value, shape: readonly number[]): Value {
  if (sameShape(x.shape, shape)) return x;
  return s.last("Reshape", [x, s.b.ints(shape)], shape.includes(0) ? { allowzero: 1 } : {});
}

/** Reshape with its target worked out. A target frozen for another batch than the wanted one follows the batch. */
const reshape: CanonicalRule = (s) => {
  const x = s.input(0);
  const target = s.intsInput(1, "target shape");
  const { declared, wanted } = s.around.batch;
  const total = sizeOf(x.shape);
  if (
    declared &&
    wanted !== declared &&
    !target.includes(-1) &&
    target[0] === declared &&
    sizeOf(target) * wanted === total * declared
  )
    return [reshapeTo(s, x, [wanted, ...target.slice(1)])];
  if (declared && wanted !== declared && target[0] === declared && target.includes(-1) && x.shape[0] === wanted) {
    const rest = sizeOf(target.slice(1).filter((d) => d !== -1));
    if (!target.includes(0) && (total / wanted) % rest === 0)
      return [reshapeTo(s, x, [wanted, ...target.slice(1).map((d) => (d === -1 ? total / wanted / rest : d))])];
  }
  const allowzero = s.int("allowzero", 0);
  const shape = inferNode({ ...s.node, attrs: { allowzero } }, s.inputs, (i) => s.constant(i))[0]!.shape;
  return [reshapeTo(s, x, shape)];
};

/** Flatten, and Squeeze and Unsqueeze with their axes from attribute or input. */
const asReshape: CanonicalRule = (s) => {
  const x = s.input(0);
  const axes = s.ints("axes");
  const inputs = axes ? [x, { dtype: "int64" as const, shape: [axes.length] }] : s.inputs;
  const shape = inferNode(s.node, inputs, (i) => (axes && i === 1 ? i64(axes) : s.constant(i)))[0]!.shape;
  return [reshapeTo(s, x, shape)];
};

const transpose: CanonicalRule = (s) => {
  const x = s.input(0);
  const perm = s.ints("perm") ?? x.shape.map((_, i) => x.shape.length - 1 - i);
  if (perm.every((p, i) => p === i)) return [x];
  const before = s.around.transposes.get(x.name);
  if (before && perm.length === before.perm.length) {
    const both = perm.map((p) => before.perm[p]!);
    if (both.every((p, i) => p === i)) return [before.from];
  }
  const y = s.last("Transpose", [x], { perm });
  s.around.transposes.set(y.name, { from: x, perm });
  return [y];
};

const expand: CanonicalRule = (s) => {
  const x = s.input(0);
  const shape = s.broadcast(x.shape, s.intsInput(1, "target shape"));
  return [sameShape(x.shape, shape) ? x : s.last("Expand", [x, s.b.ints(shape)])];
};

const tile: CanonicalRule = (s) => {
  const repeats = s.intsInput(1, "repeats");
  return [repeats.every((r) => r === 1) ? s.input(0) : s.last("Tile", [s.input(0), s.b.ints(repeats)])];
};

const concat: CanonicalRule = (s) => {
  const parts = s.inputs.map((_, i) => s.input(i));
  const axis = s.axis(s.int("axis", 1), s.input(0).shape.length);
  return parts.length === 1 ? [parts[0]!] : [s.last("Concat", parts, { axis })];
};

/** Slice with bounds inside the axis: starts count from the front, an end of -size - 1 means "before the first". */
const slice: CanonicalRule = (s) => {
  const x = s.input(0);
  const rank = x.shape.length;
  const need = (name: string, i: number) =>
    s.intsFrom(name, i) ?? s.fail(`its ${name} are missing. The file contradicts itself; export it again.`);
  const starts = need("starts", 1);
  const ends = need("ends", 2);
  const axes = (s.intsFrom("axes", 3) ?? starts.map((_, i) => i)).map((a) => s.axis(a, rank));
  const steps = s.optionalInts(4, "steps") ?? starts.map(() => 1);
  if ([ends, axes, steps].some((list) => list.length !== starts.length) || steps.includes(0))
    s.fail(
      `starts [${starts.join()}], ends [${ends.join()}], axes [${axes.join()}], steps [${steps.join()}] do not fit together.`,
    );
  const kept = axes.flatMap((axis, i) => {
    const size = x.shape[axis]!;
    const step = steps[i]!;
    const { start, count } = sliceRange(size, starts[i]!, ends[i]!, step);
    if (count === size && step === 1) return [];
    const end = start + count * step;
    return [{ axis, start: count ? start : 0, end: count ? (end < 0 ? -size - 1 : Math.min(end, size)) : 0, step }];
  });
  if (!kept.length) return [x];
  const list = (pick: (k: (typeof kept)[number]) => number) => s.b.ints(kept.map(pick));
  return [s.last("Slice", [x, list((k) => k.start), list((k) => k.end), list((k) => k.axis), list((k) => k.step)])];
};

const split: CanonicalRule = (s) => {
  const x = s.input(0);
  const axis = s.axis(s.int("axis", 0), x.shape.length);
  const lengths = s.intsFrom("split", 1);
  const attrs = { axis, num_outputs: s.node.outputs.length };
  const inputs = lengths ? [x, { dtype: "int64" as const, shape: [lengths.length] }] : [x];
  const types = inferNode({ ...s.node, attrs }, inputs, () => (lengths ? i64(lengths) : undefined));
  let start = 0;
  return s.node.outputs.map((name, i) => {
    const from = start;
    start += types[i]!.shape[axis]!;
    if (!name) return null;
    return s.last("Slice", [x, s.b.ints([from]), s.b.ints([start]), s.b.ints([axis]), s.b.ints([1])], {}, i);
  });
};

/** Pad over all axes with its value given. A fill known only at run time is not supported. */
const pad: CanonicalRule = (s) => {
  const x = s.input(0);
  const rank = x.shape.length;
  const given = s.intsFrom("pads", 1) ?? s.fail("its pads are missing. The file contradicts itself; export it again.");
  const axes = (s.optionalInts(3, "axes") ?? x.shape.map((_, i) => i)).map((a) => s.axis(a, rank));
  if (given.length !== 2 * axes.length)
    s.fail(`${given.length} pads for ${axes.length} axes. The file contradicts itself; export it again.`);
  const pads = new Array<number>(2 * rank).fill(0);
  axes.forEach((axis, i) => {
    pads[axis] = given[i]!;
    pads[axis + rank] = given[i + axes.length]!;
  });
  if (pads.every((p) => p === 0)) return [x];
  const mode = s.text("mode", "constant");
  if (mode !== "constant") return [s.last("Pad", [x, s.b.ints(pads)], { mode })];
  const value = s.inputs[2]
    ? s.hold("fill", s.needConstant(2, "fill"))
    : x.dtype === "float32"
      ? s.b.scalar(s.float("value", 0))
      : null;
  return [s.last("Pad", [x, s.b.ints(pads), value], { mode })];
};

const shapeOf: CanonicalRule = (s) => {
  const { shape } = s.input(0);
  const end = s.node.attrs.end;
  return [constant(s, i64(shape.slice(s.int("start", 0), typeof end === "number" ? end : undefined)))];
};

const constant = (s: Site, tensor: Tensor): Value => s.b.constant(tensor, s.node.outputs[0]!, true);

/** SpaceToDepth whose output channels run over input channels first, as they may from opset 28 on. */
function channelsFirst(s: Site): Value {
  const x = s.rankAtLeast(0, 4);
  const k = s.int("blocksize", 1);
  const [n, c, h, w] = x.shape as [number, number, number, number];
  if (k < 1 || h % k || w % k)
    s.fail(`${h} x ${w} does not divide into blocks of ${k} x ${k}. The file contradicts itself; export it again.`);
  const apart = s.step("apart", "Reshape", [x, s.b.ints([n, c, h / k, k, w / k, k])]);
  const turned = s.step("turned", "Transpose", [apart], { perm: [0, 1, 3, 5, 2, 4] });
  return s.last("Reshape", [turned, s.b.ints([n, c * k * k, h / k, w / k])]);
}

const blocks: CanonicalRule = (s) => {
  if (s.node.op === "SpaceToDepth" && s.text("mode", "DCR") === "CRD") return [channelsFirst(s)];
  const attrs = { blocksize: s.int("blocksize", 1) };
  return [s.last(s.node.op, [s.input(0)], s.node.op === "DepthToSpace" ? { ...attrs, mode: s.text("mode", "DCR") } : attrs)];
};

/** The upper or lower triangle of the last two axes; zeros elsewhere. */
const triangle: CanonicalRule = (s) => {
  const x = s.rankAtLeast(0, 2);
  const [rows, columns] = x.shape.slice(-2) as [number, number];
  const k = s.intsFrom("k", 1)?.[0] ?? 0;
  const upper = s.int("upper", 1) === 1;
  const kept = () =>
    Uint8Array.from({ length: rows * columns }, (_, i) => {
      const right = (i % columns) - Math.floor(i / columns);
      return Number(upper ? right >= k : right <= k);
    });
  const mask = s.hold("triangle", computed("bool", [rows, columns], kept));
  const zero = s.hold("zero", { dtype: x.dtype, shape: [], data: allocate(x.dtype, 1) });
  return [s.last("Where", [mask, x, zero])];
};

/** Ones on a diagonal, in the shape of its input. */
const eye: CanonicalRule = (s) => {
  const x = s.input(0);
  const [rows, columns] = x.shape as [number, number];
  if (x.shape.length !== 2)
    s.fail(`its input is [${x.shape.join(", ")}], but must be a matrix. The file contradicts itself; export it again.`);
  const k = s.int("k", 0);
  const dtype = DTYPES_BY_CODE[s.int("dtype", 0)] ?? x.dtype;
  const ones = () =>
    Float32Array.from({ length: rows * columns }, (_, i) => Number((i % columns) - Math.floor(i / columns) === k));
  return [constant(s, asFloat32(computed(dtype, [rows, columns], () => elements(ones(), dtype))))];
};

/** Crops or pads each axis about its middle. */
const centre: CanonicalRule = (s) => {
  const x = s.input(0);
  const rank = x.shape.length;
  const target = s.intsInput(1, "shape");
  const axes = (s.ints("axes") ?? x.shape.map((_, i) => i)).map((a) => s.axis(a, rank));
  if (axes.length !== target.length)
    s.fail(`${target.length} sizes for ${axes.length} axes. The file contradicts itself; export it again.`);
  const pads = new Array<number>(2 * rank).fill(0);
  axes.forEach((axis, i) => {
    const more = target[i]! - x.shape[axis]!;
    pads[axis] = more >= 0 ? Math.floor(more / 2) : -Math.floor(-more / 2);
    pads[axis + rank] = more - pads[axis];
  });
  if (pads.every((p) => p === 0)) return [x];
  return [s.last("Pad", [x, s.b.ints(pads), x.dtype === "float32" ? s.b.scalar(0) : null], { mode: "constant" })];
};

/** What a known condition picks along an axis, or of all elements. */
const compress: CanonicalRule = (s) => {
  const condition = numbers(s.needConstant(1, "condition"));
  const x = s.input(0);
  const flat = typeof s.node.attrs.axis !== "number";
  const source = flat ? s.step("flat", "Reshape", [x, s.b.ints([sizeOf(x.shape)])]) : x;
  const axis = flat ? 0 : s.axis(s.int("axis", 0), x.shape.length);
  const picked = condition.flatMap((keep, i) => (keep && i < source.shape[axis]! ? [i] : []));
  return [s.last("Gather", [source, s.b.ints(picked)], { axis })];
};

export const layout: CanonicalTable = {
  Trilu: triangle,
  EyeLike: eye,
  CenterCropPad: centre,
  Compress: compress,
  Reshape: reshape,
  Flatten: asReshape,
  Squeeze: asReshape,
  Unsqueeze: asReshape,
  Transpose: transpose,
  Expand: expand,
  Tile: tile,
  Concat: concat,
  Slice: slice,
  Split: split,
  Pad: pad,
  Shape: shapeOf,
  Size: (s) => [constant(s, i64(sizeOf(s.input(0).shape)))],
  DepthToSpace: blocks,
  SpaceToDepth: blocks,
};
