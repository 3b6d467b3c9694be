/**
 * From theta, which is optimised, to a picture in 0..1 [N, 3, S, S].
 *
 * Fourier (Olah et al. 2017, Lucid's param/spatial.py): theta is the spectrum of a real picture, scaled so that every frequency
 * starts with the energy that natural pictures have. The inverse real FFT is two products with constant cosine matrices:
 *   theta [N, 3, 2H, F], F = floor(W / 2) + 1: real parts in the upper H rows, imaginary ones below
 *   columns: [2H, 2H] x [2H, F], a complex inverse DFT of each column;   rows: [H, 2F] x [2F, W], a real inverse DFT of each row
 */
import type { GraphBuilder } from "../onnx/builder";
import type { Value } from "../onnx/graph";
import { f32 } from "../onnx/tensor";
import type { Parametrization, Recipe } from "./recipe";
import type { Random } from "./random";

/** ImageNet's colour statistics: the columns are roughly decorrelated directions of RGB (Lucid's optvis/param/color.py). */
export const COLOR_CORRELATION = [
  [0.26, 0.09, 0.02],
  [0.27, 0.0, -0.05],
  [0.27, -0.09, 0.03],
] as const;

/** Lucid divides what comes out of the inverse FFT by this, "to keep magnitudes in a sane range". */
const FOURIER_DIVISOR = 4;

interface Maker<P> {
  /** Shape of theta for `batch` pictures of `size` pixels a side. */
  shape: (size: number, batch: number) => number[];
  init: (p: P, shape: readonly number[], random: Random) => Float32Array;
  /** theta -> unbounded picture [N, 3, S, S]. */
  emit: (b: GraphBuilder, p: P, theta: Value, size: number) => Value;
}

const noise = (sd: number, length: number, random: Random) => Float32Array.from({ length }, () => sd * random.normal());
const volume = (shape: readonly number[]) => shape.reduce((n, d) => n * d, 1);

const makers: { [K in Parametrization["kind"]]: Maker<Extract<Parametrization, { kind: K }>> } = {
  pixel: {
    shape: (size, batch) => [batch, 3, size, size],
    init: (p, shape, random) => noise(p.sd, volume(shape), random),
    emit: (_b, _p, theta) => theta,
  },
  fourier: {
    shape: (size, batch) => [batch, 3, 2 * size, Math.floor(size / 2) + 1],
    init: (p, shape, random) => noise(p.sd, volume(shape), random),
    emit: (b, p, theta, size) => {
      const half = Math.floor(size / 2) + 1;
      const [batch] = theta.shape as [number];
      const scaled = b.mul(theta, b.constant(f32(spectrumScale(size, p.decayPower), [2 * size, half]), "spectrum_scale"));
      const columns = b.matmul(b.constant(f32(columnTransform(size), [2 * size, 2 * size]), "dft_columns"), scaled);
      const parts = b.transpose(b.reshape(columns, [batch, 3, 2, size, half]), [0, 1, 3, 2, 4]);
      const rows = b.constant(f32(rowTransform(size), [2 * half, size]), "dft_rows");
      return b.matmul(b.reshape(parts, [batch, 3, size, 2 * half]), rows);
    },
  },
};

const maker = (p: Parametrization) => makers[p.kind] as Maker<Parametrization>;

/** Shape of theta. */
export const thetaShape = (recipe: Recipe, batch: number): number[] => maker(recipe.parametrization).shape(recipe.size, batch);

/** The start: seeded noise in theta's shape. */
export const initialTheta = (recipe: Recipe, batch: number, random: Random): Float32Array =>
  maker(recipe.parametrization).init(recipe.parametrization, thetaShape(recipe, batch), random);

/** theta -> picture [N, 3, S, S], RGB in 0..1. */
export function emitPicture(b: GraphBuilder, recipe: Recipe, theta: Value): Value {
  const flat = maker(recipe.parametrization).emit(b, recipe.parametrization, theta, recipe.size);
  if (recipe.color === "plain") return b.sigmoid(flat);
  const [batch, , size] = flat.shape as [number, number, number];
  const mixed = b.matmul(b.constant(f32(colorMatrix().flat(), [3, 3]), "color"), b.reshape(flat, [batch, 3, size * size]));
  return b.reshape(b.sigmoid(mixed), flat.shape);
}

/** RGB from decorrelated colour: COLOR_CORRELATION over the length of its longest column. */
export function colorMatrix(): number[][] {
  const longest = Math.max(...[0, 1, 2].map((c) => Math.hypot(...COLOR_CORRELATION.map((row) => row[c]!))));
  return COLOR_CORRELATION.map((row) => row.map((v) => v / longest));
}

/** What each frequency is multiplied by: size / max(frequency, 1 / size)^decay over Lucid's divisor, for real and imaginary rows alike. */
export function spectrumScale(size: number, decayPower: number): Float32Array {
  const half = Math.floor(size / 2) + 1;
  const scale = new Float32Array(2 * size * half);
  for (let row = 0; row < 2 * size; row++) {
    const y = row % size;
    const fy = (y <= (size - 1) / 2 ? y : y - size) / size;
    for (let x = 0; x < half; x++)
      scale[row * half + x] = size / Math.max(Math.hypot(fy, x / size), 1 / size) ** decayPower / FOURIER_DIVISOR;
  }
  return scale;
}

/** [2H, 2H]: real and imaginary rows in, real and imaginary rows of the inverse DFT of each column out, normalised by 1/H. */
function columnTransform(size: number): Float32Array {
  const width = 2 * size;
  const matrix = new Float32Array(width * width);
  for (let y = 0; y < size; y++)
    for (let u = 0; u < size; u++) {
      const angle = (2 * Math.PI * ((y * u) % size)) / size;
      const [cos, sin] = [Math.cos(angle) / size, Math.sin(angle) / size];
      matrix[y * width + u] = cos;
      matrix[y * width + size + u] = -sin;
      matrix[(size + y) * width + u] = sin;
      matrix[(size + y) * width + size + u] = cos;
    }
  return matrix;
}

/** [2F, W]: inverse real DFT of a row from its F non-negative frequencies; each but DC and Nyquist stands for two. */
function rowTransform(size: number): Float32Array {
  const half = Math.floor(size / 2) + 1;
  const matrix = new Float32Array(2 * half * size);
  for (let v = 0; v < half; v++) {
    const weight = (v === 0 || 2 * v === size ? 1 : 2) / size;
    for (let x = 0; x < size; x++) {
      const angle = (2 * Math.PI * ((v * x) % size)) / size;
      matrix[v * size + x] = weight * Math.cos(angle);
      matrix[(half + v) * size + x] = -weight * Math.sin(angle);
    }
  }
  return matrix;
}
