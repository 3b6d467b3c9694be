/**
 * VJPs of functions of one value, element by element: dX = dY * f'(X).
 * Masks come from Y where that saves keeping X, so that ORT can still fuse an activation into the Conv before it.
 */
import { constant, frozen, number, type RuleTable, type VjpRule } from "../rule";

/** Relu: Y = max(X, 0).   dX = dY where Y > 0. */
export const relu: VjpRule = ({ b, y: [Y], dy }) => [b.where(b.greater(Y, 0), dy, 0)];

/** Clip: Y = min(max(X, low), high).   dX = dY where nothing was clipped. */
export const clip: VjpRule = (c) => {
  frozen(c, 1, 2);
  const { b, x: [X], y: [Y], dy } = c; // prettier-ignore
  return [b.where(b.equal(X, Y), dy, 0)];
};

/** LeakyRelu: Y = X where X > 0, alpha X elsewhere. */
const leakyRelu: VjpRule = (c) => {
  const { b, x: [X], dy } = c; // prettier-ignore
  return [b.where(b.greater(X, 0), dy, b.mul(dy, number(c, "alpha", 0.01)))];
};

/** PRelu: Y = X where X > 0, slope X elsewhere; the slope broadcasts. */
const prelu: VjpRule = (c) => {
  frozen(c, 1);
  const { b, x: [X, slope], dy } = c; // prettier-ignore
  return [b.where(b.greater(X, 0), dy, b.mul(dy, slope))];
};

/** Elu: Y = X where X > 0, alpha (exp X - 1) elsewhere.   There dX = dY (Y + alpha). */
const elu: VjpRule = (c) => {
  const { b, x: [X], y: [Y], dy } = c; // prettier-ignore
  return [b.where(b.greater(X, 0), dy, b.mul(dy, b.add(Y, number(c, "alpha", 1))))];
};

/** HardSigmoid: Y = min(max(alpha X + beta, 0), 1).   dX = alpha dY where 0 < Y < 1. */
const hardSigmoid: VjpRule = (c) => {
  const { b, y: [Y], dy } = c; // prettier-ignore
  return [b.where(b.and(b.greater(Y, 0), b.less(Y, 1)), b.mul(dy, number(c, "alpha", 0.2)), 0)];
};

/** HardSwish: Y = X h(X), h = min(max(X / 6 + 1/2, 0), 1).   dX = dY (h + X / 6 where 0 < h < 1). */
const hardSwish: VjpRule = ({ b, x: [X], dy }) => {
  const h = b.node("HardSigmoid", [X], { alpha: 1 / 6, beta: 0.5 });
  const inside = b.and(b.greater(h, 0), b.less(h, 1));
  return [b.mul(dy, b.where(inside, b.add(b.mul(X, 1 / 3), 0.5), h))];
};

/** Gelu: Y = X Phi(X).   dX = dY (Phi(X) + X phi(X)); with approximate = "tanh", of that approximation. */
const gelu: VjpRule = ({ b, x: [X], dy, attrs }) => {
  if (attrs.approximate === "tanh") {
    const k = Math.sqrt(2 / Math.PI);
    const square = b.mul(X, X);
    const t = b.node("Tanh", [b.mul(b.mul(X, k), b.add(b.mul(square, 0.044715), 1))]);
    const slope = b.mul(b.sub(1, b.mul(t, t)), b.mul(b.mul(X, 0.5 * k), b.add(b.mul(square, 3 * 0.044715), 1)));
    return [b.mul(dy, b.add(b.mul(b.add(t, 1), 0.5), slope))];
  }
  const cdf = b.mul(b.add(b.node("Erf", [b.mul(X, Math.SQRT1_2)]), 1), 0.5);
  const density = b.mul(b.exp(b.mul(b.mul(X, X), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return [b.mul(dy, b.add(cdf, b.mul(X, density)))];
};

/** Pow: Y = X^p, p constant.   dX = p X^(p-1) dY; for p < 0 that is p dY Y / X, which spares a second power. */
const pow: VjpRule = (c) => {
  frozen(c, 1);
  const { b, x: [X, P], y: [Y], dy } = c; // prettier-ignore
  const exponents = constant(c, P, "exponent");
  const p = exponents[0]!;
  if (exponents.every((e) => e === 0)) return [null];
  if (exponents.some((e) => e !== p)) return [b.mul(dy, b.mul(P, b.node("Pow", [X, b.sub(P, 1)])))];
  return [p < 0 ? b.div(b.mul(b.mul(dy, p), Y), X) : b.mul(b.mul(dy, p), b.pow(X, p - 1))];
};

/** ThresholdedRelu: Y = X where X > alpha, 0 elsewhere. */
const thresholdedRelu: VjpRule = (c) => {
  const { b, x: [X], dy } = c; // prettier-ignore
  return [b.where(b.greater(X, number(c, "alpha", 1)), dy, 0)];
};

/** Shrink: Y = X - bias where X > lambd, X + bias where X < -lambd, 0 between.   dX = dY where |X| > lambd. */
const shrink: VjpRule = (c) => {
  const { b, x: [X], dy } = c; // prettier-ignore
  return [b.where(b.greater(b.abs(X), number(c, "lambd", 0.5)), dy, 0)];
};

export const activations = {
  Relu: relu,
  Clip: clip,
  LeakyRelu: leakyRelu,
  PRelu: prelu,
  Elu: elu,
  HardSigmoid: hardSigmoid,
  HardSwish: hardSwish,
  Gelu: gelu,
  ThresholdedRelu: thresholdedRelu,
  Shrink: shrink,
  Pow: pow,
  Identity: ({ dy }) => [dy],
  /** dX = dY Y (1 - Y) */
  Sigmoid: ({ b, y: [Y], dy }) => [b.mul(dy, b.mul(Y, b.sub(1, Y)))],
  /** dX = dY (1 - Y^2) */
  Tanh: ({ b, y: [Y], dy }) => [b.mul(dy, b.sub(1, b.mul(Y, Y)))],
  /** Y = log(1 + exp X).   dX = dY sigmoid(X) */
  Softplus: ({ b, x: [X], dy }) => [b.mul(dy, b.sigmoid(X))],
  /** dX = dY (2 / sqrt pi) exp(-X^2) */
  Erf: ({ b, x: [X], dy }) => [b.mul(dy, b.mul(b.exp(b.neg(b.mul(X, X))), 2 / Math.sqrt(Math.PI)))],
  Exp: ({ b, y: [Y], dy }) => [b.mul(dy, Y)],
  Log: ({ b, x: [X], dy }) => [b.div(dy, X)],
  Sin: ({ b, x: [X], dy }) => [b.mul(dy, b.node("Cos", [X]))],
  Cos: ({ b, x: [X], dy }) => [b.neg(b.mul(dy, b.node("Sin", [X])))],
  /** dX = dY / (2 Y) */
  Sqrt: ({ b, y: [Y], dy }) => [b.div(b.mul(dy, 0.5), Y)],
  /** dX = -dY Y^2 */
  Reciprocal: ({ b, y: [Y], dy }) => [b.neg(b.mul(dy, b.mul(Y, Y)))],
  /** dX = dY sign(X) */
  Abs: ({ b, x: [X], dy }) => [b.mul(dy, b.node("Sign", [X]))],
  Neg: ({ b, dy }) => [b.neg(dy)],
  /** Between float types only: whole numbers carry no gradient. */
  Cast: ({ b, x: [X], y: [Y], dy }) => [X.dtype.startsWith("float") && Y.dtype.startsWith("float") ? b.cast(dy, X.dtype) : null],
} satisfies RuleTable;
