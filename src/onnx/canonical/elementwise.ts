/** Element by element: variadic ops become chains of binary ones, optional attributes become explicit. */
import { DTYPE_CODE } from "../dtype";
import { sizeOf, type Attrs, type Value } from "../graph";
import { scalarOf, type CanonicalRule, type CanonicalTable, type Site } from "./site";

const LOWEST = -3.4028234663852886e38;

/** Passes its input on: the node is gone. */
const pass: CanonicalRule = (s) => [s.input(0)];

/** Keeps op and inputs; attributes with a default become explicit, others are dropped. */
const withDefaults =
  (defaults: Readonly<Record<string, number>>): CanonicalRule =>
  (s) => {
    const attrs: Attrs = Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, s.float(name, value)]));
    return [
      s.last(
        s.node.op,
        s.inputs.map((v) => v ?? null),
        attrs,
      ),
    ];
  };

const plain = withDefaults({});

/** op(a, b, c, ...) -> op(op(a, b), c) ... ; Sum is Add, Mean is Add and a product. */
const chain =
  (op: string): CanonicalRule =>
  (s) => {
    const operands = s.inputs.map((_, i) => s.input(i));
    if (operands.length === 1) return [operands[0]!];
    const mean = s.node.op === "Mean";
    let sum = s.input(0);
    operands.slice(1).forEach((x, i) => {
      const final = i === operands.length - 2 && !mean;
      sum = final ? s.last(op, [sum, x]) : s.step("partial", op, [sum, x]);
    });
    return [mean ? s.last("Mul", [sum, s.b.scalar(1 / operands.length)]) : sum];
  };

/** Clip with both bounds as constant inputs; bounds known only at run time become Max and Min. */
const clip: CanonicalRule = (s) => {
  const x = s.input(0);
  const bound = (name: string, i: number, fallback: number): Value | number => {
    if (typeof s.node.attrs[name] === "number") return s.float(name, fallback);
    const constant = s.constant(i);
    return constant ? scalarOf(constant) : (s.inputs[i] ?? fallback);
  };
  const low = bound("min", 1, LOWEST);
  const high = bound("max", 2, -LOWEST);
  if (low === LOWEST && high === -LOWEST) return [x];
  if (x.dtype !== "float32") return [s.last("Clip", [x, s.inputs[1] ?? null, s.inputs[2] ?? null])];
  const value = (v: Value | number) => (typeof v === "number" ? s.b.scalar(v) : v);
  if (typeof low === "number" && typeof high === "number") return [s.last("Clip", [x, value(low), value(high)])];
  return [s.last("Min", [s.step("raised", "Max", [x, value(low)]), value(high)])];
};

/** Cast between floating types is nothing: all of them are float32 here. */
const cast: CanonicalRule = (s) => {
  const code = s.node.op === "CastLike" ? DTYPE_CODE[s.input(1).dtype] : s.int("to", 0);
  const to = code === DTYPE_CODE.float16 || code === DTYPE_CODE.float64 ? DTYPE_CODE.float32 : code;
  const x = s.input(0);
  return [DTYPE_CODE[x.dtype] === to ? x : s.last("Cast", [x], { to })];
};

/** HardSwish(x) = x * HardSigmoid(x) with slope 1/6 and offset 1/2. */
const hardSwish: CanonicalRule = (s) => {
  const gate = s.step("gate", "HardSigmoid", [s.input(0)], { alpha: 1 / 6, beta: 0.5 });
  return [s.last("Mul", [s.input(0), gate])];
};

/** Gelu came with opset 20: x/2 * (1 + erf(x / sqrt 2)), or its tanh approximation. */
const gelu: CanonicalRule = (s) => {
  const x = s.input(0);
  const half = s.step("half", "Mul", [x, s.b.scalar(0.5)]);
  return [s.last("Mul", [half, s.step("one", "Add", [curve(s, x, s.text("approximate", "none")), s.b.scalar(1)])])];
};

/** erf(x / sqrt 2), or with `approximate` "tanh" what is close to it. */
export function curve(s: Site, x: Value, approximate: string): Value {
  if (approximate !== "tanh") return s.step("erf", "Erf", [s.step("scaled", "Mul", [x, s.b.scalar(Math.SQRT1_2)])]);
  const square = s.step("square", "Mul", [x, x]);
  const slope = s.step("slope", "Add", [s.step("cubic", "Mul", [square, s.b.scalar(0.044715)]), s.b.scalar(1)]);
  const inner = s.step("inner", "Mul", [s.step("x", "Mul", [x, s.b.scalar(Math.sqrt(2 / Math.PI))]), slope]);
  return s.step("tanh", "Tanh", [inner]);
}

