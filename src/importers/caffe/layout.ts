/**
 * Layers that move numbers about: Concat, Slice, Split, Flatten, Reshape, Permute, Crop, Tile, ShuffleChannel, Interp, Upsample.
 *
 * Sizes that depend on the picture's are computed in the graph (Shape and arithmetic), so that it stays right at other sizes;
 * canonicalisation folds them.
 */
import { sizeOf, type Value } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import { NotSupported, type CaffeRule, type CaffeSite } from "./site";

/** `axis` if the file gives it, else the older name for it. */
function joinedAxis(p: { axis: number } | undefined, older: string, rank: number, s: CaffeSite): number {
  if (!p) return s.axis(1, rank);
  return s.axis(Object.hasOwn(p, older) && !Object.hasOwn(p, "axis") ? Number(Reflect.get(p, older)) : p.axis, rank);
}

const concat: CaffeRule = (s) => {
  const all = s.all();
  const axis = joinedAxis(s.layer.concatParam, "concatDim", all[0].shape.length, s);
  return all.length === 1 ? all[0] : s.last("Concat", all, { axis });
};

/** Parts along an axis: cut at slice_point, or all alike. */
const slice: CaffeRule = (s) => {
  const x = s.x();
  const axis = joinedAxis(s.layer.sliceParam, "sliceDim", x.shape.length, s);
  const size = x.shape[axis]!;
  const count = s.names.length;
  const points = s.layer.sliceParam?.slicePoint ?? [];
  const even = Array.from({ length: count - 1 }, (_, i) => ((i + 1) * size) / count);
  const cuts = [0, ...(points.length ? points : even), size];
  const parts = cuts.slice(1).map((to, i) => to - cuts[i]!);
  if (parts.length !== count || parts.some((part) => part < 1 || !Number.isInteger(part)))
    s.fail(`slice_point [${points}] does not cut ${size} into ${count} tops. The file contradicts itself.`);
  if (count === 1) return x;
  return s.b.nodeOutputs("Split", [x, s.b.ints(parts)], { axis }, { name: s.layer.name, outputNames: s.names });
};

/** Axes from..to become one. */
const flatten: CaffeRule = (s) => {
  const x = s.x();
  const rank = x.shape.length;
  const from = s.axis(s.layer.flattenParam?.axis ?? 1, rank);
  const to = s.axis(s.layer.flattenParam?.endAxis ?? -1, rank);
  if (to < from) s.fail(`it flattens axes ${from} to ${to}. The file contradicts itself.`);
  return s.last("Reshape", [x, s.b.ints([...x.shape.slice(0, from).fill(0), -1, ...x.shape.slice(to + 1)])]);
};

/** Axes from `axis` on, `num_axes` of them, get the sizes given: 0 keeps a size, -1 takes what is left. */
const reshape: CaffeRule = (s) => {
  const x = s.x();
  const rank = x.shape.length;
  const p = s.layer.reshapeParam;
  const dims = (p?.shape?.dim ?? []).map(Number);
  const axis = p?.axis ?? 0;
  const from = axis < 0 ? axis + rank + 1 : axis;
  const count = p?.numAxes ?? -1;
  const to = count === -1 ? rank : from + count;
  if (from < 0 || from > rank || to < from || to > rank || dims.some((d) => d < -1))
    s.fail(`axis ${axis}, num_axes ${count} and sizes [${dims}] for [${x.shape}]. The file contradicts itself.`);
  // the first axis is the batch: a file that writes its size out means it to stay
  const kept = dims.map((d, i) => (from === 0 && i === 0 && d === x.shape[0] ? 0 : d));
  return s.last("Reshape", [x, s.b.ints([...x.shape.slice(0, from).fill(0), ...kept, ...x.shape.slice(to)])]);
};

const permute: CaffeRule = (s) => {
  const x = s.x();
  const order = s.layer.permuteParam?.order ?? [];
  const perm = [...order, ...x.shape.map((_, i) => i).filter((i) => !order.includes(i))];
  if (new Set(perm).size !== x.shape.length || perm.length !== x.shape.length)
    s.fail(`[${order}] is no order of the ${x.shape.length} axes of its bottom. The file contradicts itself.`);
  return s.last("Transpose", [x], { perm });
};

/** The first bottom cut to the second's sizes from `axis` on, beginning at `offset`. */
const crop: CaffeRule = (s) => {
  const x = s.x(2);
  const like = s.bottoms[1]!;
  const rank = x.shape.length;
  const axis = s.axis(s.layer.cropParam?.axis ?? 2, rank);
  const given = s.layer.cropParam?.offset ?? [];
  const axes = x.shape.map((_, i) => i).slice(axis);
  const offset = given.length === axes.length ? given : axes.map(() => given[0] ?? 0);
  const wanted = like.shape.slice(axis);
  if (like.shape.length !== rank || (given.length > 1 && given.length !== axes.length) || wanted.some((d, i) => offset[i]! + d > x.shape[axis + i]!))
    s.fail(`[${x.shape}] cannot be cut to [${like.shape}] from axis ${axis} on at [${offset}]. The file contradicts itself.`); // prettier-ignore
  const sizes = s.step("sizes", "Shape", [like], { start: axis });
  const ends = s.step("ends", "Add", [sizes, s.b.ints(offset)]);
  const shape = [...x.shape.slice(0, axis), ...wanted];
  return s.last("Slice", [x, s.b.ints(offset), ends, s.b.ints(axes)], {}, [{ dtype: x.dtype, shape }]);
};

