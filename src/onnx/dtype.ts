/** The file format's numbers for data types (TensorProto.DataType), both ways. */
import type { DType } from "./graph";

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