/** x * sigmoid(alpha x), from opset 24. */
const swish: CanonicalRule = (s) => {
  const alpha = s.float("alpha", 1);
  const inner = alpha === 1 ? s.input(0) : s.step("scaled", "Mul", [s.input(0), s.b.scalar(alpha)]);
  return [s.last("Mul", [s.input(0), s.step("gate", "Sigmoid", [inner])])];
};

/** x * tanh(softplus(x)) */
const mish: CanonicalRule = (s) => [
  s.last("Mul", [s.input(0), s.step("gate", "Tanh", [s.step("soft", "Softplus", [s.input(0)])])]),
];

/** x / (1 + |x|) */
const softsign: CanonicalRule = (s) => [
  s.last("Div", [s.input(0), s.step("size", "Add", [s.step("abs", "Abs", [s.input(0)]), s.b.scalar(1)])]),
];

/** gamma * Elu(x) */
const selu: CanonicalRule = (s) => {
  const elu = s.step("elu", "Elu", [s.input(0)], { alpha: s.float("alpha", 1.6732632423543772) });
  return [s.last("Mul", [elu, s.b.scalar(s.float("gamma", 1.0507009873554805))])];
};

/** alpha * Elu(x / alpha), with Elu's own alpha 1 */
const celu: CanonicalRule = (s) => {
  const alpha = s.float("alpha", 1);
  const elu = s.step("elu", "Elu", [s.step("scaled", "Mul", [s.input(0), s.b.scalar(1 / alpha)])], { alpha: 1 });
  return [s.last("Mul", [elu, s.b.scalar(alpha)])];
};

const dropout: CanonicalRule = (s) => {
  const training = s.constant(2);
  if (training && scalarOf(training)) s.fail("is in training mode. Export the model for inference.");
  const mask = s.node.outputs[1];
  if (!mask) return [s.input(0)];
  const { shape } = s.input(0);
  const all = { dtype: "bool", shape, data: new Uint8Array(sizeOf(shape)).fill(1) } as const;
  return [s.input(0), s.b.constant(all, mask, true)];
};

/** The exponent of a float may have another type in the file; here it is a float too. */
const pow: CanonicalRule = (s) => {
  const [x, y] = [s.input(0), s.input(1)];
  return [s.last("Pow", [x, x.dtype === "float32" && y.dtype !== "float32" ? s.step("exponent", "Cast", [y], { to: 1 }) : y])];
};

/** Floats follow the divisor's sign from opset 28 on: x - floor(x / y) y. */
const mod: CanonicalRule = (s) => {
  const [x, y] = [s.input(0), s.input(1)];
  const fmod = s.int("fmod", 0);
  if (fmod || x.dtype !== "float32") return [s.last("Mod", [x, y], { fmod })];
  const whole = s.step("whole", "Floor", [s.step("ratio", "Div", [x, y])]);
  return [s.last("Sub", [x, s.step("multiple", "Mul", [whole, y])])];
};

const each = (ops: string, rule: CanonicalRule): CanonicalTable => Object.fromEntries(ops.split(/\s+/).map((op) => [op, rule]));

export const elementwise: CanonicalTable = {
  Identity: pass,
  Dropout: dropout,
  ...each(
    `Abs Acos Acosh Asin Asinh Atan Atanh Ceil Cos Cosh Erf Exp Floor Log Neg Not Reciprocal Relu Round Sigmoid Sign Sin Sinh
     Softplus Sqrt Tan Tanh IsNaN Add Sub Mul Div And Or Xor Equal Greater GreaterOrEqual Less LessOrEqual Where PRelu`,
    plain,
  ),
  IsInf: withDefaults({ detect_negative: 1, detect_positive: 1 }),
  Mod: mod,
  Pow: pow,
  LeakyRelu: withDefaults({ alpha: 0.01 }),
  Elu: withDefaults({ alpha: 1 }),
  Celu: celu,
  Mish: mish,
  Swish: swish,
  Softsign: softsign,
  ThresholdedRelu: withDefaults({ alpha: 1 }),
  HardSigmoid: withDefaults({ alpha: 0.2, beta: 0.5 }),
  Selu: selu,
  Shrink: withDefaults({ bias: 0, lambd: 0.5 }),
  Sum: chain("Add"),
  Mean: chain("Add"),
  Max: chain("Max"),
  Min: chain("Min"),
  Clip: clip,
  Cast: cast,
  CastLike: cast,
  HardSwish: hardSwish,
  Gelu: gelu,
};
