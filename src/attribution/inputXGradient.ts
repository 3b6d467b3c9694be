/** Input x gradient (Shrikumar et al. 2016): the first-order change of the score from the baseline to the picture. */
import { BLACK, baselinePicture } from "./baselines";
import type { Method } from "./probe";
import type { Baseline } from "./types";
import { mapOf, pixels } from "./work";

export const inputXGradient: Method<{ name: "inputXGradient"; baseline?: Baseline }> = async (context, { baseline = BLACK }) => {
  const { probe, picture } = context;
  const from = pixels(baselinePicture(baseline, context));
  const { scores, gradients } = await probe.gradients(picture);
  const values = gradients.data as Float32Array;
  return {
    map: mapOf(picture, values.map((g, i) => g * (pixels(picture)[i]! - from[i]!))), // prettier-ignore
    score: scores[0]!,
    complete: null,
  };
};
