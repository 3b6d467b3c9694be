/**
 * MACO (Fel et al. 2023): only the phases are optimised; the magnitudes stay those of natural pictures, so that the energy cannot run into
 * high frequencies. Xplique standardises what comes out of the inverse DFT; here contrast and brightness are those that the magnitudes
 * have, so that a photo with these magnitudes is among the pictures (standardised, none comes nearer than a squared error of 0.03).
 *
 *   theta [N, C, S, F]: phases, rad
 */
import { namedInput } from "../named";
import type { Parametrization } from "../recipe";
import { channelsOfColor } from "./color";
import { noise, type Extent, type Maker } from "./maker";
import { emitInverseDft, halfOf, spectrumOf } from "./spectrum";

type Maco = Extract<Parametrization, { kind: "maco" }>;

/** The input that holds the magnitudes [C, S, F]. */
const MAGNITUDES = "param.magnitudes";
/** Spectra are taken at this size at most, and stretched: along frequency they change slowly. */
const SPECTRUM_SIDE = 128;
/** Where no pictures are named, the magnitudes are the mean over so many that are drawn by rule. */
const DRAWN = 8;

const phases = ({ size, batch, channels }: Extent): number[] => [batch, channels, size, halfOf(size)];

export const maco: Maker<Maco> = {
  shape: (_, extent) => phases(extent),
  init: (p, extent, randoms) => noise(p.sd, phases(extent), randoms),
  extra: (p, { size, channels }) => ({
    [MAGNITUDES]: {
      shape: [channels, size, halfOf(size)],
      data: (pictures) => {
        const names = p.pictures.length ? p.pictures : Array.from({ length: DRAWN }, (_, i) => `drawn:${i}`);
        const side = Math.min(size, SPECTRUM_SIDE);
        const each = names.map((name) => magnitudesOf(namedInput(name, pictures, [side, side]).data as Float32Array, side));
        const mean = each[0]!.map((_, i) => each.reduce((sum, m) => sum + m[i]!, 0) / each.length);
        return withChannels(stretched(p.pictures.length ? mean : roundly(mean, side), side, size), channels);
      },
    },
  }),
  emit: (b, _, theta, { size }, extra) => {
    const magnitudes = extra[MAGNITUDES]!;
    const [real, imaginary] = (["Cos", "Sin"] as const).map((part) => b.mul(b.node(part, [theta]), magnitudes));
    return emitInverseDft(b, b.concat([real!, imaginary!], 2), size);
  },
};

/** Magnitudes [3, S, F] of a picture's decorrelated channels. */
function magnitudesOf(rgb: Float32Array, size: number): Float32Array {
  const flat = channelsOfColor("decorrelated", rgb, size * size);
  const count = size * halfOf(size);
  const out = new Float32Array(3 * count);
  for (let c = 0; c < 3; c++) {
    const spectrum = spectrumOf(flat.subarray(c * size * size, (c + 1) * size * size), size);
    for (let i = 0; i < count; i++) out[c * count + i] = Math.hypot(spectrum[i]!, spectrum[count + i]!);
  }
  return out;
}

/**
 * The mean over all frequencies of one length: few pictures drawn by rule have more energy along the axes than all pictures together,
 * and it would show as a weave. [3, S, F]
 */
function roundly(magnitudes: Float32Array, size: number): Float32Array {
  const half = halfOf(size);
  const ring = (i: number): number => {
    const [y, x] = [Math.floor(i / half) % size, i % half];
    return Math.round(Math.hypot(y <= (size - 1) / 2 ? y : y - size, x));
  };
  const count = size * half;
  const out = new Float32Array(magnitudes.length);
  for (let c = 0; c < 3; c++) {
    const [sums, counts] = [new Float64Array(2 * size), new Float64Array(2 * size)];
    for (let i = 0; i < count; i++) {
      sums[ring(i)]! += magnitudes[c * count + i]!;
      counts[ring(i)]! += 1;
    }
    for (let i = 0; i < count; i++) out[c * count + i] = sums[ring(i)]! / counts[ring(i)]!;
  }
  return out;
}

/** Magnitudes of one size as those of another: the same energy at the same cycles per pixel. */
function stretched(magnitudes: Float32Array, from: number, to: number): Float32Array {
  if (from === to) return magnitudes;
  const [half, wide] = [halfOf(from), halfOf(to)];
  const out = new Float32Array(3 * to * wide);
  for (let c = 0; c < 3; c++)
    for (let y = 0; y < to; y++) {
      const cycles = y <= (to - 1) / 2 ? y : y - to;
      for (let x = 0; x < wide; x++) {
        const [v, u] = [(cycles * from) / to, (x * from) / to];
        const [y0, x0] = [Math.floor(v), Math.min(half - 1, Math.floor(u))];
        const at = (dy: number, dx: number) =>
          magnitudes[(c * from + ((((y0 + dy) % from) + from) % from)) * half + Math.min(half - 1, x0 + dx)]!;
        const [fy, fx] = [v - y0, u - x0];
        out[(c * to + y) * wide + x] =
          (1 - fy) * ((1 - fx) * at(0, 0) + fx * at(0, 1)) + fy * ((1 - fx) * at(1, 0) + fx * at(1, 1));
      }
    }
  return out;
}

/** An alpha channel has the mean of the colours' magnitudes. */
function withChannels(magnitudes: Float32Array, channels: number): Float32Array {
  if (channels === 3) return magnitudes;
  const count = magnitudes.length / 3;
  const out = new Float32Array(channels * count);
  out.set(magnitudes);
  for (let i = 0; i < count; i++) out[3 * count + i] = (magnitudes[i]! + magnitudes[count + i]! + magnitudes[2 * count + i]!) / 3;
  return out;
}
