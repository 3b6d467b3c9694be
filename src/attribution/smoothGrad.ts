/** SmoothGrad (Smilkov et al. 2017): the mean gradient over noisy copies of the picture. */
import { noisyGradients, type NoiseOptions } from "./noisyGradients";
import type { Method } from "./probe";
import { mapOf } from "./work";

export const smoothGrad: Method<{ name: "smoothGrad" } & NoiseOptions> = async (context, options) => {
  const { mean, score } = await noisyGradients(context, options);
  return { map: mapOf(context.picture, mean), score, complete: null };
};
