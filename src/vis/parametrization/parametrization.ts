/**
 * From theta, which is optimised, to a picture in 0..1 [N, 3, S, S].
 *
 * Fourier (Olah et al. 2017, Lucid's param/spatial.py): theta is the spectrum of a real picture, scaled so that every frequency
 * starts with the energy that natural pictures have. The inverse real FFT is two products with constant cosine matrices:
 *   theta [N, 3, 2H, F], F = floor(W / 2) + 1: real parts in the upper H rows, imaginary ones below
 *   columns: [2H, 2H] x [2H, F], a complex inverse DFT of each column;   rows: [H, 2F] x [2F, W], a real inverse DFT of each row
 */
import type { GraphBuilder } from "../../onnx/builder";
import type { Value } from "../../onnx/graph";
import type { Tensor } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import type { Parametrization, Recipe } from "../recipe";
import type { Random } from "../random";
import type { Bitmap } from "../resample";

/** ImageNet's colour statistics: the columns are roughly decorrelated directions of RGB (Lucid's optvis/param/color.py). */
export const COLOR_CORRELATION = [
  [0.26, 0.09, 0.02],
  [0.27, 0.0, -0.05],
  [0.27, -0.09, 0.03],
] as const;

/** Lucid divides what comes out of the inverse FFT by this, "to keep magnitudes in a sane range". */
const FOURIER_DIVISOR = 4;

/** Pictures by the names that recipes and objectives call them. */
export type Bitmaps = Readonly<Record<string, Bitmap>>;

interface Maker<P> {
  /** Shape of theta for `batch` pictures of `size` pixels a side and so many channels. */
  shape: (p: P, size: number, batch: number, channels: number) => number[];
  /** The start of theta, from a stream of random numbers for each picture. */
  init: (p: P, shape: readonly number[], randoms: readonly Random[]) => Float32Array;
  /** theta -> unbounded picture [N, channels, S, S]. */
  emit: (b: GraphBuilder, p: P, theta: Value, size: number, extra: Readonly<Record<string, Value>>) => Value;
  /** What is fed at every step besides theta; names begin "param.". */
  extra?: (p: P, pictures: Bitmaps) => Record<string, Tensor>;
  /** theta of one picture [1, channels, S, S] before colour and sigmoid. */
  inverse?: (p: P, flat: Tensor) => Float32Array;
}

/** Each picture's numbers from its own stream: [N, ...]. */
function noise(sd: number, shape: readonly number[], randoms: readonly Random[]): Float32Array {
  const each = shape.slice(1).reduce((n, d) => n * d, 1);
  const out = new Float32Array(randoms.length * each);
  randoms.forEach((random, n) => {
    for (let i = 0; i < each; i++) out[n * each + i] = sd * random.normal();
  });
  return out;
}

const spectrumShape = (size: number, batch: number, channels: number) => [batch, channels, 2 * size, Math.floor(size / 2) + 1];

/** Spectrum [N, C, 2S, F] -> [N, C, S, S], with the energies that natural pictures have. */
function emitSpectrum(b: GraphBuilder, theta: Value, size: number, decayPower: number): Value {
  const half = Math.floor(size / 2) + 1;
  const [batch, channels] = theta.shape as [number, number];
  const scaled = b.mul(theta, b.constant(f32(spectrumScale(size, decayPower), [2 * size, half]), "spectrum_scale"));
  const columns = b.matmul(b.constant(f32(columnTransform(size), [2 * size, 2 * size]), "dft_columns"), scaled);
  const parts = b.transpose(b.reshape(columns, [batch, channels, 2, size, half]), [0, 1, 3, 2, 4]);
  const rows = b.constant(f32(rowTransform(size), [2 * half, size]), "dft_rows");
  return b.matmul(b.reshape(parts, [batch, channels, size, 2 * half]), rows);
}

