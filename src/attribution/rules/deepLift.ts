/**
 * DeepLIFT, rescale rule (Shrikumar et al. 2017), as multipliers: the batch holds pictures and, in its second half, their references, and
 * what comes back to a value is m with sum(m (X - reference)) = the score's difference.
 *
 *   one input     m = dY (Y - Y0) / (X - X0), and the gradient where X = X0
 *   Y = A B       A counts with the mean of B and B0, B with the mean of A and A0: their shares add up exactly
 *   max pool      the larger of both maxima bridges: what it exceeds Y0 by goes to X's winner, what it exceeds Y by to X0's
 *
 * What is linear keeps its gradient. So do softmax and norms, whose shares then do not add up: the completeness gap says by how much.
 */
import type { GraphBuilder } from "../../onnx/builder";
import type { Value } from "../../onnx/graph";
import type { RuleTable, VjpContext, VjpRule } from "../../autodiff/rule";
import { rules } from "../../autodiff/rules";
import { activations } from "../../autodiff/rules/activations";
import { arithmetic } from "../../autodiff/rules/arithmetic";
import { trigonometry } from "../../autodiff/rules/trigonometry";

/** Differences below this are rounding. */
const EPSILON = 1e-6;

/** The batch with its halves exchanged: beside every picture its reference, beside every reference its picture. */
function exchanged(b: GraphBuilder, value: Value): Value {
  const half = value.shape[0]! / 2;
  return b.concat([b.slice(value, [half], [2 * half], [0]), b.slice(value, [0], [half], [0])], 0);
}

/** The same for picture and reference, with the sign turned for the reference. */
const difference = (b: GraphBuilder, value: Value): Value => b.sub(value, exchanged(b, value));
const mean = (b: GraphBuilder, value: Value): Value => b.mul(b.add(value, exchanged(b, value)), 0.5);

/** numerator / (X - X0) where that is no rounding, else `otherwise`. */
function perDifference(b: GraphBuilder, numerator: Value, X: Value, otherwise: Value): Value {
  const dx = difference(b, X);
  const same = b.less(b.abs(dx), EPSILON);
  return b.where(same, otherwise, b.div(numerator, b.where(same, 1, dx)));
}

/** For functions of one value, element by element; constants beside it do not matter. */
const rescaled =
  (rule: VjpRule): VjpRule =>
  (c) => {
    const i = c.needs.indexOf(true);
    const { b, x, y: [Y], dy } = c; // prettier-ignore
    const slope = rule(c)[i];
    if (!slope || x[i]!.shape.join() !== Y.shape.join() || Y.shape[0]! % 2) return rule(c);
    return c.needs.map((_, k) => (k === i ? perDifference(b, b.mul(dy, difference(b, Y)), x[i]!, slope) : null));
  };

/** For functions of two values: where one is a constant, as for one. */
const orRescaled =
  (rule: VjpRule, both: (c: VjpContext) => readonly Value[]): VjpRule =>
  (c) =>
    c.needs.filter(Boolean).length > 1 ? both(c) : rescaled(rule)(c);

const functionsOfOne = Object.fromEntries(
  Object.entries({ ...activations, ...trigonometry })
    .filter(([op]) => !["Identity", "Neg", "Cast"].includes(op))
    .map(([op, rule]) => [op, rescaled(rule)]),
);

const maxPool: VjpRule = (c) => {
  const { b, x: [X], y: [Y], dy, attrs } = c; // prettier-ignore
  const other = exchanged(b, Y);
  const above = b.sub(b.node("Max", [Y, other]), other);
  const won = b.local("MaxPoolGrad", [X, Y, b.mul(dy, above)], attrs, X.shape);
  const slope = b.local("MaxPoolGrad", [X, Y, dy], attrs, X.shape);
  return [perDifference(b, difference(b, won), X, slope)];
};

export const deepLift: RuleTable = {
  ...rules,
  ...functionsOfOne,
  Mul: (c) => {
    const { b, x: [A, B], dy, needs } = c; // prettier-ignore
    if (!needs[0] || !needs[1]) return arithmetic.Mul(c);
    return [b.mul(dy, mean(b, B)), b.mul(dy, mean(b, A))];
  },
  Div: orRescaled(arithmetic.Div, ({ b, x: [A, B], dy }) => {
    const inverse = b.node("Reciprocal", [B]);
    const byB = b.neg(b.mul(mean(b, A), b.mul(inverse, exchanged(b, inverse))));
    return [b.mul(dy, mean(b, inverse)), b.mul(dy, byB)];
  }),
  Max: orRescaled(arithmetic.Max, arithmetic.Max),
  Min: orRescaled(arithmetic.Min, arithmetic.Min),
  MaxPool: maxPool,
};
