/** Where a picture's energy lies: its power by spatial frequency, for comparing it with natural pictures, whose power falls as 1 / f^2. */
import type { Bitmap } from "./resample";
import { halfOf, spectrumOf } from "./parametrization/spectrum";

/** Side of the square that is looked at: the largest part about the centre, averaged down to this where it is larger. */
const SIDE = 128;

export interface RadialSpectrum {
  /** Cycles per pixel of the picture, ascending. */
  frequency: Float32Array;
  /** Mean power of the luma at that frequency, whatever the direction; in units of its share of the whole. */
  power: Float32Array;
}

/**
 * Radially averaged power spectrum of a picture's luma, without its mean and under a Hann window, so that its borders do not show.
 * Bytes are blended over middle grey where they are transparent.
 */
export function radialSpectrum(picture: Bitmap): RadialSpectrum {
  const { plane, side, scale } = luma(picture);
  const mean = plane.reduce((sum, v) => sum + v, 0) / plane.length;
  const hann = (i: number): number => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / side);
  const windowed = plane.map((v, i) => (v - mean) * hann(i % side) * hann(Math.floor(i / side)));
  const spectrum = spectrumOf(windowed, side);
  const half = halfOf(side);
  const rings = Math.floor(side / 2);
  const [sums, counts] = [new Float64Array(rings + 1), new Float64Array(rings + 1)];
  for (let u = 0; u < side; u++)
    for (let v = 0; v < half; v++) {
      const ring = Math.round(Math.hypot(u <= (side - 1) / 2 ? u : u - side, v));
      if (ring > rings) continue;
      sums[ring]! += spectrum[u * half + v]! ** 2 + spectrum[(side + u) * half + v]! ** 2;
      counts[ring]! += 1;
    }
  const power = Float32Array.from({ length: rings }, (_, i) => sums[i + 1]! / counts[i + 1]!);
  const total = power.reduce((sum, v) => sum + v, 0) || 1;
  return {
    frequency: Float32Array.from({ length: rings }, (_, i) => ((i + 1) / side) * scale),
    power: power.map((v) => v / total),
  };
}

/** Rec. 601 luma of the largest square about the centre, in 0..1; `scale` is plane pixels per picture pixel. */
function luma({ width, height, data, channels }: Bitmap): { plane: Float32Array; side: number; scale: number } {
  const whole = Math.min(width, height);
  const step = Math.max(1, Math.floor(whole / SIDE));
  const side = Math.floor(whole / step);
  const [left, top] = [Math.floor((width - side * step) / 2), Math.floor((height - side * step) / 2)];
  const plane = new Float32Array(side * side);
  for (let y = 0; y < side * step; y++)
    for (let x = 0; x < side * step; x++) {
      const at = channels * ((top + y) * width + left + x);
      const alpha = channels === 4 ? data[at + 3]! / 255 : 1;
      const value = (0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!) / 255;
      plane[Math.floor(y / step) * side + Math.floor(x / step)]! += (alpha * value + (1 - alpha) * 0.5) / (step * step);
    }
  return { plane, side, scale: 1 / step };
}
