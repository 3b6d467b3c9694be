/** Guided backpropagation (Springenberg et al. 2014): sharp, and hardly different for another class or for random weights (Adebayo et al. 2018). */
import type { Method } from "./probe";
import { mapOf } from "./work";

export const guidedBackprop: Method<{ name: "guidedBackprop" }> = async ({ probe, picture }) => {
  const { scores, gradients } = await probe.gradients(picture, { kind: "guided" });
  return { map: mapOf(picture, gradients.data as Float32Array), score: scores[0]!, complete: null };
};
