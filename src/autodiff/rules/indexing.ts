/**
 * VJPs of ops that pick and place by index. Picking and placing are each other's adjoint, so most of these are one node, and the
 * indices may be computed at run time: what was read twice gets both cotangents, by adding where they are placed.
 */
import type { GraphBuilder } from "../../onnx/builder";
import { OpError, sizeOf, type Value } from "../../onnx/graph";
import { i64 } from "../../onnx/tensor";
import { adjointAlong, selection } from "../linear";
import { number, type RuleTable, type VjpContext, type VjpRule } from "../rule";

/** A dense selection matrix of more entries than this costs more than scattering. */
const LARGEST_MATRIX = 2 ** 20;

const zerosLike = (b: GraphBuilder, value: Value): Value => b.expand(b.scalar(0), value.shape);
const fromFront = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** values [...] added into zeros of `like`'s shape, at `indices` along `axis`. */
const scatteredAlong = (b: GraphBuilder, like: Value, indices: Value, values: Value, axis: number): Value =>
  b.node("ScatterElements", [zerosLike(b, like), indices, values], { axis, reduction: "add" });

/**
 * Gather: Y = X with `axis` replaced by the indices' own axes; rows of dY go back to the places they were read from, repeats add up.
 * With few constant indices that is a product with a one-hot matrix, which every backend does fast and in one order.
 */
const gather: VjpRule = (c) => {
  const { b, x: [X, I], dy } = c; // prettier-ignore
  const axis = fromFront(number(c, "axis", 0), X.shape.length);
  const n = X.shape[axis]!;
  const count = sizeOf(I.shape);
  const [before, after] = [X.shape.slice(0, axis), X.shape.slice(axis + 1)];
  const rows = b.reshape(dy, [...before, count, ...after]);
  const known = b.constantOf(I);
  if (known && count * n <= LARGEST_MATRIX) {
    const indices = Array.from(known.data as ArrayLike<number | bigint>, (i) => fromFront(Number(i), n));
    return [adjointAlong(b, rows, axis, selection(count, n, (o) => indices[o]!))]; // prettier-ignore
  }
  const column = b.reshape(I, [...before.map(() => 1), count, ...after.map(() => 1)]);
  return [scatteredAlong(b, X, b.expand(column, rows.shape), rows, axis)];
};

/** GatherElements: Y[.. i ..] = X[.. I[.. i ..] ..].   dX = dY added into zeros at I. */
const gatherElements: VjpRule = (c) => {
  const { b, x: [X, I], dy } = c; // prettier-ignore
  return [scatteredAlong(b, X, I, dy, fromFront(number(c, "axis", 0), X.shape.length))];
};

/**
 * GatherND: Y[batch, i] = X[batch, I[batch, i]].   dX = dY added into zeros at I.
 * ScatterND knows no batch axes, so their own positions are put before the indices.
 */
const gatherND: VjpRule = (c) => {
  const { b, x: [X, I], dy } = c; // prettier-ignore
  const batch = number(c, "batch_dims", 0);
  const rows = I.shape.slice(0, -1);
  const positions = Array.from({ length: batch }, (_, axis) => {
    const stride = sizeOf(rows.slice(axis + 1));
    const along = Array.from({ length: sizeOf(rows) }, (_, i) => Math.floor(i / stride) % rows[axis]!);
    return b.constant(i64(along, [...rows, 1]), "batch_position");
  });
  const indices = b.concat([...positions, I], rows.length);
  return [b.node("ScatterND", [zerosLike(b, X), indices, dy], { reduction: "add" })];
};

/** How updates meet data: "none" replaces, "add" adds. Products and extrema of them have no rule. */
function reductionOf({ node, attrs }: VjpContext): "none" | "add" {
  const reduction = attrs.reduction ?? "none";
  if (reduction === "none" || reduction === "add") return reduction;
  throw new OpError(node, `reduction "${String(reduction)}" has no gradient rule; none and add have.`);
}

/**
 * ScatterElements: Y = X, at I replaced by U, or with U added.
 *   dU = dY read at I;   dX = dY, with zeros at I where X was replaced. Replacing twice at one place is undefined in ONNX.
 */
const scatterElements: VjpRule = (c) => {
  const { b, x: [X, I, U], dy, needs } = c; // prettier-ignore
  const axis = fromFront(number(c, "axis", 0), X.shape.length);
  const replaced = () => b.node("ScatterElements", [dy, I, zerosLike(b, U)], { axis, reduction: "none" });
  const dX = reductionOf(c) === "add" ? () => dy : replaced;
  return [needs[0] ? dX() : null, null, needs[2] ? b.node("GatherElements", [dy, I], { axis }) : null];
};

/** ScatterND: as ScatterElements, whole slices at a time. */
const scatterND: VjpRule = (c) => {
  const { b, x: [, I, U], dy, needs } = c; // prettier-ignore
  const replaced = () => b.node("ScatterND", [dy, I, zerosLike(b, U)], { reduction: "none" });
  const dX = reductionOf(c) === "add" ? () => dy : replaced;
  return [needs[0] ? dX() : null, null, needs[2] ? b.node("GatherND", [dy, I], { batch_dims: 0 }) : null];
};

/** TopK: the values' cotangents go back to where the values stood, which its second output says. */
const topK: VjpRule = (c) => {
  const { b, x: [X], y: [, I], dy } = c; // prettier-ignore
  return [scatteredAlong(b, X, I, dy, fromFront(number(c, "axis", -1), X.shape.length))];
};

/** CumSum: its adjoint sums from the other end. */
const cumSum: VjpRule = (c) => {
  const { b, x: [, A], dy, attrs } = c; // prettier-ignore
  return [b.node("CumSum", [dy, A], { ...attrs, reverse: 1 - number(c, "reverse", 0) })];
};

export const indexing = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  ScatterElements: scatterElements,
  ScatterND: scatterND,
  TopK: topK,
  CumSum: cumSum,
} satisfies RuleTable;
