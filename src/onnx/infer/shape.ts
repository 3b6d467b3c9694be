/** Types of ops that move elements about without computing on them. */
import { sizeOf } from "../graph";
import { CONTRADICTION, show, type InferTable, type NodeView } from "./nodeView";

/** What Reshape makes of `shape`: 0 copies a size (unless allowzero), one -1 takes what is left. */
function reshape(v: NodeView, shape: readonly number[], wanted: readonly number[], allowZero: boolean): number[] {
  const out = wanted.map((size, i) =>
    size === 0 && !allowZero ? (shape[i] ?? v.fail(`copies axis ${i} of ${show(shape)}. ${CONTRADICTION}`)) : size,
  );
  const total = sizeOf(shape);
  const free = out.indexOf(-1);
  if (free >= 0) {
    const rest = sizeOf(out.filter((_, i) => i !== free));
    out[free] = rest === 0 ? 0 : total / rest;
  }
  if (sizeOf(out) !== total || out.some((size) => size < 0 || !Number.isInteger(size)))
    v.fail(`${show(shape)} has ${total} elements, which do not fill ${show(wanted)}. ${CONTRADICTION}`);
  return out;
}

/** Number of elements from `start` to before `end` by `step`, by ONNX's clamping. */
export function sliceRange(size: number, start: number, end: number, step: number): { start: number; count: number } {
  const clamp = (x: number, low: number, high: number) => Math.min(Math.max(x, low), high);
  const from = clamp(start < 0 ? start + size : start, 0, step > 0 ? size : size - 1);
  const to = clamp(end < 0 ? end + size : end, step > 0 ? 0 : -1, size);
  return { start: from, count: size === 0 ? 0 : Math.max(0, Math.ceil((to - from) / step)) };
}

/** Sizes of a Resize's output at opset 18. */
function resize(v: NodeView): number[] {
  const { shape } = v.input(0);
  const axes = (v.ints("axes") ?? shape.map((_, i) => i)).map((a) => v.axis(a, shape.length));
  const out = [...shape];
  const scales = v.optionalNumbers(2, "scales");
  const sizes = v.optionalInts(3, "sizes");
  if (sizes?.length) {
    if (sizes.length !== axes.length) v.fail(`${sizes.length} sizes for ${axes.length} axes. ${CONTRADICTION}`);
    const policy = v.text("keep_aspect_ratio_policy", "stretch");
    const ratios = axes.map((axis, i) => sizes[i]! / shape[axis]!);
    const ratio = policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
    axes.forEach((axis, i) => (out[axis] = policy === "stretch" ? sizes[i]! : Math.floor(ratio * shape[axis]! + 0.5)));
  } else if (scales?.length) {
    if (scales.length !== axes.length) v.fail(`${scales.length} scales for ${axes.length} axes. ${CONTRADICTION}`);
    axes.forEach((axis, i) => (out[axis] = Math.floor(shape[axis]! * scales[i]!)));
  } else v.fail(`has neither scales nor sizes. ${CONTRADICTION}`);
  return out;
}

