/** DeepLIFT with the rescale rule (Shrikumar, Greenside and Kundaje 2017): the difference from a reference, shared out layer by layer. */
import { BLACK, baselinePicture } from "./baselines";
import type { Method } from "./probe";
import type { Baseline } from "./types";
import { mapOf, pixels, stacked } from "./work";

export const deepLift: Method<{ name: "deepLift"; baseline?: Baseline }> = async (context, { baseline = BLACK }) => {
  const { probe, picture } = context;
  const start = baselinePicture(baseline, context);
  const [x, from] = [pixels(picture), pixels(start)];
  const { scores, gradients } = await probe.gradients(stacked([picture, start]), { kind: "deepLift" });
  const multipliers = (gradients.data as Float32Array).subarray(0, x.length);
  return {
    map: mapOf(picture, multipliers.map((m, k) => m * (x[k]! - from[k]!))), // prettier-ignore
    score: scores[0]!,
    complete: scores[0]! - scores[1]!,
  };
};
