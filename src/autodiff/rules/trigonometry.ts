/** VJPs of circular and hyperbolic functions and their inverses, element by element: dX = dY * f'(X). */
import type { GraphBuilder } from "../../onnx/builder";
import type { Value } from "../../onnx/graph";
import type { RuleTable, VjpRule } from "../rule";

/** dX = dY / slope(X) for functions whose derivative is one over something simple. */
const over =
  (slope: (b: GraphBuilder, X: Value, square: Value) => Value): VjpRule =>
  ({ b, x: [X], dy }) => [b.div(dy, slope(b, X, b.mul(X, X)))];

export const trigonometry = {
  /** dX = dY (1 + Y^2) */
  Tan: ({ b, y: [Y], dy }) => [b.mul(dy, b.add(b.mul(Y, Y), 1))],
  Sinh: ({ b, x: [X], dy }) => [b.mul(dy, b.node("Cosh", [X]))],
  Cosh: ({ b, x: [X], dy }) => [b.mul(dy, b.node("Sinh", [X]))],
  /** dX = dY / sqrt(1 - X^2) */
  Asin: over((b, _, square) => b.sqrt(b.sub(1, square))),
  /** dX = -dY / sqrt(1 - X^2) */
  Acos: over((b, _, square) => b.neg(b.sqrt(b.sub(1, square)))),
  /** dX = dY / (1 + X^2) */
  Atan: over((b, _, square) => b.add(square, 1)),
  /** dX = dY / sqrt(X^2 + 1) */
  Asinh: over((b, _, square) => b.sqrt(b.add(square, 1))),
  /** dX = dY / sqrt(X^2 - 1) */
  Acosh: over((b, _, square) => b.sqrt(b.sub(square, 1))),
  /** dX = dY / (1 - X^2) */
  Atanh: over((b, _, square) => b.sub(1, square)),
} satisfies RuleTable;