const tile: CaffeRule = (s) => {
  const x = s.x();
  const axis = s.axis(s.layer.tileParam?.axis ?? 1, x.shape.length);
  const tiles = s.layer.tileParam?.tiles ?? 0;
  if (tiles < 1) s.fail(`it has ${tiles} tiles. The file contradicts itself.`);
  return s.last("Tile", [x, s.b.ints(x.shape.map((_, i) => (i === axis ? tiles : 1)))]);
};

/** Channels g c + i become i groups + g: as if [groups, c] were read column by column. */
const shuffle: CaffeRule = (s) => {
  const x = s.x();
  const group = s.layer.shuffleChannelParam?.group ?? 1;
  const C = s.channels(x);
  if (group < 1 || C % group) s.fail(`${C} channels do not divide into ${group} groups. The file contradicts itself.`);
  const grouped = s.step("grouped", "Reshape", [x, s.b.ints([0, group, C / group, -1])]);
  const turned = s.step("turned", "Transpose", [grouped], { perm: [0, 2, 1, 3] });
  const sizes = s.step("sizes", "Shape", [x]);
  return s.last("Reshape", [turned, sizes], {}, [{ dtype: x.dtype, shape: x.shape }]);
};

/** DeepLab's bilinear resize, corners on corners. Padding is negative: rows cut off before. */
const interp: CaffeRule = (s) => {
  const p = s.layer.interpParam;
  const whole = s.x();
  if (whole.shape.length !== 4) s.fail(`its bottom is [${whole.shape}], but it needs four axes. The file contradicts itself.`);
  const { padBeg = 0, padEnd = 0, zoomFactor = 0, shrinkFactor = 0, height = 0, width = 0 } = p ?? {};
  const rows = whole.shape.slice(2).map((d) => d + padBeg + padEnd);
  if (padBeg > 0 || padEnd > 0 || rows.some((d) => d < 1))
    s.fail(`pads ${padBeg} and ${padEnd} of [${whole.shape}] must take away less than all of it. Caffe refuses it too.`);
  const END = 2 ** 31 - 1;
  const x =
    padBeg || padEnd
      ? s.step("cut", "Slice", [whole, s.b.ints([-padBeg, -padBeg]), s.b.ints([padEnd || END, padEnd || END]), s.b.ints([2, 3])])
      : whole;
  const steps: readonly (readonly [op: string, by: number])[] = [
    ...(shrinkFactor ? ([["Sub", 1], ["Div", shrinkFactor], ["Add", 1]] as const) : []),
    ...(zoomFactor ? ([["Sub", 1], ["Mul", zoomFactor], ["Add", 1]] as const) : []),
  ]; // prettier-ignore
  const fixed = !steps.length && height > 0 && width > 0;
  if ((!fixed && !steps.length) || steps.some(([, by]) => by < 1))
    s.fail(`its interp_param gives neither height and width nor a factor of 1 or more. The file contradicts itself.`);
  const apply: Readonly<Record<string, (d: number, by: number) => number>> = {
    Sub: (d, by) => d - by,
    Div: (d, by) => Math.floor(d / by),
    Mul: (d, by) => d * by,
    Add: (d, by) => d + by,
  };
  const out = fixed ? [height, width] : rows.map((d) => steps.reduce((size, [op, by]) => apply[op]!(size, by), d));
  const sides = fixed
    ? s.b.ints(out)
    : steps.reduce(
        (v: Value, [op, by], i) => s.step(`side${i}`, op, [v, s.b.ints([by, by])]),
        s.step("side", "Shape", [x], { start: 2 }),
      );
  const sizes = s.step("sizes", "Concat", [s.step("rest", "Shape", [x], { end: 2 }), sides], { axis: 0 });
  const shape = [...x.shape.slice(0, 2), ...out];
  if (sizeOf(shape) > 2 ** 31) s.fail(`its top would be [${shape}]. The file contradicts itself.`);
  const attrs = { mode: "linear", coordinate_transformation_mode: "align_corners" };
  return s.last("Resize", [x, null, null, sizes], attrs, [{ dtype: x.dtype, shape }]);
};

/** Every pixel `scale` times along both sides; the form with a pooling's mask is not supported. */
const upsample: CaffeRule = (s) => {
  if (s.bottoms.length !== 1) throw new NotSupported("unpooling");
  const scale = s.layer.upsampleParam?.scale ?? 2;
  const attrs = { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };
  return s.last("Resize", [s.x(), null, s.hold(f32([1, 1, scale, scale]), "scales")], attrs);
};

export const layouts: Readonly<Record<string, CaffeRule>> = {
  Concat: concat,
  Slice: slice,
  Split: (s) => s.names.map(() => s.x()),
  Flatten: flatten,
  Reshape: reshape,
  Permute: permute,
  Crop: crop,
  Tile: tile,
  ShuffleChannel: shuffle,
  Interp: interp,
  Upsample: upsample,
};
