/** DeconvNet (Zeiler and Fergus 2014): the activations of the answer projected back, whatever the picture held at each rectifier. */
import type { Method } from "./probe";
import { mapOf } from "./work";

export const deconvNet: Method<{ name: "deconvNet" }> = async ({ probe, picture }) => {
  const { scores, gradients } = await probe.gradients(picture, { kind: "deconv" });
  return { map: mapOf(picture, gradients.data as Float32Array), score: scores[0]!, complete: null };
};