const makers: { [K in Parametrization["kind"]]?: Maker<Extract<Parametrization, { kind: K }>> } = {
  pixel: {
    shape: (_, size, batch, channels) => [batch, channels, size, size],
    init: (p, shape, randoms) => noise(p.sd, shape, randoms),
    emit: (_b, _p, theta) => theta,
  },
  fourier: {
    shape: (_, size, batch, channels) => spectrumShape(size, batch, channels),
    init: (p, shape, randoms) => noise(p.sd, shape, randoms),
    emit: (b, p, theta, size) => emitSpectrum(b, theta, size, p.decayPower),
  },
};

const maker = (p: Parametrization) => makers[p.kind] as Maker<Parametrization>;
const channelsOf = ({ alpha }: Recipe): number => (alpha?.kind === "learned" ? 4 : 3);

/** Shape of theta. */
export const thetaShape = (recipe: Recipe, batch: number): number[] =>
  maker(recipe.parametrization).shape(recipe.parametrization, recipe.size, batch, channelsOf(recipe));

/** The start: seeded noise in theta's shape, a stream for each picture. */
export const initialTheta = (recipe: Recipe, randoms: readonly Random[]): Float32Array =>
  maker(recipe.parametrization).init(recipe.parametrization, thetaShape(recipe, randoms.length), randoms);

/** What is fed at every step besides theta; names begin "param.". */
export function extraInputs({ parametrization }: Recipe, pictures: Bitmaps): Record<string, Tensor> {
  return maker(parametrization).extra?.(parametrization, pictures) ?? {};
}

/** theta -> pictures in 0..1: RGB [N, 3, S, S], or straight RGBA [N, 4, S, S] where alpha is learned. */
export function emitPicture(b: GraphBuilder, recipe: Recipe, theta: Value, extra: Readonly<Record<string, Value>>): Value {
  const flat = maker(recipe.parametrization).emit(b, recipe.parametrization, theta, recipe.size, extra);
  if (channelsOf(recipe) === 3) return emitColor(b, recipe, flat);
  const colours = emitColor(b, recipe, b.slice(flat, [0], [3], [1]));
  return b.concat([colours, b.sigmoid(b.slice(flat, [3], [4], [1]))], 1);
}

/** Unbounded [N, 3, S, S] -> RGB in 0..1. */
function emitColor(b: GraphBuilder, { color }: Pick<Recipe, "color">, flat: Value): Value {
  const [batch, , size] = flat.shape as [number, number, number];
  if (color === "plain") return b.sigmoid(flat);
  if (color === "gray") return b.sigmoid(b.expand(b.slice(flat, [0], [1], [1]), flat.shape));
  const mixed = b.matmul(b.constant(f32(colorMatrix().flat(), [3, 3]), "color"), b.reshape(flat, [batch, 3, size * size]));
  return b.reshape(b.sigmoid(mixed), flat.shape);
}

/** Shape of the noise that backgrounds are made of: spectra. */
export const noiseShape = ({ size }: Recipe, batch: number): number[] => spectrumShape(size, batch, 3);

/** Noise for one step's backgrounds, faint where the recipe's `background` is small. */
export const backgroundNoise = (recipe: Recipe, randoms: readonly Random[]): Tensor => {
  const shape = noiseShape(recipe, randoms.length);
  return f32(noise(recipe.alpha?.kind === "learned" ? recipe.alpha.background : 0, shape, randoms), shape);
};

/** Noise -> backgrounds [N, 3, S, S] in 0..1 with the spectrum and the colours of natural pictures (Lucid's collapse_alpha_random). */
export const emitBackground = (b: GraphBuilder, noiseSpectrum: Value, size: number): Value =>
  emitColor(b, { color: "decorrelated" }, emitSpectrum(b, noiseSpectrum, size, 1));

/** What theta must be for a picture [1, 3, S, S] to come out; null where it has to be fitted. */
export const thetaFrom = ({ parametrization }: Recipe, picture: Tensor): Float32Array | null =>
  maker(parametrization).inverse?.(parametrization, picture) ?? null;

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
