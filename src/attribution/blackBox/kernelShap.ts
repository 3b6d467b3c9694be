/**
 * KernelSHAP (Lundberg and Lee 2017): Shapley values of superpixels, by weighted least squares over coalitions. All coalitions where there are
 * few superpixels: then they are exact. Else coalitions are drawn by the kernel's weight of their size, each with its complement.
 *
 *   weight of a coalition of k out of m = (m - 1) / (C(m, k) k (m - k));   sum of values = f(x) - f(baseline), held exactly
 *
 * A superpixel's value is shared evenly by its pixels, so that the map sums to the difference.
 */
import { f32 } from "../../onnx/tensor";
import { seeded } from "../../vis/random";
import { baselinePicture } from "../baselines";
import type { Method } from "../probe";
import type { Baseline } from "../types";
import { pixels, stacked } from "../work";
import { askAbout, mixInto } from "./ask";
import { leastSquares } from "./linear";
import { slic } from "./superpixels";

const [SAMPLES, SEGMENTS] = [1000, 50];

export const kernelShap: Method<{
  name: "kernelShap";
  samples?: number;
  segments?: number;
  seed?: number;
  baseline?: Baseline;
}> = async (context, { samples = SAMPLES, segments = SEGMENTS, seed = 1, baseline = { kind: "mean" } }) => {
  const { probe, picture } = context;
  const { count, of } = slic(picture, segments);
  const start = baselinePicture(baseline, context);
  const [score, base] = (await probe.scores(stacked([picture, start]))) as unknown as [number, number];
  const { coalitions, weights } = coalitionsOf(count, samples, seed);
  const answers = new Float64Array(coalitions.length);
  const [seen, nothing] = [pixels(picture), pixels(start)];
  await askAbout(
    context,
    coalitions.length,
    (i, into) => mixInto(into, seen, nothing, (pixel) => coalitions[i]![of[pixel]!]!),
    (i, answer) => (answers[i] = answer),
  );
  const values = shapleyValues(coalitions, weights, answers, { whole: score, nothing: base });
  const sizes = new Float64Array(count);
  for (const segment of of) sizes[segment]! += 1;
  const map = Float32Array.from(of, (segment) => values[segment]! / sizes[segment]!);
  return { map: f32(map, [...probe.size]), score, complete: score - base };
};

export interface Coalitions {
  /** Zeros and ones [m] each; neither all nor none. */
  coalitions: Uint8Array[];
  /** By the Shapley kernel, as far as drawing them has not seen to it. */
  weights: number[];
}

/** All coalitions of `m` players where they are no more than `most`, else `most` drawn ones. */
export function coalitionsOf(m: number, most: number, seed: number): Coalitions {
  const sizes = Array.from({ length: Math.max(0, m - 1) }, (_, i) => i + 1);
  if (m <= 30 && 2 ** m - 2 <= most) {
    const coalitions = Array.from({ length: Math.max(0, 2 ** m - 2) }, (_, i) =>
      Uint8Array.from({ length: m }, (_, k) => ((i + 1) >> k) & 1),
    );
    const weights = coalitions.map((row) => kernel(m, row.reduce((a, b) => a + b, 0))); // prettier-ignore
    return { coalitions, weights };
  }
  const random = seeded(seed, "kernel shap");
  const mass = sizes.map((k) => 1 / (k * (m - k))); // the kernel times the number of coalitions of that size
  const total = mass.reduce((a, b) => a + b, 0);
  const coalitions: Uint8Array[] = [];
  while (coalitions.length < most) {
    let left = random.uniform() * total;
    const size = sizes.find((_, i) => (left -= mass[i]!) < 0) ?? 1;
    const players = Array.from({ length: m }, (_, i) => i);
    const row = new Uint8Array(m);
    for (let k = 0; k < size; k++) {
      const at = k + random.integer(m - k);
      [players[k], players[at]] = [players[at]!, players[k]!];
      row[players[k]!] = 1;
    }
    coalitions.push(row);
    if (coalitions.length < most) coalitions.push(row.map((v) => 1 - v));
  }
  return { coalitions, weights: coalitions.map(() => 1) };
}

const kernel = (m: number, k: number): number => (m - 1) / (choose(m, k) * k * (m - k));
const choose = (n: number, k: number): number =>
  Array.from({ length: k }, (_, i) => (n - i) / (k - i)).reduce((a, b) => a * b, 1);

/** The values [m] that fit best and sum to whole - nothing: the last player's is what the others leave. */
export function shapleyValues(
  coalitions: readonly Uint8Array[],
  weights: readonly number[],
  answers: ArrayLike<number>,
  { whole, nothing }: { whole: number; nothing: number },
): Float64Array {
  const m = coalitions[0]?.length ?? 1;
  if (m === 1) return Float64Array.of(whole - nothing);
  const rows = coalitions.map((row) => Float64Array.from(row.subarray(0, m - 1), (v) => v - row[m - 1]!));
  const targets = coalitions.map((row, i) => answers[i]! - nothing - row[m - 1]! * (whole - nothing));
  const values = leastSquares(rows, targets, weights, 0);
  return Float64Array.of(...values, whole - nothing - values.reduce((a, b) => a + b, 0));
}
