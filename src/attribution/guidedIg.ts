/**
 * Guided integrated gradients (Kapishnikov et al. 2021): a path from the baseline to the picture that moves the pixels with the smallest
 * gradients first, and so goes round the ridges where gradients are large and say little.
 *
 * Every step brings the L1 distance to the picture down by an equal share. No pixel may be farther than `maxDistance` of its way ahead of the
 * straight path, or behind it. What a pixel moves, times the gradient where the step began, is its attribution.
 */
import { BLACK, baselinePicture } from "./baselines";
import type { Method } from "./probe";
import type { Baseline } from "./types";
import { gradientsAt, mapOf, pixels, stacked } from "./work";

const STEPS = 100;
const FRACTION = 0.25;
const MAX_DISTANCE = 0.02;
/** Of the whole way: rounding in float32. */
const EPSILON = 1e-6;

interface Options {
  name: "guidedIg";
  steps?: number;
  fraction?: number;
  maxDistance?: number;
  baseline?: Baseline;
}

export const guidedIg: Method<Options> = async (context, options) => {
  const { steps = STEPS, fraction = FRACTION, maxDistance = MAX_DISTANCE, baseline = BLACK } = options;
  const { probe, picture } = context;
  const start = baselinePicture(baseline, context);
  const path = new GuidedPath(pixels(picture), pixels(start), fraction);
  await gradientsAt(context, {
    count: steps,
    batch: 1, // where the next point is depends on this one's gradient
    fill: (_, into) => into.set(path.at),
    take: (i, gradient) => path.move(gradient, (i + 1) / steps, maxDistance),
  });
  const [score, base] = await probe.scores(stacked([picture, start]));
  return { map: mapOf(picture, path.attribution), score: score!, complete: score! - base! };
};

class GuidedPath {
  readonly at: Float64Array;
  readonly attribution: Float64Array;
  readonly #whole: number;

  constructor(
    readonly end: Float32Array,
    readonly start: Float32Array,
    readonly fraction: number,
  ) {
    this.at = Float64Array.from(start);
    this.attribution = new Float64Array(end.length);
    this.#whole = this.#distance(end);
  }

  /** Goes on until the share `alpha` of the whole way is done. */
  move(gradient: Float32Array, alpha: number, maxDistance: number): void {
    const { at, start, end, attribution } = this;
    const along = (k: number, share: number) => start[k]! + share * (end[k]! - start[k]!);
    const [least, most] = [Math.max(0, alpha - maxDistance), Math.min(1, alpha + maxDistance)];
    const before = Float64Array.from(at);
    for (let k = 0; k < at.length; k++) if (this.#shareOf(k) < least) at[k] = along(k, least); // none may fall behind
    const target = this.#whole * (1 - alpha);
    for (;;) {
      const rest = this.#distance(end);
      if (rest - target <= EPSILON * this.#whole) break;
      const movable = new Float32Array(at.length);
      for (let k = 0; k < at.length; k++) movable[k] = this.#shareOf(k) >= most - EPSILON ? Infinity : Math.abs(gradient[k]!);
      const chosen = smallest(movable, this.fraction);
      if (!chosen.length) break;
      const reach = chosen.reduce((sum, k) => sum + Math.abs(along(k, most) - at[k]!), 0);
      const share = reach > 0 ? Math.min(1, (rest - target) / reach) : 1;
      for (const k of chosen) at[k]! += share * (along(k, most) - at[k]!);
    }
    for (let k = 0; k < at.length; k++) attribution[k]! += (at[k]! - before[k]!) * gradient[k]!;
  }

  /** How much of its way a pixel has gone; one that has none is always there. */
  #shareOf(k: number): number {
    const way = this.end[k]! - this.start[k]!;
    return way === 0 ? Infinity : (this.at[k]! - this.start[k]!) / way;
  }

  #distance(to: Float32Array): number {
    return this.at.reduce((sum, v, k) => sum + Math.abs(v - to[k]!), 0);
  }
}

/** Where the lowest `fraction` of the values are: all that are finite, when fewer are. */
function smallest(values: Float32Array, fraction: number): number[] {
  const threshold = values.toSorted()[Math.floor(fraction * (values.length - 1))]!;
  const chosen: number[] = [];
  values.forEach((value, k) => value <= threshold && value < Infinity && chosen.push(k));
  return chosen;
}
