/**
 * Insertion and deletion (Petsiuk, Das and Saenko 2018): how the target rises as pixels come back into a blurred picture in the order of the
 * map, and how it falls as they are taken out of the picture. A true map has a large area under the first curve, a small one under the second.
 */
import type { Tensor } from "../../onnx/graph";
import { baselinePicture } from "../baselines";
import { askAbout, mixInto } from "../blackBox/ask";
import type { MethodContext } from "../probe";
import type { Baseline } from "../types";
import { pixels } from "../work";
import { orderOf } from "./order";

export interface Curve {
  /** Of all pixels, how many are changed: from 0 to 1 [steps + 1]. */
  shares: Float32Array;
  /** The target there [steps + 1]. */
  scores: Float32Array;
  /** Area under the scores, in the target's own units. */
  auc: number;
  /**
   * The same where the picture with nothing in it is 0 and the whole picture 1, which compares pictures with each other; null where the
   * whole picture does not score higher.
   */
  normalised: number | null;
}

export interface CurveOptions {
  /** Pictures asked about, less one (50). */
  steps?: number;
  /** What pixels are where they are not the picture's: a blur for insertion, the mean colour for deletion, when left out. */
  baseline?: Baseline;
  /** Of the order of equal pixels (1). */
  seed?: number;
}

const STEPS = 50;

/** How the target rises as the pixels that count most come first. `map` is [3, H, W] or [H, W]. Throws the signal's reason. */
export const insertion = (context: MethodContext, map: Tensor, options: CurveOptions = {}): Promise<Curve> =>
  curve(context, map, { baseline: { kind: "blur" }, ...options }, true);

/** How the target falls as the pixels that count most go first. `map` is [3, H, W] or [H, W]. Throws the signal's reason. */
export const deletion = (context: MethodContext, map: Tensor, options: CurveOptions = {}): Promise<Curve> =>
  curve(context, map, { baseline: { kind: "mean" }, ...options }, false);

async function curve(
  context: MethodContext,
  map: Tensor,
  { steps = STEPS, seed, baseline }: CurveOptions & { baseline: Baseline },
  inserting: boolean,
): Promise<Curve> {
  const order = orderOf(map, seed);
  const rank = new Uint32Array(order.length);
  order.forEach((pixel, i) => (rank[pixel] = i));
  const [seen, nothing] = [pixels(context.picture), pixels(baselinePicture(baseline, context))];
  const [changed, rest] = inserting ? [seen, nothing] : [nothing, seen];
  const scores = new Float32Array(steps + 1);
  await askAbout(
    context,
    steps + 1,
    (i, into) => {
      const changes = Math.round((i / steps) * order.length);
      mixInto(into, changed, rest, (k) => (rank[k]! < changes ? 1 : 0));
    },
    (i, score) => (scores[i] = score),
  );
  const auc = area(scores);
  const [empty, full] = inserting ? [scores[0]!, scores[steps]!] : [scores[steps]!, scores[0]!];
  return {
    shares: Float32Array.from(scores, (_, i) => i / steps),
    scores,
    auc,
    normalised: full > empty ? (auc - empty) / (full - empty) : null,
  };
}

/** Under a curve of evenly spaced points over 0..1, by trapezoids. */
export const area = (scores: Float32Array): number =>
  scores.reduce((sum, v, i) => sum + (i === 0 || i === scores.length - 1 ? v / 2 : v), 0) / (scores.length - 1);
