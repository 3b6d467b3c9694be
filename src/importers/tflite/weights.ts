/**
 * A .tflite file's constants as values of the graph: permuted, and as real numbers.
 *
 * Large int8 and uint8 weights stay as they are behind a DequantizeLinear, float16 ones behind a Cast, so what is written later is
 * as small as the file was and loses nothing more; biases and small weights become float32.
 */
import type { GraphBuilder } from "../../onnx/builder";
import { DTYPE_CODE } from "../../onnx/dtype";
import { asFloat32, dequantised } from "../../onnx/fold/quantised";
import { ModelFormatError, type Tensor, type Value } from "../../onnx/graph";
import { f32, i64, transposed } from "../../onnx/tensor";
import type { Quantisation } from "./read";

export interface TfliteConstant {
  /** As stored, in TensorFlow's order of axes. */
  constant: Tensor;
  name: string;
  quantisation: Quantisation | null;
}

/** From this many elements on a quantised weight stays quantised. */
const SMALLEST = 1024;

/** The real numbers that a constant stands for, float32; integers without a scale are taken as they are. */
export function real({ constant, quantisation, name }: TfliteConstant): Tensor {
  if (constant.dtype.startsWith("float")) return asFloat32(constant);
  if (!quantisation) return f32(Float32Array.from(constant.data as ArrayLike<number | bigint>, Number), constant.shape);
  const { scale, zeroPoint, axis } = quantisation;
  const zero = zeroPoint.every((z) => z === 0) ? undefined : i64(zeroPoint);
  const made = dequantised(constant, f32(scale), zero, axis);
  if (!made)
    throw new ModelFormatError(
      `constant "${name}" [${constant.shape}] has ${scale.length} scales along axis ${axis}. The file contradicts itself.`,
    );
  return made;
}

/** A constant as a float32 value of the graph, its axes permuted by `perm`. */
export function hold(b: GraphBuilder, operand: TfliteConstant, perm: readonly number[]): Value {
  const { constant, quantisation, name } = operand;
  const turned = (tensor: Tensor) => (perm.every((p, i) => p === i) ? tensor : transposed(tensor, perm));
  if (constant.dtype === "float16") {
    const half = b.constant(turned(constant), `${name}~float16`);
    return b.node("Cast", [half], { to: DTYPE_CODE.float32 }, { name });
  }
  const { dtype, data } = constant;
  const small = data.length < SMALLEST || (dtype !== "int8" && dtype !== "uint8");
  if (!quantisation || small) return b.constant(turned(real(operand)), name);
  const { scale, zeroPoint, axis } = quantisation;
  const single = scale.length === 1;
  const shape = single ? [] : [scale.length];
  const Q = b.constant(turned(constant), `${name}~${dtype}`);
  const inputs = [Q, b.constant(f32(scale, shape), `${name}~scale`)];
  if (zeroPoint.some((z) => z !== 0)) {
    const zeros = dtype === "int8" ? Int8Array.from(zeroPoint) : Uint8Array.from(zeroPoint);
    inputs.push(b.constant({ dtype, shape, data: zeros }, `${name}~zero`));
  }
  return b.node("DequantizeLinear", inputs, single ? {} : { axis: perm.indexOf(axis) }, { name });
}
