/** Gradients under noise, which SmoothGrad, SmoothGrad^2 and VarGrad sum up in three ways. */
import { seeded } from "../vis/random";
import type { MethodContext } from "./probe";
import { gradientsAt, pixels } from "./work";

export interface NoiseOptions {
  samples?: number;
  /** Standard deviation, as a share of the picture's largest value less its smallest. */
  noise?: number;
  seed?: number;
}

export interface NoisyGradients {
  /** Mean of the gradients [3 H W]. */
  mean: Float64Array;
  /** Mean of their squares. */
  squares: Float64Array;
  /** Of the picture without noise. */
  score: number;
}

const SAMPLES = 50;
const NOISE = 0.15;

/** The noise is normal, and not clipped to 0..1: the gradient is taken around the picture (Smilkov et al. 2017). */
export async function noisyGradients(context: MethodContext, options: NoiseOptions): Promise<NoisyGradients> {
  const { samples = SAMPLES, noise = NOISE, seed = 1 } = options;
  const x = pixels(context.picture);
  const [low, high] = x.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity] as [number, number]);
  const deviation = noise * (high - low);
  const random = seeded(seed, "noisy gradients");
  const mean = new Float64Array(x.length);
  const squares = new Float64Array(x.length);
  await gradientsAt(context, {
    count: samples,
    fill: (_, into) => {
      for (let k = 0; k < x.length; k++) into[k] = x[k]! + deviation * random.normal();
    },
    take: (_, gradient) => {
      for (let k = 0; k < x.length; k++) {
        mean[k]! += gradient[k]! / samples;
        squares[k]! += gradient[k]! ** 2 / samples;
      }
    },
  });
  const [score] = await context.probe.scores(context.picture);
  return { mean, squares, score: score! };
}
