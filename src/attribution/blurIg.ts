/**
 * Blur integrated gradients (Xu, Venugopalan and Sundararajan 2020): the path takes a Gaussian blur away, coarse things first, so that no
 * colour is "nothing" and no artificial structure comes in.
 *
 * The path is followed from blur to blur as a polyline, with the gradient in the middle of each piece; blurs are closer together where they
 * are weak, for there most of the picture returns: sigma falls with the square of what is left.
 */
import type { Tensor } from "../onnx/graph";
import { blurred } from "./blur";
import type { Method } from "./probe";
import { gradientsAt, mapOf, pixels, stacked } from "./work";

const STEPS = 50;
const SIGMA = 50;

export const blurIg: Method<{ name: "blurIg"; steps?: number; sigma?: number }> = async (
  context,
  { steps = STEPS, sigma = SIGMA },
) => {
  const { probe, picture } = context;
  const at = (i: number): Tensor => blurred(picture, sigma * (1 - i / steps) ** 2);
  const start = at(0);
  const pieces = new Map<number, { from: Float32Array; to: Float32Array }>();
  let last = pixels(start);
  const sum = new Float64Array(last.length);
  await gradientsAt(context, {
    count: steps,
    fill: (i, into) => {
      const next = pixels(at(i + 1));
      pieces.set(i, { from: last, to: next });
      for (let k = 0; k < into.length; k++) into[k] = (last[k]! + next[k]!) / 2;
      last = next;
    },
    take: (i, gradient) => {
      const { from, to } = pieces.get(i)!;
      pieces.delete(i);
      for (let k = 0; k < sum.length; k++) sum[k]! += gradient[k]! * (to[k]! - from[k]!);
    },
  });
  const [score, base] = await probe.scores(stacked([picture, start]));
  return { map: mapOf(picture, sum), score: score!, complete: score! - base! };
};
