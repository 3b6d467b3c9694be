/**
 * LIME for images (Ribeiro, Singh and Guestrin 2016): a linear model of what the network answers when superpixels are left out, fitted where few
 * are. As the authors' package does it: samples of fair coins, weights exp(-d^2 / 0.25^2) of the cosine distance d to the whole picture, ridge 1.
 */
import { f32 } from "../../onnx/tensor";
import { seeded } from "../../vis/random";
import { baselinePicture } from "../baselines";
import type { Method } from "../probe";
import type { Baseline } from "../types";
import { pixels } from "../work";
import { askAbout, mixInto } from "./ask";
import { leastSquares } from "./linear";
import { slic } from "./superpixels";

const [SAMPLES, SEGMENTS] = [1000, 50];
const KERNEL_WIDTH = 0.25;
const RIDGE = 1;

export const lime: Method<{ name: "lime"; samples?: number; segments?: number; seed?: number; baseline?: Baseline }> = async (
  context,
  { samples = SAMPLES, segments = SEGMENTS, seed = 1, baseline = { kind: "mean" } },
) => {
  const { probe, picture } = context;
  const { count, of } = slic(picture, segments);
  const random = seeded(seed, "lime");
  const rows = Array.from({ length: samples }, (_, i) =>
    Float64Array.from({ length: count + 1 }, (_, k) => (k === 0 || i === 0 || random.uniform() < 0.5 ? 1 : 0)),
  );
  const [seen, nothing] = [pixels(picture), pixels(baselinePicture(baseline, context))];
  const answers = new Float64Array(samples);
  await askAbout(
    context,
    samples,
    (i, into) => mixInto(into, seen, nothing, (pixel) => rows[i]![1 + of[pixel]!]!),
    (i, answer) => (answers[i] = answer),
  );
  const weights = rows.map((row) => {
    const left = row.reduce((sum, v) => sum + v, 0) - 1;
    const distance = 1 - Math.sqrt(left / count); // cosine of a vector of zeros and ones with that of ones
    return Math.exp(-(distance ** 2) / KERNEL_WIDTH ** 2);
  });
  const beta = leastSquares(rows, answers, weights, RIDGE, 1); // the first is the intercept
  const map = Float32Array.from(of, (segment) => beta[1 + segment]!);
  return { map: f32(map, [...probe.size]), score: answers[0]!, complete: null };
};
