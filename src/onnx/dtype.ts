/** The file format's numbers for data types (TensorProto.DataType), both ways. */
import type { DType, TypedArray } from "./graph";

export const DTYPE_CODE: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
};

export const DTYPES_BY_CODE: Readonly<Record<number, DType | undefined>> = Object.fromEntries(
  Object.entries(DTYPE_CODE).map(([dtype, code]) => [code, dtype as DType]),
);

/** A data type of the format that no typed array has: how it is read as one that some typed array has. */
interface Packed {
  dtype: DType;
  /** Of one element in the file. */
  bits: number;
  /** `length` elements from the file's little-endian bytes. */
  unpacked(bytes: Uint8Array, length: number): TypedArray;
}

/** A bfloat16 number is the upper half of a float32. */
function widened(bytes: Uint8Array, length: number): Float32Array {
  const bits = new Uint32Array(length);
  for (let i = 0; i < length; i++) bits[i] = ((bytes[2 * i]! | (bytes[2 * i + 1]! << 8)) << 16) >>> 0;
  return new Float32Array(bits.buffer);
}

/** Four-bit numbers, the lower half of each byte first. */
const nibbles =
  (signed: boolean) =>
  (bytes: Uint8Array, length: number): TypedArray => {
    const out = signed ? new Int8Array(length) : new Uint8Array(length);
    for (let i = 0; i < length; i++) {
      const four = (bytes[i >> 1]! >> (4 * (i & 1))) & 15;
      out[i] = signed && four > 7 ? four - 16 : four;
    }
    return out;
  };

/** TensorProto.DataType's BFLOAT16. */
export const BFLOAT16 = 16;

export const PACKED_BY_CODE: Readonly<Record<number, Packed | undefined>> = {
  [BFLOAT16]: { dtype: "float32", bits: 16, unpacked: widened },
  21: { dtype: "uint8", bits: 4, unpacked: nibbles(false) },
  22: { dtype: "int8", bits: 4, unpacked: nibbles(true) },
};
