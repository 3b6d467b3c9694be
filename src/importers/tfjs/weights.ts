/** Weight shards -> constants, in TensorFlow's own layout. float16 and uint8/uint16 (scale, min) become float32. */
import { asFloat32 } from "../../onnx/fold/quantised";
import { ModelFormatError, sizeOf, type DType, type Tensor } from "../../onnx/graph";
import { allocate, bytesPerElement } from "../../onnx/tensor";
import type { WeightGroup, WeightSpec } from "./modelJson";

const stored: Readonly<Record<string, DType | undefined>> = {
  float32: "float32",
  float16: "float16",
  int32: "int32",
  int64: "int64",
  uint8: "uint8",
  uint16: "uint16",
  int8: "int8",
  bool: "bool",
};

/**
 * The constants of a manifest. `shards` holds the bytes of each file by the path that the manifest gives it.
 * Throws ModelFormatError when a shard is missing, or when shards and manifest disagree on a length.
 */
export function readWeights(
  groups: readonly WeightGroup[],
  shards: ReadonlyMap<string, Uint8Array>,
  what = "model.json",
): Map<string, Tensor> {
  const constants = new Map<string, Tensor>();
  for (const group of groups) {
    const parts = group.paths.map((path) => {
      const part = shards.get(path);
      const there = [...shards.keys()].map((name) => `"${name}"`).join(", ") || "no files";
      if (!part)
        throw new ModelFormatError(
          `${what}: its weights lie in "${path}", but ${there} were given. Give that file beside model.json.`,
        );
      return part;
    });
    const bytes = joined(parts);
    const needed = group.weights.reduce((sum, w) => sum + byteLength(w, what), 0);
    if (needed !== bytes.length)
      throw new ModelFormatError(
        `${what}: the manifest takes ${needed} bytes from ${group.paths.map((p) => `"${p}"`).join(" + ")}, ` +
          `but there are ${bytes.length}. The file is cut short or belongs to another model; download it again.`,
      );
    let offset = 0;
    for (const weight of group.weights) {
      const length = byteLength(weight, what);
      constants.set(weight.name, decode(weight, bytes.subarray(offset, offset + length)));
      offset += length;
    }
  }
  return constants;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function storedType({ name, dtype, quantization }: WeightSpec, what: string): DType {
  const found = stored[quantization?.dtype ?? dtype];
  if (!found)
    throw new ModelFormatError(
      `${what}: weight "${name}" is stored as ${quantization?.dtype ?? dtype}, which is not supported. Convert the model with float weights.`,
    );
  return found;
}

/** Bytes that a weight takes in its shard. Throws ModelFormatError when its type is not known. */
export const byteLength = (weight: WeightSpec, what: string): number =>
  sizeOf(weight.shape) * bytesPerElement(storedType(weight, what));

function decode(weight: WeightSpec, bytes: Uint8Array): Tensor {
  const dtype = storedType(weight, "");
  const array = allocate(dtype, sizeOf(weight.shape));
  new Uint8Array(array.buffer).set(bytes);
  const tensor: Tensor = { dtype, shape: weight.shape, data: array };
  const { scale, min = 0 } = weight.quantization ?? {};
  if (dtype === "float16") return asFloat32(tensor);
  if (scale === undefined) return tensor;
  const data = Float32Array.from(array as Uint8Array, (q) => q * scale + min);
  if (weight.dtype === "int32") return { dtype: "int32", shape: weight.shape, data: Int32Array.from(data, Math.round) };
  return { dtype: "float32", shape: weight.shape, data };
}
