/** Making and reading constants: typed arrays by dtype, small helpers for shapes given as tensors. */
import { sizeOf, type DType, type Tensor, type TypedArray } from "./graph";

const arrays = {
  float32: Float32Array,
  float16: Uint16Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const;

/** A zeroed array of `length` elements of `dtype`. Throws TypeError for "string", which has no typed array. */
export function allocate(dtype: DType, length: number): TypedArray {
  if (dtype === "string") throw new TypeError("string tensors have no typed array");
  return new arrays[dtype](length);
}

/** Bytes of one element. */
export const bytesPerElement = (dtype: DType): number => (dtype === "string" ? 0 : arrays[dtype].BYTES_PER_ELEMENT);

/** From so many elements on, a constant that is made of others waits until it is read. */
const WAITS = 4096;

/**
 * A constant made of others by `make`. A large one is computed when its data are first read, and then kept, so that a layer that
 * nobody looks at, such as VGG's dense ones, costs neither time nor memory.
 */
export function computed(dtype: DType, shape: readonly number[], make: () => TypedArray): Tensor {
  if (sizeOf(shape) < WAITS) return { dtype, shape, data: make() };
  let data: TypedArray | undefined;
  let waiting: (() => TypedArray) | undefined = make;
  return {
    dtype,
    shape,
    get data() {
      if (waiting) data = waiting();
      waiting = undefined; // what it was made of may go
      return data!;
    },
  };
}

/** A float32 constant. `values` may be one number, which fills the shape. */
export function f32(values: ArrayLike<number> | number, shape?: readonly number[]): Tensor {
  if (typeof values === "number") {
    const filled = shape ?? [];
    return { dtype: "float32", shape: filled, data: new Float32Array(sizeOf(filled)).fill(values) };
  }
  const data = values instanceof Float32Array ? values : Float32Array.from(values);
  return { dtype: "float32", shape: shape ?? [data.length], data };
}

/** An int64 constant, one-dimensional unless a shape is given: ONNX's form for shapes, axes and indices. */
export function i64(values: readonly number[] | number, shape?: readonly number[]): Tensor {
  const list = typeof values === "number" ? [values] : values;
  return {
    dtype: "int64",
    shape: shape ?? (typeof values === "number" ? [] : [list.length]),
    data: BigInt64Array.from(list, BigInt),
  };
}

/** The elements as plain numbers; int64 beyond 2^53 loses precision, float16 is decoded. */
export function numbers(tensor: Tensor): number[] {
  if (tensor.dtype === "float16") return Array.from(tensor.data as Uint16Array, halfToFloat);
  return Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}

/** One IEEE 754 binary16 value from its bits. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const [f32View, u32View] = (() => {
  const buffer = new ArrayBuffer(4);
  return [new Float32Array(buffer), new Uint32Array(buffer)] as const;
})();

/** The bits of the binary16 number nearest to x, ties to even; beyond 65520 it is infinite. */
export function floatToHalf(x: number): number {
  f32View[0] = x;
  const bits = u32View[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // below 2^-14 a half counts in steps of 2^-24
    const scaled = Math.abs(f32View[0]!) * 2 ** 24;
    const floor = Math.floor(scaled);
    const rest = scaled - floor;
    return sign | (floor + (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? 1 : 0));
  }
  const rounded = magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1);
  return sign | (rounded >>> 13);
}

/** A constant with its dimensions permuted: output dimension i is input dimension perm[i]. Shares its data where none moves. */
export function transposed(tensor: Tensor, perm: readonly number[]): Tensor {
  const shape = perm.map((p) => tensor.shape[p]!);
  const wide = perm.filter((p) => tensor.shape[p] !== 1);
  if (wide.every((p, i) => i === 0 || p > wide[i - 1]!)) return computed(tensor.dtype, shape, () => tensor.data);
  return computed(tensor.dtype, shape, () => {
    const steps = perm.map((p) => sizeOf(tensor.shape.slice(p + 1)));
    const data = allocate(tensor.dtype, sizeOf(shape));
    const source = tensor.data;
    const index = shape.map(() => 0);
    for (let i = 0, from = 0; i < data.length; i++) {
      data[i] = source[from]!;
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        from += steps[axis]!;
        if (++index[axis]! < shape[axis]!) break;
        from -= steps[axis]! * shape[axis]!;
        index[axis] = 0;
      }
    }
    return data;
  });
}
