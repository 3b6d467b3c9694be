/** Quantised and half-precision constants as float32: what turns a small file's weights into what Conv wants. */
import { sizeOf, type Tensor } from "../graph";
import { computed, halfToFloat, numbers } from "../tensor";
import { plain, roundEven } from "./arithmetic";

/** All 65,536 half-precision numbers, made on first use: decoding by table is several times faster than by arithmetic. */
let halves: Float32Array | undefined;

/** float16 and float64 constants become float32; others are returned as they are. */
export function asFloat32(x: Tensor): Tensor {
  if (x.dtype === "float64") return computed("float32", x.shape, () => Float32Array.from(x.data as Float64Array));
  if (x.dtype !== "float16") return x;
  return computed("float32", x.shape, () => {
    const table = (halves ??= Float32Array.from({ length: 65536 }, (_, bits) => halfToFloat(bits)));
    const bits = x.data as Uint16Array;
    const data = new Float32Array(bits.length);
    for (let i = 0; i < bits.length; i++) data[i] = table[bits[i]!]!;
    return data;
  });
}

/**
 * (x - zeroPoint) * scale, in float32 as ORT computes it. `scale` holds one number, or one for each index of `axis`,
 * or one for each block of `blockSize` along `axis`. Undefined when the sizes do not fit.
 */
export function dequantised(
  x: Tensor,
  scale: Tensor,
  zeroPoint: Tensor | undefined,
  axis: number,
  blockSize = 0,
): Tensor | undefined {
  const scales = numbers(scale);
  const zeros = zeroPoint ? numbers(zeroPoint) : undefined;
  if (zeros && zeros.length !== scales.length) return undefined;
  const total = sizeOf(x.shape);
  const inner = scales.length === 1 ? total : sizeOf(x.shape.slice(axis + 1));
  const length = x.shape[axis] ?? 1;
  const perBlock = Math.max(1, blockSize);
  const groups = Math.ceil(length / perBlock);
  const expected = blockSize ? sizeOf(x.shape.slice(0, axis)) * groups * inner : length;
  if (scales.length !== 1 && scales.length !== expected) return undefined;
  return computed("float32", x.shape, () => {
    const values = plain(x);
    const out = new Float32Array(total);
    for (let from = 0; from < total; from += inner) {
      const row = from / inner;
      const at = row % length;
      for (let i = 0; i < inner; i++) {
        const s =
          scales.length === 1 ? 0 : blockSize ? (Math.floor(row / length) * groups + Math.floor(at / perBlock)) * inner + i : at;
        out[from + i] = (values[from + i]! - (zeros ? zeros[s]! : 0)) * scales[s]!;
      }
    }
    return out;
  });
}

/** QuantizeLinear of a constant to int8 or uint8: round half to even, saturate. Undefined for other types and sizes. */
export function quantised(x: Tensor, scale: Tensor, zeroPoint: Tensor | undefined, axis: number): Tensor | undefined {
  const signed = zeroPoint?.dtype === "int8";
  if (zeroPoint && !signed && zeroPoint.dtype !== "uint8") return undefined;
  const scales = numbers(scale);
  const zeros = zeroPoint ? numbers(zeroPoint) : scales.map(() => 0);
  if (zeros.length !== scales.length || (scales.length !== 1 && scales.length !== x.shape[axis])) return undefined;
  const [low, high] = signed ? [-128, 127] : [0, 255];
  const values = numbers(x);
  const data = signed ? new Int8Array(values.length) : new Uint8Array(values.length);
  const inner = scales.length === 1 ? values.length : sizeOf(x.shape.slice(axis + 1));
  values.forEach((value, i) => {
    const s = scales.length === 1 ? 0 : Math.floor(i / inner) % scales.length;
    data[i] = Math.min(high, Math.max(low, roundEven(Math.fround(value / scales[s]!)) + zeros[s]!));
  });
  return { dtype: signed ? "int8" : "uint8", shape: x.shape, data };
}
