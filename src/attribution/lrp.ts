/** Layer-wise relevance propagation (Bach et al. 2015): the score itself, shared out layer by layer. The rules are in rules/lrp.ts. */
import type { Method } from "./probe";
import type { LrpComposite } from "./types";
import { mapOf } from "./work";

interface Options {
  name: "lrp";
  composite?: LrpComposite;
  epsilon?: number;
  gamma?: number;
}

export const lrp: Method<Options> = async ({ probe, picture }, { composite = "epsilonPlus", epsilon = 1e-6, gamma = 0.25 }) => {
  const { scores, gradients } = await probe.gradients(picture, { kind: "lrp", composite, epsilon, gamma });
  return { map: mapOf(picture, gradients.data as Float32Array), score: scores[0]!, complete: scores[0]! };
};
