/** SmoothGrad squared (Hooker et al. 2019): the mean squared gradient over noisy copies of the picture. */
import { noisyGradients, type NoiseOptions } from "./noisyGradients";
import type { Method } from "./probe";
import { mapOf } from "./work";

export const smoothGradSquared: Method<{ name: "smoothGradSquared" } & NoiseOptions> = async (context, options) => {
  const { squares, score } = await noisyGradients(context, options);
  return { map: mapOf(context.picture, squares), score, complete: null };
};
