/** Saliency (Simonyan, Vedaldi and Zisserman 2013): how fast the score changes with every pixel. */
import { mapOf } from "./work";
import type { Method } from "./probe";

export const saliency: Method<{ name: "saliency"; signed?: boolean }> = async ({ probe, picture }, { signed = false }) => {
  const { scores, gradients } = await probe.gradients(picture);
  const values = gradients.data as Float32Array;
  return { map: mapOf(picture, signed ? values : values.map(Math.abs)), score: scores[0]!, complete: null };
};
