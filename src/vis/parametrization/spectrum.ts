/**
 * Pictures by their spectra (Olah et al. 2017, Lucid's param/spatial.py). The inverse real FFT is two products with constant matrices:
 *   spectrum [N, C, 2H, F], F = floor(W / 2) + 1: real parts in the upper H rows, imaginary ones below
 *   columns: [2H, 2H] x [2H, F], a complex inverse DFT of each column;   rows: [H, 2F] x [2F, W], a real inverse DFT of each row
 */
import type { GraphBuilder } from "../../onnx/builder";
import type { Value } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";

/** Lucid divides what comes out of the inverse FFT by this, "to keep magnitudes in a sane range". */
const FOURIER_DIVISOR = 4;

export const halfOf = (size: number): number => Math.floor(size / 2) + 1;

/** What each frequency is multiplied by: size / max(frequency, 1 / size)^decay over Lucid's divisor, for real and imaginary rows alike. */
export function spectrumScale(size: number, decayPower: number): Float32Array {
  const half = halfOf(size);
  const scale = new Float32Array(2 * size * half);
  for (let row = 0; row < 2 * size; row++) {
    const y = row % size;
    const fy = (y <= (size - 1) / 2 ? y : y - size) / size;
    for (let x = 0; x < half; x++)
      scale[row * half + x] = size / Math.max(Math.hypot(fy, x / size), 1 / size) ** decayPower / FOURIER_DIVISOR;
  }
  return scale;
}

/** theta [N, C, 2S, F] -> [N, C, S, S], with the energies that natural pictures have. */
export function emitScaledSpectrum(b: GraphBuilder, theta: Value, size: number, decayPower: number): Value {
  const scale = b.constant(f32(spectrumScale(size, decayPower), [2 * size, halfOf(size)]), "spectrum_scale");
  return emitInverseDft(b, b.mul(theta, scale), size);
}

/** Spectrum [N, C, 2S, F] -> [N, C, S, S]: numpy.fft.irfft2. */
export function emitInverseDft(b: GraphBuilder, spectrum: Value, size: number): Value {
  const half = halfOf(size);
  const [batch, channels] = spectrum.shape as [number, number];
  const columns = b.matmul(b.constant(f32(columnTransform(size), [2 * size, 2 * size]), "dft_columns"), spectrum);
  const parts = b.transpose(b.reshape(columns, [batch, channels, 2, size, half]), [0, 1, 3, 2, 4]);
  const rows = b.constant(f32(rowTransform(size), [2 * half, size]), "dft_rows");
  return b.matmul(b.reshape(parts, [batch, channels, size, 2 * half]), rows);
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
  const half = halfOf(size);
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

/** One plane [S, S] -> its spectrum [2S, F], real parts above imaginary ones: numpy.fft.rfft2. */
export function spectrumOf(plane: Float32Array, size: number): Float32Array {
  const half = halfOf(size);
  const cos = Float64Array.from({ length: size }, (_, i) => Math.cos((2 * Math.PI * i) / size));
  const sin = Float64Array.from({ length: size }, (_, i) => Math.sin((2 * Math.PI * i) / size));
  const [real, imaginary] = [new Float64Array(size * half), new Float64Array(size * half)];
  for (let y = 0; y < size; y++)
    for (let v = 0; v < half; v++) {
      let [re, im] = [0, 0];
      for (let x = 0; x < size; x++) {
        const k = (v * x) % size;
        re += plane[y * size + x]! * cos[k]!;
        im -= plane[y * size + x]! * sin[k]!;
      }
      real[y * half + v] = re;
      imaginary[y * half + v] = im;
    }
  const out = new Float32Array(2 * size * half);
  for (let u = 0; u < size; u++)
    for (let v = 0; v < half; v++) {
      let [re, im] = [0, 0];
      for (let y = 0; y < size; y++) {
        const k = (u * y) % size;
        const [a, c] = [real[y * half + v]!, imaginary[y * half + v]!];
        re += a * cos[k]! + c * sin[k]!;
        im += c * cos[k]! - a * sin[k]!;
      }
      out[u * half + v] = re;
      out[(size + u) * half + v] = im;
    }
  return out;
}
