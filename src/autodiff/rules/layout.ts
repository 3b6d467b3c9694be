/** VJPs of ops that only move elements: the cotangent moves back. */
import { OpError, sizeOf, type Value } from "../../onnx/graph";
import { sliceRange } from "../../onnx/infer/shape";
import { adjointAlong, selection } from "../linear";
import { constant, list, number, type RuleTable, type VjpContext, type VjpRule } from "../rule";

const fromFront = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** Concat: each input gets its own stretch of dY back. */
const concat: VjpRule = (c) => {
  const { b, node, x, dy, needs } = c;
  const axis = fromFront(number(c, "axis"), dy.shape.length);
  let start = 0;
  return node.inputs.map((_, i) => {
    const end = start + x[i]!.shape[axis]!;
    const part = needs[i] ? b.slice(dy, [start], [end], [axis]) : null;
    start = end;
    return part;
  });
};

/** Slice: dY goes back to where it was cut from, zeros elsewhere; a step of s leaves s - 1 zeros between. */
const slice: VjpRule = (c) => {
  const { b, node, x, dy } = c;
  const [X, S, E, A, T] = x;
  const starts = constant(c, S, "starts");
  const ends = constant(c, E, "ends");
  const rank = X.shape.length;
  const axes = (node.inputs[3] ? constant(c, A, "axes") : starts.map((_, i) => i)).map((a) => fromFront(a, rank));
  const steps = node.inputs[4] ? constant(c, T, "steps") : starts.map(() => 1);
  let dx = dy;
  axes.forEach((axis, i) => {
    const size = X.shape[axis]!;
    const { start: first, count } = sliceRange(size, starts[i]!, ends[i]!, steps[i]!);
    const stride = Math.abs(steps[i]!);
    if (steps[i]! < 0) dx = b.slice(dx, [-1], [-(count + 1)], [axis], [-1]);
    const low = steps[i]! < 0 ? first - (count - 1) * stride : first;
    dx = spread(b, dx, axis, stride);
    dx = padAxis(b, dx, axis, low, size - low - count * stride);
  });
  return [dx];
};

/** Puts stride - 1 zeros after each element along `axis`. */
function spread(b: VjpContext["b"], value: Value, axis: number, stride: number): Value {
  if (stride === 1) return value;
  const before = sizeOf(value.shape.slice(0, axis));
  const after = sizeOf(value.shape.slice(axis + 1));
  const n = value.shape[axis]!;
  const padded = padAxis(b, b.reshape(value, [before, n, 1, after]), 2, 0, stride - 1);
  return b.reshape(padded, [...value.shape.slice(0, axis), n * stride, ...value.shape.slice(axis + 1)]);
}

function padAxis(b: VjpContext["b"], value: Value, axis: number, begin: number, end: number): Value {
  const at = (amount: number) => value.shape.map((_, i) => (i === axis ? amount : 0));
  return b.pad(value, [...at(begin), ...at(end)]);
}

/** Pad: constant borders carry no gradient, so dY is cropped; reflected or repeated ones add theirs to the pixels they copy. */
const pad: VjpRule = (c) => {
  const { b, node, x: [X, P, , A], dy, attrs } = c; // prettier-ignore
  const pads = constant(c, P, "pads");
  const rank = X.shape.length;
  const axes = node.inputs[3] ? constant(c, A, "axes").map((a) => fromFront(a, rank)) : X.shape.map((_, i) => i);
  const mode = attrs.mode ?? "constant";
  if (mode === "constant") {
    const all = [...X.shape.map(() => 0), ...X.shape.map(() => 0)];
    axes.forEach((axis, i) => {
      all[axis] = -pads[i]!;
      all[axis + rank] = -pads[i + axes.length]!;
    });
    return [b.pad(dy, all)];
  }
  let dx = dy;
  axes.forEach((axis, i) => {
    const n = X.shape[axis]!;
    const from = (o: number): number => {
      const at = o - pads[i]!;
      if (mode === "edge") return Math.min(Math.max(at, 0), n - 1);
      if (mode === "wrap") return ((at % n) + n) % n;
      if (mode !== "reflect") throw new OpError(node, `mode "${String(mode)}" has no gradient rule.`);
      const period = Math.max(1, 2 * (n - 1));
      const folded = ((at % period) + period) % period;
      return folded < n ? folded : period - folded;
    };
    dx = adjointAlong(b, dx, axis, selection(dy.shape[axis]!, n, from));
  });
  return [dx];
};

/** Tile: the copies' cotangents add up. */
const tile: VjpRule = ({ b, x: [X], dy }) => {
  let dx = dy;
  X.shape.forEach(
    (n, axis) =>
      (dx = adjointAlong(
        b,
        dx,
        axis,
        selection(dy.shape[axis]!, n, (o) => o % n),
      )),
  );
  return [dx];
};

const transpose: VjpRule = (c) => {
  const perm = list(c, "perm");
  return [c.b.transpose(c.dy, perm.map((_, i) => perm.indexOf(i)))]; // prettier-ignore
};

export const layout = {
  Concat: concat,
  Slice: slice,
  Pad: pad,
  Tile: tile,
  Transpose: transpose,
  Reshape: ({ b, x: [X], dy }) => [b.reshape(dy, X.shape)],
  /** The walk sums over what was repeated. */
  Expand: ({ dy }) => [dy],
} satisfies RuleTable;
