/** Element by element in double precision, with numpy broadcasting. */
import { sizeOf, type Node } from "../../src/onnx/graph";
import type { Kernel } from "./kernel";

/** erf to 1e-15: its series near zero, a continued fraction of erfc beyond. */
function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let [term, sum] = [x, x];
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 60; n >= 1; n--) fraction = n / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction));
}

const number = (node: Node, name: string): number => node.attrs[name] as number;

const unary =
  (f: (x: number, node: Node) => number): Kernel =>
  (node, [x]) =>
    Float64Array.from(x!.data, (v) => f(v, node));

/** f of up to three operands, each broadcast to the output's shape. */
const nary =
  (f: (a: number, b: number, c: number) => number): Kernel =>
  (_, inputs, shape) => {
    const operands = inputs.map((x) => x!);
    const strides = shape.map((_, i) => sizeOf(shape.slice(i + 1)));
    const steps = operands.map(({ shape: own }) =>
      shape.map((_, i) => {
        const axis = i - shape.length + own.length;
        return axis < 0 || own[axis] === 1 ? 0 : sizeOf(own.slice(axis + 1));
      }),
    );
    const at = (i: number, step: readonly number[]) =>
      strides.reduce((sum, stride, axis) => sum + (step[axis] ? (Math.floor(i / stride) % shape[axis]!) * step[axis] : 0), 0);
    const columns = operands.map(({ shape: own, data }, k) =>
      own.join() === shape.join() ? data : Float64Array.from({ length: sizeOf(shape) }, (_, i) => data[at(i, steps[k]!)]!),
    );
    const [a, b, c] = columns;
    const out = new Float64Array(sizeOf(shape));
    for (let i = 0; i < out.length; i++) out[i] = f(a![i]!, b?.[i] ?? 0, c?.[i] ?? 0);
    return out;
  };

const clamped = (x: number, low: number, high: number) => Math.min(Math.max(x, low), high);

export const elementwiseKernels = {
  Add: nary((a, b) => a + b),
  Sub: nary((a, b) => a - b),
  Mul: nary((a, b) => a * b),
  Div: nary((a, b) => a / b),
  Pow: nary((a, b) => a ** b),
  Max: nary((a, b) => Math.max(a, b)),
  Min: nary((a, b) => Math.min(a, b)),
  Where: nary((c, a, b) => (c ? a : b)),
  Clip: nary((x, low, high) => clamped(x, low, high)),
  PRelu: nary((x, slope) => (x > 0 ? x : x * slope)),
  Relu: unary((x) => Math.max(x, 0)),
  LeakyRelu: unary((x, node) => (x > 0 ? x : x * number(node, "alpha"))),
  Elu: unary((x, node) => (x > 0 ? x : number(node, "alpha") * Math.expm1(x))),
  Sigmoid: unary((x) => 1 / (1 + Math.exp(-x))),
  HardSigmoid: unary((x, node) => clamped(number(node, "alpha") * x + number(node, "beta"), 0, 1)),
  Tanh: unary(Math.tanh),
  Softplus: unary((x) => Math.log1p(Math.exp(x))),
  Erf: unary(erf),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Sqrt: unary(Math.sqrt),
  Reciprocal: unary((x) => 1 / x),
  Neg: unary((x) => -x),
  Abs: unary(Math.abs),
  Cast: unary((x) => x),
  Identity: unary((x) => x),
} satisfies Record<string, Kernel>;