export const shapes: InferTable = {
  Reshape: (v) => {
    const { dtype, shape } = v.input(0);
    return [{ dtype, shape: reshape(v, shape, v.intsInput(1, "sizes"), v.int("allowzero", 0) === 1) }];
  },
  Flatten: (v) => {
    const { dtype, shape } = v.input(0);
    const axis = v.int("axis", 1);
    const cut = axis < 0 ? axis + shape.length : axis;
    if (cut < 0 || cut > shape.length) v.fail(`axis ${axis}, but its input is ${show(shape)}. ${CONTRADICTION}`);
    return [{ dtype, shape: [sizeOf(shape.slice(0, cut)), sizeOf(shape.slice(cut))] }];
  },
  Squeeze: (v) => {
    const { dtype, shape } = v.input(0);
    const axes =
      v.optionalInts(1, "axes")?.map((a) => v.axis(a, shape.length)) ?? shape.flatMap((size, i) => (size === 1 ? [i] : []));
    const bad = axes.find((a) => shape[a] !== 1);
    if (bad !== undefined)
      v.fail(`axis ${bad} of ${show(shape)} has ${shape[bad]} elements, but only axes of 1 can be squeezed. ${CONTRADICTION}`);
    return [{ dtype, shape: shape.filter((_, i) => !axes.includes(i)) }];
  },
  Unsqueeze: (v) => {
    const { dtype, shape } = v.input(0);
    const axes = v.intsInput(1, "axes");
    const rank = shape.length + axes.length;
    const added = new Set(axes.map((a) => v.axis(a, rank)));
    if (added.size !== axes.length) v.fail(`axes ${show(axes)} name one axis twice. ${CONTRADICTION}`);
    const rest = [...shape];
    return [{ dtype, shape: Array.from({ length: rank }, (_, i) => (added.has(i) ? 1 : rest.shift()!)) }];
  },
  Transpose: (v) => {
    const { dtype, shape } = v.input(0);
    const perm = v.ints("perm") ?? shape.map((_, i) => shape.length - 1 - i);
    if (perm.length !== shape.length || new Set(perm).size !== perm.length || perm.some((p) => p < 0 || p >= perm.length))
      v.fail(`perm ${show(perm)} is no permutation of the axes of ${show(shape)}. ${CONTRADICTION}`);
    return [{ dtype, shape: perm.map((p) => shape[p]!) }];
  },
  Expand: (v) => {
    const { dtype, shape } = v.input(0);
    return [{ dtype, shape: v.broadcast(shape, v.intsInput(1, "sizes")) }];
  },
  Tile: (v) => {
    const { dtype, shape } = v.input(0);
    const repeats = v.intsInput(1, "repeats");
    if (repeats.length !== shape.length) v.fail(`${repeats.length} repeats for ${show(shape)}. ${CONTRADICTION}`);
    return [{ dtype, shape: shape.map((size, i) => size * repeats[i]!) }];
  },
  Concat: (v) => {
    const { dtype, shape } = v.input(0);
    const axis = v.axis(v.int("axis", 0), shape.length);
    let total = 0;
    v.inputs.forEach((_, i) => {
      const other = v.input(i);
      if (other.dtype !== dtype) v.fail(`input 0 is ${dtype}, but input ${i} is ${other.dtype}. ${CONTRADICTION}`);
      if (other.shape.length !== shape.length || other.shape.some((size, j) => j !== axis && size !== shape[j]))
        v.fail(
          `${show(shape)} and ${show(other.shape)} do not join along axis ${axis}: the other axes must agree. ${CONTRADICTION}`,
        );
      total += other.shape[axis]!;
    });
    return [{ dtype, shape: shape.map((size, i) => (i === axis ? total : size)) }];
  },
  Split: (v) => {
    const { dtype, shape } = v.input(0);
    const axis = v.axis(v.int("axis", 0), shape.length);
    const size = shape[axis]!;
    const parts = v.int("num_outputs", v.node.outputs.length);
    const chunk = Math.ceil(size / parts);
    const even = Array.from({ length: parts }, (_, i) => Math.max(0, Math.min(chunk, size - i * chunk)));
    const lengths = v.optionalInts(1, "lengths") ?? even;
    if (lengths.reduce((a, b) => a + b, 0) !== size) v.fail(`parts ${show(lengths)} of an axis of ${size}. ${CONTRADICTION}`);
    return lengths.map((length) => ({ dtype, shape: shape.map((s, i) => (i === axis ? length : s)) }));
  },
  Slice: (v) => {
    const { dtype, shape } = v.input(0);
    const starts = v.intsInput(1, "starts");
    const ends = v.intsInput(2, "ends");
    const axes = v.optionalInts(3, "axes") ?? starts.map((_, i) => i);
    const steps = v.optionalInts(4, "steps") ?? starts.map(() => 1);
    if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length || steps.includes(0))
      v.fail(
        `starts ${show(starts)}, ends ${show(ends)}, axes ${show(axes)}, steps ${show(steps)} do not fit together. ${CONTRADICTION}`,
      );
    const out = [...shape];
    axes.forEach((a, i) => {
      const axis = v.axis(a, shape.length);
      out[axis] = sliceRange(shape[axis]!, starts[i]!, ends[i]!, steps[i]!).count;
    });
    return [{ dtype, shape: out }];
  },
  Pad: (v) => {
    const { dtype, shape } = v.input(0);
    const pads = v.intsInput(1, "pads");
    const axes = (v.optionalInts(3, "axes") ?? shape.map((_, i) => i)).map((a) => v.axis(a, shape.length));
    if (pads.length !== 2 * axes.length)
      v.fail(`${pads.length} pads for ${axes.length} axes of ${show(shape)}. ${CONTRADICTION}`);
    const out = [...shape];
    axes.forEach((axis, i) => (out[axis] = shape[axis]! + pads[i]! + pads[i + axes.length]!));
    if (out.some((size) => size < 0)) v.fail(`pads ${show(pads)} cut away more than ${show(shape)} has. ${CONTRADICTION}`);
    return [{ dtype, shape: out }];
  },
  DepthToSpace: (v) => {
    const { dtype, shape } = v.rankAtLeast(0, 4);
    const k = v.int("blocksize", 1);
    const [n, c, h, w] = shape as [number, number, number, number];
    if (c % (k * k)) v.fail(`${c} channels do not divide into blocks of ${k} x ${k}. ${CONTRADICTION}`);
    return [{ dtype, shape: [n, c / (k * k), h * k, w * k] }];
  },
  SpaceToDepth: (v) => {
    const { dtype, shape } = v.rankAtLeast(0, 4);
    const k = v.int("blocksize", 1);
    const [n, c, h, w] = shape as [number, number, number, number];
    if (h % k || w % k) v.fail(`${h} x ${w} does not divide into blocks of ${k} x ${k}. ${CONTRADICTION}`);
    return [{ dtype, shape: [n, c * k * k, h / k, w / k] }];
  },
  Resize: (v) => [{ dtype: v.input(0).dtype, shape: resize(v) }],
  GridSample: (v) => {
    const X = v.rankAtLeast(0, 3);
    const grid = v.input(1).shape;
    const rank = X.shape.length - 2;
    if (grid.length !== rank + 2 || grid.at(-1) !== rank || grid[0] !== X.shape[0])
      v.fail(
        `a grid ${show(grid)} for an input ${show(X.shape)}; it must be [${X.shape[0]}, ...sizes, ${rank}]. ${CONTRADICTION}`,
      );
    return [{ dtype: X.dtype, shape: [X.shape[0]!, X.shape[1]!, ...grid.slice(1, -1)] }];
  },
  Trilu: (v) => [v.rankAtLeast(0, 2)],
  ReverseSequence: (v) => [v.input(0)],
};
