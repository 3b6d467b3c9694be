/** Weight shards -> constants, in TensorFlow's own layout. float16 and uint8/uint16 (scale, min) become float32. */
import { asFloat32 } from "../../onnx/fold/quantised";
import { ModelFormatError, sizeOf, type DType, type Tensor } from "../../onnx/graph";
import { allocate, bytesPerElement, computed } from "../../onnx/tensor";
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
  const seen = new Set<string>();
  for (const group of groups) {
    const twice = group.paths.find((path) => seen.size === seen.add(path).size);
    if (twice !== undefined)
      throw new ModelFormatError(`${what}: the manifest names "${twice}" twice. The file contradicts itself; download it again.`);
    const parts = group.paths.map((path) => {
      const part = shards.get(path);
      if (!part) {
        const given = [...shards.keys()].map((name) => `"${name}"`).join(", ") || "no files";
        throw new ModelFormatError(
          `${what}: its weights lie in "${path}", but ${given} were given. Give that file beside model.json.`,
        );
      }
      return part;
    });
    const needed = group.weights.reduce((sum, w) => sum + byteLength(w, what), 0);
    const there = parts.reduce((sum, part) => sum + part.length, 0);
    if (needed !== there)
      throw new ModelFormatError(
        `${what}: the manifest takes ${needed} bytes from ${group.paths
          .map((p) => `"${p}"`)
          .join(" + ")
          .slice(0, 300)}, ` + `but there are ${there}. The file is cut short or belongs to another model; download it again.`,
      );
    let offset = 0;
    for (const weight of group.weights) {
      constants.set(weight.name, read(weight, what, parts, offset));
      offset += byteLength(weight, what);
    }
  }
  return constants;
}

/** Fills `bytes` from `offset` of the parts on, which follow one another: a weight may lie across two. */
function copyFrom(parts: readonly Uint8Array[], offset: number, bytes: Uint8Array): void {
  let start = 0;
  for (const part of parts) {
    const [from, to] = [Math.max(offset, start), Math.min(offset + bytes.length, start + part.length)];
    if (from < to) bytes.set(part.subarray(from - start, to - start), from - offset);
    start += part.length;
  }
}

function storedType({ name, dtype, quantization }: WeightSpec, what: string): DType {
  const type = quantization?.dtype ?? dtype;
  const found = Object.hasOwn(stored, type) ? stored[type] : undefined;
  if (!found)
    throw new ModelFormatError(
      `${what}: weight "${name}" is stored as ${type}, which is not supported. Convert the model with float weights.`,
    );
  return found;
}

/** Bytes that a weight takes in its shard. Throws ModelFormatError when its type is not known. */
export const byteLength = (weight: WeightSpec, what: string): number =>
  sizeOf(weight.shape) * bytesPerElement(storedType(weight, what));

/** A weight, `offset` bytes into the parts. A large one is copied and unpacked when it is first read. */
function read(weight: WeightSpec, what: string, parts: readonly Uint8Array[], offset: number): Tensor {
  const { shape } = weight;
  const dtype = storedType(weight, what);
  const packed = computed(dtype, shape, () => {
    const array = allocate(dtype, sizeOf(shape));
    copyFrom(parts, offset, new Uint8Array(array.buffer));
    return array;
  });
  const { scale, min = 0 } = weight.quantization ?? {};
  if (dtype === "float16") return asFloat32(packed);
  if (scale === undefined) return packed;
  const real = () => {
    const values = new Float32Array(sizeOf(shape));
    const codes = packed.data as Uint8Array;
    for (let i = 0; i < values.length; i++) values[i] = codes[i]! * scale + min;
    return values;
  };
  if (weight.dtype === "int32") return computed("int32", shape, () => Int32Array.from(real(), Math.round));
  return computed("float32", shape, real);
}
