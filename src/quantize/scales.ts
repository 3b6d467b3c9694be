/**
 * One scale per channel, the one with the least squared error among a few.
 *
 * The largest magnitude / 127 clips nothing, but one outlier makes the grid coarse for all others. So the scale shrinks in small
 * steps to `NARROWEST` of that, letting the largest saturate, and the least squared error wins. Plain float64 arithmetic in one order:
 * the same weights give the same bytes on every machine.
 */
import { sizeOf, type Tensor } from "../onnx/graph";

/** Largest int8 used; -128 is left out so that the grid is symmetric. */
const TOP = 127;
const NARROWEST = 0.8;
const STEP = 0.02;

export interface QuantisedChannels {
  values: Tensor;
  scales: Float32Array;
  sqnrDb: number;
}

const clamp = (q: number): number => (q > TOP ? TOP : q < -TOP ? -TOP : q);

/** int8 values and float32 scales of a float32 weight, channels along `axis`. */
export function quantiseChannels({ shape, data }: Tensor, axis: number): QuantisedChannels {
  const channels = shape[axis]!;
  const inner = sizeOf(shape.slice(axis + 1));
  const outer = sizeOf(shape.slice(0, axis));
  const weights = data as Float32Array;
  const out = new Int8Array(weights.length);
  const scales = new Float32Array(channels);
  const channel = new Float32Array(outer * inner);
  let signal = 0;
  let noise = 0;
  for (let c = 0; c < channels; c++) {
    for (let o = 0, k = 0; o < outer; o++)
      for (let i = 0; i < inner; i++, k++) channel[k] = weights[(o * channels + c) * inner + i]!;
    const scale = bestScale(channel);
    scales[c] = scale;
    for (let o = 0, k = 0; o < outer; o++)
      for (let i = 0; i < inner; i++, k++) out[(o * channels + c) * inner + i] = clamp(Math.round(channel[k]! / scale));
    signal += channel.reduce((sum, w) => sum + w * w, 0);
    noise += squaredError(channel, scale);
  }
  const sqnrDb = noise === 0 ? Infinity : 10 * Math.log10(signal / noise);
  return { values: { dtype: "int8", shape, data: out }, scales, sqnrDb };
}

function squaredError(channel: Float32Array, scale: number): number {
  let error = 0;
  for (const w of channel) {
    const e = w - scale * clamp(Math.round(w / scale));
    error += e * e;
  }
  return error;
}

/** 1 for a channel of zeros. */
function bestScale(channel: Float32Array): number {
  const widest = channel.reduce((max, w) => Math.max(max, Math.abs(w)), 0) / TOP;
  if (widest < 2 ** -126) return 1;
  let best = Math.fround(widest);
  let least = squaredError(channel, best);
  for (let step = 1; step * STEP <= 1 - NARROWEST + 1e-9; step++) {
    const scale = Math.fround(widest * (1 - step * STEP));
    const error = squaredError(channel, scale);
    if (error < least) [best, least] = [scale, error];
  }
  return best;
}
