/**
 * TensorProto -> Tensor: the weights of an ONNX file, as views of its bytes where those are aligned.
 *
 * What no typed array holds becomes something that one does: bfloat16 is read as float32, four-bit integers as eight-bit ones.
 */
import { bytesOf, type ExternalFiles } from "./external";
import { DTYPES_BY_CODE, PACKED_BY_CODE } from "./dtype";
import { ModelFormatError, sizeOf, type Tensor, type TypedArray } from "./graph";
import type { TensorProto } from "./proto/onnx_pb";
import { allocate, bytesPerElement, computed } from "./tensor";

const NO_FILES: ExternalFiles = new Map();

/**
 * A weight; `files` are those beside the model. Throws ModelFormatError when its parts contradict each other, before anything of a
 * declared size is allocated.
 */
export function readTensor(tensor: TensorProto, what: string, files: ExternalFiles = NO_FILES): Tensor {
  const where = `${what}: weight "${tensor.name}"`;
  const packed = PACKED_BY_CODE[tensor.dataType];
  const dtype = packed?.dtype ?? DTYPES_BY_CODE[tensor.dataType];
  if (!dtype || dtype === "string")
    throw new ModelFormatError(`${where} has data type code ${tensor.dataType}, which is not supported.`);
  const shape = tensor.dims.map(Number);
  const length = sizeOf(shape);
  if (shape.some((d) => d < 0) || !Number.isSafeInteger(length))
    throw new ModelFormatError(`${where} has the impossible shape [${shape}]. The file is damaged; download or export it again.`);
  const expected = packed ? Math.ceil((length * packed.bits) / 8) : length * bytesPerElement(dtype);
  const raw = bytesOf(tensor, expected, what, files);
  const disagree = (found: number, unit: string, wanted: number) =>
    new ModelFormatError(
      `${where} has shape [${shape}], which takes ${wanted} ${unit}, but ${found} are there. The file is damaged; download or export it again.`,
    );
  if (raw.length > 0 || length === 0) {
    if (raw.length !== expected) throw disagree(raw.length, "bytes", expected);
    if (packed) return computed(dtype, shape, () => packed.unpacked(raw, length));
    return { dtype, shape, data: view(dtype, raw) };
  }
  if (packed) {
    // the typed field holds a bfloat16, or a byte of two four-bit numbers, in each of its elements
    const width = packed.bits === 16 ? 2 : 1;
    if (tensor.int32Data.length * width !== expected) throw disagree(tensor.int32Data.length, "numbers", expected / width);
    const elements = width === 2 ? Uint16Array.from(tensor.int32Data) : Uint8Array.from(tensor.int32Data);
    return { dtype, shape, data: packed.unpacked(new Uint8Array(elements.buffer), length) };
  }
  const list: readonly (number | bigint)[] =
    dtype === "float32"
      ? tensor.floatData
      : dtype === "float64"
        ? tensor.doubleData
        : dtype === "int64"
          ? tensor.int64Data
          : dtype === "uint32" || dtype === "uint64"
            ? tensor.uint64Data
            : tensor.int32Data;
  if (list.length !== length) throw disagree(list.length, "numbers", length);
  const data = allocate(dtype, length);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) list.forEach((x, i) => (data[i] = BigInt(x)));
  else list.forEach((x, i) => (data[i] = Number(x)));
  return { dtype, shape, data };
}

/** The bytes as elements: a view where they are aligned, a copy where they are not. */
function view(dtype: Tensor["dtype"], bytes: Uint8Array): TypedArray {
  const array = allocate(dtype, 0).constructor as new (buffer: ArrayBufferLike, offset: number, length: number) => TypedArray;
  const width = bytesPerElement(dtype);
  const aligned = bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes);
  return new array(aligned.buffer, aligned.byteOffset, bytes.length / width);
}
