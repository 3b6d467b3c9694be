/** Computing on constants element by element, with ONNX's broadcasting and integer rules. */
import { sizeOf, type DType, type Tensor, type TypedArray } from "../graph";
import { allocate, computed, numbers } from "../tensor";
import { broadcastStrides, walkStrided } from "./strided";

const integer = (dtype: DType): boolean => dtype.includes("int");
const INT64_MAX = 2n ** 63n - 1n;

/** A tensor of `dtype` from plain numbers: integers truncate, 64-bit ones saturate. */
export const fromNumbers = (values: ArrayLike<number>, dtype: DType, shape: readonly number[]): Tensor => ({
  dtype,
  shape,
  data: elements(values, dtype),
});

/** Plain numbers as elements of `dtype`; see fromNumbers. */
export function elements(values: ArrayLike<number>, dtype: DType): TypedArray {
  const data = allocate(dtype, values.length);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (let i = 0; i < values.length; i++) {
      const whole = Math.trunc(values[i]!) || 0; // no number is 0
      data[i] = whole >= 2 ** 63 ? INT64_MAX : whole <= -(2 ** 63) ? -INT64_MAX : BigInt(whole);
    }
  } else for (let i = 0; i < values.length; i++) data[i] = integer(dtype) ? Math.trunc(values[i]!) : values[i]!;
  return data;
}

/** The elements as numbers, without a copy where they are numbers already. */
export const plain = (x: Tensor): ArrayLike<number> =>
  x.dtype === "float16" || x.data instanceof BigInt64Array || x.data instanceof BigUint64Array
    ? numbers(x)
    : (x.data as ArrayLike<number>);

/** Round half to even, as ONNX's Round and QuantizeLinear do. */
export function roundEven(x: number): number {
  const nearest = Math.round(x);
  return Math.abs(x % 1) === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
}

export const unary: Readonly<Record<string, (x: number) => number>> = {
  Neg: (x) => -x,
  Abs: Math.abs,
  Floor: Math.floor,
  Ceil: Math.ceil,
  Round: roundEven,
  Sqrt: Math.sqrt,
  Exp: Math.exp,
  Log: Math.log,
  Reciprocal: (x) => 1 / x,
  Sign: Math.sign,
  Relu: (x) => Math.max(0, x),
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  Tanh: Math.tanh,
  Sin: Math.sin,
  Cos: Math.cos,
  Not: (x) => (x ? 0 : 1),
};

type Binary = (a: number, b: number, dtype: DType) => number;

export const binary: Readonly<Record<string, Binary>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b, dtype) => (integer(dtype) ? Math.trunc(a / b) : a / b),
  Pow: (a, b) => a ** b,
  Max: (a, b) => Math.max(a, b),
  Min: (a, b) => Math.min(a, b),
  And: (a, b) => (a && b ? 1 : 0),
  Or: (a, b) => (a || b ? 1 : 0),
  Xor: (a, b) => (!a !== !b ? 1 : 0),
};

export const predicate: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  Equal: (a, b) => a === b,
  Greater: (a, b) => a > b,
  GreaterOrEqual: (a, b) => a >= b,
  Less: (a, b) => a < b,
  LessOrEqual: (a, b) => a <= b,
};

/** Modulo with the divisor's sign, or with the dividend's under fmod = 1. */
export const modulo =
  (fmod: boolean) =>
  (a: number, b: number): number =>
    fmod ? a % b : a - Math.floor(a / b) * b;

/** f over all operands, broadcast to `shape`. */
export const zip = (
  f: (...xs: number[]) => number,
  operands: readonly Tensor[],
  dtype: DType,
  shape: readonly number[],
): Tensor => computed(dtype, shape, () => elements(zipped(f, operands, shape), dtype));

function zipped(f: (...xs: number[]) => number, operands: readonly Tensor[], shape: readonly number[]): Float64Array {
  const columns = operands.map((x) => {
    const list = plain(x);
    if (x.shape.join() === shape.join()) return list;
    const wide = new Float64Array(sizeOf(shape));
    walkStrided(shape, broadcastStrides(x.shape, shape), 0, (at, offset) => (wide[at] = list[offset]!));
    return wide;
  });
  const out = new Float64Array(sizeOf(shape));
  const [a, b] = columns as [ArrayLike<number>, ArrayLike<number> | undefined];
  if (columns.length === 1) for (let i = 0; i < out.length; i++) out[i] = f(a[i]!);
  else if (columns.length === 2) for (let i = 0; i < out.length; i++) out[i] = f(a[i]!, b![i]!);
  else for (let i = 0; i < out.length; i++) out[i] = f(...columns.map((c) => c[i]!));
  return out;
}

/** Reduces `axes` of x; `shape` is the result's. f folds, `finish` sees the fold and the count. */
export function reduced(
  x: Tensor,
  axes: ReadonlySet<number>,
  shape: readonly number[],
  f: (sum: number, value: number) => number,
  start: number,
  finish: (sum: number, count: number) => number = (sum) => sum,
): Tensor {
  const values = plain(x);
  const kept = x.shape.map((size, i) => (axes.has(i) ? 1 : size));
  const out = new Float64Array(sizeOf(kept)).fill(start);
  walkStrided(x.shape, broadcastStrides(kept, x.shape), 0, (at, to) => (out[to] = f(out[to]!, values[at]!)));
  const count = values.length / Math.max(1, out.length);
  return fromNumbers(
    out.map((sum) => finish(sum, count)),
    x.dtype,
    shape,
  );
}
