/** VJPs of functions of two values with numpy broadcasting; the walk sums over what was broadcast. */
import type { Value } from "../../onnx/graph";
import type { RuleTable, VjpContext } from "../rule";

/** Max and Min: the first operand that equals Y takes the whole gradient, as with one winner in a pool. */
const extreme = ({ b, node, x, y: [Y], dy }: VjpContext): Value[] => {
  let rest = dy;
  return node.inputs.map((_, i) => {
    if (i === node.inputs.length - 1) return rest;
    const wins = b.equal(x[i]!, Y);
    const taken = b.where(wins, rest, 0);
    rest = b.where(wins, 0, rest);
    return taken;
  });
};

export const arithmetic = {
  Add: ({ dy }) => [dy, dy],
  Sub: ({ b, dy, needs }) => [dy, needs[1] ? b.neg(dy) : null],
  /** dA = dY B,   dB = dY A */
  Mul: ({ b, x: [A, B], dy, needs }) => [needs[0] ? b.mul(dy, B) : null, needs[1] ? b.mul(dy, A) : null],
  /** dA = dY / B,   dB = -dY Y / B */
  Div: ({ b, x: [, B], y: [Y], dy, needs }) => [needs[0] ? b.div(dy, B) : null, needs[1] ? b.neg(b.div(b.mul(dy, Y), B)) : null],
  /** Y = A - B trunc(A / B), floats only (fmod = 1).   dA = dY,   dB = dY (Y - A) / B, as the count of whole steps stays. */
  Mod: ({ b, x: [A, B], y: [Y], dy, needs }) => [needs[0] ? dy : null, needs[1] ? b.div(b.mul(dy, b.sub(Y, A)), B) : null],
  Max: extreme,
  Min: extreme,
  Where: ({ b, x: [condition], dy, needs }) => [
    null,
    needs[1] ? b.where(condition, dy, 0) : null,
    needs[2] ? b.where(condition, 0, dy) : null,
  ],
} satisfies RuleTable;
