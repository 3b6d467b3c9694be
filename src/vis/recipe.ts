/**
 * How a picture is made, as plain JSON: the parametrization, the transforms, the optimizer, and the seed.
 * The same recipe, seed, weights and backend give the same picture. Types only; the named recipes are in recipes.ts.
 */

/** One random transform of robustness; all lengths are in pixels of the picture, angles in degrees. They act in the order of their list. */
export type Transform =
  /** Surround the picture with `pixels` of constant `value` (0..1) on each side. */
  | { kind: "pad"; pixels: number; value: number }
  /** Crop to `pixels` fewer rows and columns, at a random offset. */
  | { kind: "jitter"; pixels: number }
  /** Zoom by one of `factors`, drawn uniformly. */
  | { kind: "scale"; factors: number[] }
  /** Rotate about the centre by one of `degrees`, drawn uniformly. */
  | { kind: "rotate"; degrees: number[] }
  /** Mirror left to right, every other time. */
  | { kind: "flip" }
  /**
   * `count` square windows of the picture at once, each resampled to `pixels` a side; the network sees all of them. A window's side is
   * a share of the picture's that goes evenly from `from` at the first step to `to` at the last, plus a normal number of standard
   * deviation `sizeSd`, but at least 0.05 and at most 1; its centre is normal about the picture's, standard deviation `centreSd` of its
   * side (MACO, Xplique).
   */
  | { kind: "crops"; count: number; pixels: number; from: number; to: number; centreSd: number; sizeSd: number }
  /** Gaussian blur, its standard deviation one of `sigmas`, drawn uniformly. */
  | { kind: "blur"; sigmas: number[] }
  /** Add to every value a normal number of standard deviation `sd` and a uniform one from -uniform / 2 to uniform / 2. */
  | { kind: "noise"; sd: number; uniform: number };

export type Parametrization =
  /** Spectrum of a real image: `sd` of the initial noise, energies divided by frequency^decayPower (Olah et al. 2017). */
  | { kind: "fourier"; sd: number; decayPower: number }
  | { kind: "pixel"; sd: number }
  /** Sum of `levels` pixel pictures, each of half the side of the one before, enlarged bilinearly (Lucid's laplacian_pyramid). */
  | { kind: "pyramid"; sd: number; levels: number }
  /** One pixel picture of 1 / `factor` of the side, enlarged bilinearly. */
  | { kind: "lowres"; sd: number; factor: number }
  /** A network from a pixel's place to its colour, whose weights are optimised (Mordvintsev et al. 2018): `layers` of `hidden` units. */
  | { kind: "cppn"; hidden: number; layers: number }
  /** A Fourier picture for each of the batch, plus low-resolution pictures of 1 / `factors` of the side that all of them share. */
  | { kind: "shared"; sd: number; decayPower: number; factors: number[] }
  /**
   * Phases only, under the fixed magnitudes of pictures' spectra (MACO, Fel et al. 2023): the mean over `pictures`, by name, or over
   * pictures that are drawn by rule where none is named.
   */
  | { kind: "maco"; sd: number; pictures: string[] };

export type Optimizer =
  /** Kingma and Ba 2015. */
  | { kind: "adam"; learningRate: number; beta1: number; beta2: number; epsilon: number }
  /** Adam with Nesterov momentum (Dozat 2016), as Keras computes it. */
  | { kind: "nadam"; learningRate: number; beta1: number; beta2: number; epsilon: number }
  /** Gradient ascent by the gradient over its root mean square in each picture (DeepDream, Mordvintsev et al. 2015). */
  | { kind: "sgd"; learningRate: number; momentum: number };

/** What the learning rate is multiplied by, from the first step (1) to the last (`to`). */
export type Schedule =
  | { kind: "constant" }
  | { kind: "linear"; to: number }
  /** Half a cosine wave. */
  | { kind: "cosine"; to: number }
  /** Rises linearly from 0 over `warmup` steps, then falls along half a cosine wave. */
  | { kind: "warmup"; warmup: number; to: number };

/** How transparent a picture is. */
export type Alpha =
  /**
   * A fourth channel, optimised with the colours: each step shows the network the picture over another random background, faint noise
   * of `background` standard deviation before the sigmoid (Olah et al. 2017).
   */
  | { kind: "learned"; background: number }
  /**
   * Opaque where the gradient by the picture was strong, summed over all steps (MACO): wholly from this percentile of it on (80 in MACO's
   * figures), proportionally less below.
   */
  | { kind: "attribution"; percentile: number };

export interface Recipe {
  version: 1;
  /** For people and file names; changes nothing. */
  name: string;
  /** Side of the square picture, pixels. */
  size: number;
  steps: number;
  /** 32-bit unsigned. Picture i of a batch is that of seed + i, unless `seeds` says otherwise. */
  seed: number;
  /** Pictures made in one step. */
  batch: number;
  /** A seed for each picture of the batch. */
  seeds?: number[];
  parametrization: Parametrization;
  /** "decorrelated": ImageNet's colour matrix before the sigmoid; "plain": the sigmoid alone; "gray": one value for all three. */
  color: "decorrelated" | "plain" | "gray";
  /** Null: opaque. */
  alpha: Alpha | null;
  /** Starts from this picture, by name, instead of noise; parametrizations that are not invertible are fitted to it first. Null: noise. */
  start: string | null;
  transforms: Transform[];
  optimizer: Optimizer;
  schedule: Schedule;
  /** For this many first steps a ReLU that would pass no gradient at all passes the part that raises its input, as Lucid does. */
  redirectSteps: number;
  /** "exact", or "smooth": the gradient of a mean over the window that is weighted by the values themselves, in place of max pooling's. */
  maxPool: "exact" | "smooth";
}
