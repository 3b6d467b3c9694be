/**
 * Maps as pictures: how much every pixel counts, in colours that are even to the eye, over the photo in gray.
 *
 * The colours are walked in OKLab (Ottosson 2020), where equal steps look equal: from dark to light for maps without sign, and from light gray
 * both ways, as far to red as to blue, around zero for maps with one.
 */
import type { Picture } from "../api/engine";

export interface Flat {
  width: number;
  height: number;
  /** [height, width], summed over colours. */
  values: Float32Array;
  /** Some pixels count against the target. */
  signed: boolean;
  /** What is drawn in the strongest colour: ninety-nine pixels of a hundred stay below. */
  limit: number;
}

const STRONGEST = 0.99;

/** A map [3, H, W] or [H, W], row-major, by pixel. */
export function flattened({ shape, data }: { shape: readonly number[]; data: Float32Array }): Flat {
  const [height, width] = shape.slice(-2) as [number, number];
  const plane = height * width;
  const values = new Float32Array(plane);
  data.forEach((v, i) => (values[i % plane]! += v));
  const sizes = values.map(Math.abs).sort();
  const limit = sizes[Math.floor(STRONGEST * (plane - 1))]! || sizes.at(-1) || 1;
  return { width, height, values, signed: values.some((v) => v < 0), limit };
}

export type Rgb = readonly [r: number, g: number, b: number];

/** The colour of a value from 0 to 1, for maps without sign. */
export const sequential = (t: number): Rgb => rgbOf(0.2 + 0.75 * t, 0.19 * Math.sin(Math.PI * (0.15 + 0.7 * t)), 300 + 170 * t);

/** The colour of a value from -1 to 1: by the hues that are left out, blue is against, red is for. Hues in degrees, of OKLCh. */
export const diverging = (t: number, [against, favour]: readonly [number, number] = [255, 27]): Rgb =>
  rgbOf(0.96 - 0.46 * Math.abs(t), 0.2 * Math.abs(t), t < 0 ? against : favour);

/** OKLCh to sRGB bytes; colours that no screen has lose chroma until one has them. */
function rgbOf(lightness: number, chroma: number, hue: number): Rgb {
  for (let c = chroma; ; c -= 0.005) {
    const rgb = linearOf(lightness, Math.max(0, c), (hue * Math.PI) / 180);
    if (c <= 0 || rgb.every((v) => v >= 0 && v <= 1))
      return rgb.map((v) => Math.round(255 * gammaOf(Math.min(1, Math.max(0, v))))) as unknown as Rgb;
  }
}

const gammaOf = (v: number): number => (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055);

function linearOf(L: number, chroma: number, hue: number): Rgb {
  const [a, b] = [chroma * Math.cos(hue), chroma * Math.sin(hue)];
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

const SHADES = 256;
const SEQUENTIAL = Array.from({ length: SHADES }, (_, i) => sequential(i / (SHADES - 1)));
const DIVERGING = Array.from({ length: 2 * SHADES + 1 }, (_, i) => diverging(i / SHADES - 1));

export interface Look {
  /** How strongly the map lies over the photo, 0 to 1 (0.8 when left out). */
  opacity?: number;
  /** Values below this share of the limit are left out. */
  threshold?: number;
  /** Colours from the lowest value to the highest (colours.ts); left out, the first that fit the map's sign. */
  ramp?: readonly Rgb[];
}

/**
 * The map over the photo [3 H W] in gray, which is dimmed under maps without sign and paled under those with one, so that its own contrast does
 * not outdo theirs. Opacity 0 shows the photo alone.
 */
export function overlay(flat: Flat, photo: Float32Array, { opacity = 0.8, threshold = 0, ramp }: Look = {}): Picture {
  const { width, height, values, signed, limit } = flat;
  const colours = ramp ?? (signed ? DIVERGING : SEQUENTIAL);
  const last = colours.length - 1;
  const plane = width * height;
  const rgba = new Uint8ClampedArray(4 * plane).fill(255);
  for (let i = 0; i < plane; i++) {
    const t = Math.max(-1, Math.min(1, values[i]! / limit));
    const luma = 0.299 * photo[i]! + 0.587 * photo[plane + i]! + 0.114 * photo[2 * plane + i]!;
    const gray = 255 * (signed ? 0.72 + 0.26 * luma : 0.06 + 0.34 * luma);
    const colour = colours[Math.round(last * (signed ? (t + 1) / 2 : Math.max(0, t)))]!;
    const share = Math.abs(t) < threshold ? 0 : opacity * Math.abs(t) ** 0.75;
    colour.forEach((v, c) => (rgba[4 * i + c] = gray + share * (v - gray)));
  }
  return { width, height, rgba };
}
