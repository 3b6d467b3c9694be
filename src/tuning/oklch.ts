/** OKLCH to sRGB (Ottosson, "A perceptual color space for image processing", 2020). */

export type Rgb = readonly [r: number, g: number, b: number];

const HALVINGS = 20;

/** sRGB in 0..1 of a lightness 0..1, a chroma and a hue in degrees; the chroma is lowered as far as sRGB needs it. */
export function oklch(lightness: number, chroma: number, hue: number): Rgb {
  const [a, b] = [Math.cos((Math.PI * hue) / 180), Math.sin((Math.PI * hue) / 180)];
  const at = (c: number): Rgb => linear(lightness, c * a, c * b);
  const fits = (rgb: Rgb): boolean => rgb.every((v) => v >= -1e-6 && v <= 1 + 1e-6);
  let [low, high] = fits(at(chroma)) ? [chroma, chroma] : [0, chroma];
  for (let i = 0; i < HALVINGS && high > low; i++) {
    const middle = (low + high) / 2;
    if (fits(at(middle))) low = middle;
    else high = middle;
  }
  return at(low).map(encoded) as unknown as Rgb;
}

/** Linear sRGB of OKLab. */
function linear(L: number, a: number, b: number): Rgb {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

function encoded(value: number): number {
  const v = Math.min(1, Math.max(0, value));
  return v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055;
}
