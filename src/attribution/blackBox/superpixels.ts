/**
 * Superpixels: SLIC (Achanta et al. 2012), k-means over colour and place within windows of two cells, in CIELAB. Stray pieces are joined to a
 * neighbour, so that every superpixel hangs together.
 */
import type { Tensor } from "../../onnx/graph";

export interface Segments {
  count: number;
  /** Which one each pixel is in [H * W], from 0 on; in the order of their first pixels. */
  of: Int32Array;
}

const ITERATIONS = 10;
/** How much place counts beside colour: the paper's m. */
const COMPACTNESS = 10;

/** About `wanted` superpixels of a picture [1, 3, H, W], RGB in 0..1. */
export function slic(picture: Tensor, wanted: number): Segments {
  const [, , height, width] = picture.shape as [number, number, number, number];
  const lab = toLab(picture.data as Float32Array, height * width);
  const rows = Math.max(1, Math.round(Math.sqrt((wanted * height) / width)));
  const columns = Math.max(1, Math.round(wanted / rows));
  const cell = Math.sqrt((height * width) / (rows * columns));
  const centres = Array.from({ length: rows * columns }, (_, i) => {
    const y = Math.min(height - 1, Math.floor(((Math.floor(i / columns) + 0.5) * height) / rows));
    const x = Math.min(width - 1, Math.floor((((i % columns) + 0.5) * width) / columns));
    return { y, x, colour: colourAt(lab, y * width + x) };
  });
  const nearest = new Int32Array(height * width);
  for (let t = 0; t < ITERATIONS; t++) {
    const distance = new Float64Array(height * width).fill(Infinity);
    centres.forEach(({ y, x, colour }, i) => {
      const reach = Math.ceil(2 * cell);
      for (let v = Math.max(0, Math.floor(y - reach)); v < Math.min(height, y + reach + 1); v++)
        for (let u = Math.max(0, Math.floor(x - reach)); u < Math.min(width, x + reach + 1); u++) {
          const at = v * width + u;
          const place = ((v - y) ** 2 + (u - x) ** 2) / cell ** 2;
          const d = colour.reduce((sum, c, k) => sum + (c - lab[3 * at + k]!) ** 2, 0) + COMPACTNESS ** 2 * place;
          if (d < distance[at]!) {
            distance[at] = d;
            nearest[at] = i;
          }
        }
    });
    const sums = centres.map(() => [0, 0, 0, 0, 0, 0]);
    for (let at = 0; at < nearest.length; at++) {
      const sum = sums[nearest[at]!]!;
      [Math.floor(at / width), at % width, lab[3 * at]!, lab[3 * at + 1]!, lab[3 * at + 2]!, 1].forEach((v, k) => (sum[k]! += v));
    }
    sums.forEach(([y, x, l, a, b, n], i) => {
      if (n) centres[i] = { y: y! / n, x: x! / n, colour: [l! / n, a! / n, b! / n] };
    });
  }
  return connected(nearest, [height, width], cell ** 2 / 4);
}

const colourAt = (lab: Float64Array, at: number): [number, number, number] => [lab[3 * at]!, lab[3 * at + 1]!, lab[3 * at + 2]!];

/** Pieces that hang together, those of fewer than `least` pixels joined to the one before them; numbered as they are met. */
export function connected(labels: Int32Array, [height, width]: readonly [number, number], least: number): Segments {
  const of = new Int32Array(labels.length).fill(-1);
  let count = 0;
  for (let start = 0; start < labels.length; start++) {
    if (of[start] !== -1) continue;
    const piece = [start];
    of[start] = count;
    let neighbour = -1;
    for (let i = 0; i < piece.length; i++) {
      const at = piece[i]!;
      const [y, x] = [Math.floor(at / width), at % width];
      for (const next of [
        x > 0 ? at - 1 : -1,
        x < width - 1 ? at + 1 : -1,
        y > 0 ? at - width : -1,
        y < height - 1 ? at + width : -1,
      ]) {
        if (next < 0) continue;
        if (of[next] === -1 && labels[next] === labels[start]) {
          of[next] = count;
          piece.push(next);
        } else if (of[next]! >= 0 && of[next] !== count) neighbour = of[next]!;
      }
    }
    if (piece.length < least && neighbour >= 0) for (const at of piece) of[at] = neighbour;
    else count++;
  }
  return { count, of };
}

/** sRGB [3, n] to CIELAB [n, 3], white D65. */
export function toLab(rgb: Float32Array, n: number): Float64Array {
  const out = new Float64Array(3 * n);
  const linear = (v: number): number => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const curve = (t: number): number => (t > 216 / 24389 ? Math.cbrt(t) : ((24389 / 27) * t + 16) / 116);
  for (let i = 0; i < n; i++) {
    const [r, g, b] = [linear(rgb[i]!), linear(rgb[n + i]!), linear(rgb[2 * n + i]!)];
    const x = curve((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
    const y = curve(0.2126729 * r + 0.7151522 * g + 0.072175 * b);
    const z = curve((0.0193339 * r + 0.119192 * g + 0.9503041 * b) / 1.08883);
    out.set([116 * y - 16, 500 * (x - y), 200 * (y - z)], 3 * i);
  }
  return out;
}
