/** VJPs of sums, products of matrices, softmax and normalisations. */
import { OpError, type Value } from "../../onnx/graph";
import { transposed } from "../../onnx/tensor";
import { constant, frozen, number, type RuleTable, type VjpContext, type VjpRule } from "../rule";

/** Squares of anything smaller vanish in float32, so no other norm is this small; its reciprocal is far from overflow. */
const TINY = 1e-23;

/** Axes of a reduction, counted from the front; no list means all. */
function axesOf(c: VjpContext): number[] {
  const { node, x: [X, A] } = c; // prettier-ignore
  const axes = node.inputs[1] ? constant(c, A, "axes") : [];
  return axes.length ? axes.map((a) => (a < 0 ? a + X.shape.length : a)) : X.shape.map((_, i) => i);
}

/** A reduced value with its reduced dimensions back as ones, so that it broadcasts against X. */
function kept(c: VjpContext, value: Value): Value {
  const axes = new Set(axesOf(c));
  return c.b.reshape(
    value,
    c.x[0].shape.map((d, i) => (axes.has(i) ? 1 : d)),
  );
}

/** ReduceMax and ReduceMin: shared equally by all that attain it, a subgradient. */
const extremum: VjpRule = (c) => {
  const { b, x: [X], y: [Y], dy } = c; // prettier-ignore
  const wins = b.cast(b.equal(X, kept(c, Y)), "float32");
  return [b.mul(wins, b.div(kept(c, dy), b.reduceSum(wins, axesOf(c))))];
};

/**
 * ReduceProd: dX = dY times the product of the others, which Y / X is not where X = 0. With P the product of what is not zero:
 * P / X where nothing is zero; where exactly one X is, P at that one and 0 at the rest; 0 where more are.
 */
const product: VjpRule = (c) => {
  const { b, x: [X], dy } = c; // prettier-ignore
  const axes = axesOf(c);
  const isZero = b.equal(X, 0);
  const zeros = b.reduceSum(b.cast(isZero, "float32"), axes);
  const filled = b.where(isZero, 1, X);
  const P = b.node("ReduceProd", [filled, b.ints(axes)], { keepdims: 1 });
  const others = b.where(isZero, b.where(b.equal(zeros, 1), P, 0), b.where(b.equal(zeros, 0), b.div(P, filled), 0));
  return [b.mul(kept(c, dy), others)];
};

/** MatMul: Y = A B, batched.   dA = dY B',   dB = A' dY */
const matMul: VjpRule = (c) => {
  const { b, node, x: [A, B], dy, needs } = c; // prettier-ignore
  if (A.shape.length < 2 || B.shape.length < 2)
    throw new OpError(node, "vectors in a matrix product have no gradient rule; reshape them to matrices.");
  return [needs[0] ? b.matmul(dy, flipped(b, B)) : null, needs[1] ? b.matmul(flipped(b, A), dy) : null];
};

/** The last two dimensions swapped; done at build time for a constant. */
function flipped(b: VjpContext["b"], value: Value): Value {
  const rank = value.shape.length;
  const perm = [...value.shape.keys()].slice(0, -2).concat(rank - 1, rank - 2);
  const tensor = b.constantOf(value);
  return tensor ? b.constant(transposed(tensor, perm), `${value.name}.T`) : b.transpose(value, perm);
}

/** Softmax over one axis.   dX = Y (dY - sum(dY Y)) */
const softmax: VjpRule = (c) => {
  const { b, y: [Y], dy } = c; // prettier-ignore
  const axis = number(c, "axis", -1);
  const weighted = b.mul(dy, Y);
  return [b.sub(weighted, b.mul(Y, b.reduceSum(weighted, [axis < 0 ? axis + Y.shape.length : axis])))];
};

/** LogSoftmax over one axis.   dX = dY - softmax(X) sum(dY) */
const logSoftmax: VjpRule = (c) => {
  const { b, y: [Y], dy } = c; // prettier-ignore
  const axis = number(c, "axis", -1);
  return [b.sub(dy, b.mul(b.exp(Y), b.reduceSum(dy, [axis < 0 ? axis + Y.shape.length : axis])))];
};

/**
 * Normalisation over `axes`: Y = scale n + bias, n = (X - mean) / sqrt(variance + epsilon).
 *   g = dY scale,   dX = (g - mean(g) - n mean(g n)) / sqrt(variance + epsilon)
 */
function normalisation(c: VjpContext, axes: readonly number[], scale: Value): Value {
  const { b, x: [X], dy } = c; // prettier-ignore
  const centred = b.sub(X, b.reduceMean(X, axes));
  const deviation = b.sqrt(b.add(b.reduceMean(b.mul(centred, centred), axes), number(c, "epsilon", 1e-5)));
  const n = b.div(centred, deviation);
  const g = b.mul(dy, scale);
  const spread = b.mul(n, b.reduceMean(b.mul(g, n), axes));
  return b.div(b.sub(b.sub(g, b.reduceMean(g, axes)), spread), deviation);
}

/** LayerNormalization over axis .. last; scale [...normalised]. */
const layerNormalization: VjpRule = (c) => {
  frozen(c, 1, 2);
  const rank = c.x[0].shape.length;
  const first = number(c, "axis", -1);
  const axes = c.x[0].shape.flatMap((_, i) => (i >= (first < 0 ? first + rank : first) ? [i] : []));
  return [normalisation(c, axes, c.x[1])];
};

/** InstanceNormalization over space; scale [C]. */
const instanceNormalization: VjpRule = (c) => {
  frozen(c, 1, 2);
  const space = c.x[0].shape.slice(2);
  const scale = c.b.reshape(c.x[1], [c.x[1].shape[0]!, ...space.map(() => 1)]);
  return [normalisation(c, space.map((_, i) => i + 2), scale)]; // prettier-ignore
};

export const reductions = {
  ReduceSum: (c) => [c.b.expand(kept(c, c.dy), c.x[0].shape)],
  ReduceMean: (c) => {
    const count = axesOf(c).reduce((n, axis) => n * c.x[0].shape[axis]!, 1);
    return [c.b.expand(c.b.mul(kept(c, c.dy), 1 / count), c.x[0].shape)];
  },
  ReduceMax: extremum,
  ReduceMin: extremum,
  ReduceProd: product,
  /** Y = sum X^2.   dX = 2 X dY */
  ReduceSumSquare: (c) => [c.b.mul(c.x[0], c.b.mul(kept(c, c.dy), 2))],
  /** Y = sqrt(sum X^2).   dX = X dY / Y; where all of X is zero, zero: one of the subgradients, and no NaN. */
  ReduceL2: (c) => [c.b.mul(c.x[0], c.b.div(kept(c, c.dy), c.b.node("Max", [kept(c, c.y[0]), c.b.scalar(TINY)])))],
  MatMul: matMul,
  Softmax: softmax,
  LogSoftmax: logSoftmax,
  LayerNormalization: layerNormalization,
  InstanceNormalization: instanceNormalization,
} satisfies RuleTable;
