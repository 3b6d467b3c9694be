/**
 * How a picture is made, as plain JSON: the parametrization, the transforms, the optimizer, and the seed.
 * The same recipe, seed, weights and backend give the same picture. Types only; the named recipes are in recipes.ts.
 */

/** One random transform of robustness; all lengths are in pixels of the picture, angles in degrees. */
export type Transform =
  /** Surround the picture with `pixels` of constant `value` (0..1) on each side. */
  | { kind: "pad"; pixels: number; value: number }
  /** Crop to `pixels` fewer rows and columns, at a random offset. */
  | { kind: "jitter"; pixels: number }
  /** Zoom by one of `factors`, drawn uniformly. */
  | { kind: "scale"; factors: number[] }
  /** Rotate about the centre by one of `degrees`, drawn uniformly. */
  | { kind: "rotate"; degrees: number[] };

export type Parametrization =
  /** Spectrum of a real image: `sd` of the initial noise, energies divided by frequency^decayPower. */
  { kind: "fourier"; sd: number; decayPower: number } | { kind: "pixel"; sd: number };

export interface Recipe {
  version: 1;
  /** For people and file names; changes nothing. */
  name: string;
  /** Side of the square picture, pixels. */
  size: number;
  steps: number;
  /** 32-bit unsigned. */
  seed: number;
  parametrization: Parametrization;
  /** "decorrelated": ImageNet's colour matrix before the sigmoid; "plain": the sigmoid alone. */
  color: "decorrelated" | "plain";
  transforms: Transform[];
  optimizer: { kind: "adam"; learningRate: number; beta1: number; beta2: number; epsilon: number };
  /** For this many first steps a ReLU that would pass no gradient at all passes the part that raises its input, as Lucid does. */
  redirectSteps: number;
}
