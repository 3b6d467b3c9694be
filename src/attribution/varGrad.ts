/** VarGrad (Adebayo et al. 2018): the variance of the gradient over noisy copies of the picture. */
import { noisyGradients, type NoiseOptions } from "./noisyGradients";
import type { Method } from "./probe";
import { mapOf } from "./work";

export const varGrad: Method<{ name: "varGrad" } & NoiseOptions> = async (context, options) => {
  const { mean, squares, score } = await noisyGradients(context, options);
  return { map: mapOf(context.picture, squares.map((s, k) => Math.max(0, s - mean[k]! ** 2))), score, complete: null }; // prettier-ignore
};
