/**
 * Expected gradients (Erion et al. 2021; Captum's GradientSHAP): integrated gradients, averaged over backgrounds that are other pictures,
 * by drawing both the background and the point of the path. No single colour stands for "nothing".
 *
 * Each sample has its own share of the path, in random order, so that the mean settles sooner than with independent points.
 */
import type { Tensor } from "../onnx/graph";
import { namedInput } from "../vis/named";
import { seeded } from "../vis/random";
import type { Method } from "./probe";
import { gradientsAt, mapOf, pixels, stacked } from "./work";

const SAMPLES = 64;
/** Half are noise with a photo's spectrum, half are shapes (vis/testPictures.ts). */
const DRAWN = Array.from({ length: 8 }, (_, i) => `drawn:${i}`);

export const expectedGradients: Method<{
  name: "expectedGradients";
  samples?: number;
  seed?: number;
  backgrounds?: string[];
}> = async (context, { samples = SAMPLES, seed = 1, backgrounds = DRAWN }) => {
  const { probe, picture, pictures } = context;
  const others: Tensor[] = backgrounds.map((name) => namedInput(name, pictures, probe.size));
  const x = pixels(picture);
  const random = seeded(seed, "expected gradients");
  const order = Float64Array.from({ length: samples }, () => random.uniform());
  const ranks = Array.from(order.keys()).sort((a, b) => order[a]! - order[b]!);
  const draws = ranks.map((rank, i) => ({
    from: pixels(others[i % others.length]!),
    share: (rank + random.uniform()) / samples,
  }));
  const sum = new Float64Array(x.length);
  await gradientsAt(context, {
    count: samples,
    fill: (i, into) => {
      const { from, share } = draws[i]!;
      for (let k = 0; k < x.length; k++) into[k] = from[k]! + share * (x[k]! - from[k]!);
    },
    take: (i, gradient) => {
      const { from } = draws[i]!;
      for (let k = 0; k < x.length; k++) sum[k]! += (gradient[k]! * (x[k]! - from[k]!)) / samples;
    },
  });
  const [score, ...bases] = await probe.scores(stacked([picture, ...others]));
  const base = draws.reduce((total, _, i) => total + bases[i % bases.length]!, 0) / samples;
  return { map: mapOf(picture, sum), score: score!, complete: score! - base };
};
