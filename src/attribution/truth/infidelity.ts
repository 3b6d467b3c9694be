/**
 * Infidelity (Yeh, Hsieh, Suggala, Inouye and Ravikumar 2019): how far what a map says a change costs is from what it does cost, squared, over
 * random changes I. Here a change takes a random square out of the picture, whose pixels become the baseline's, the paper's square removal:
 *
 *   infidelity = mean over squares of (sum of the map in the square - (f(x) - f(x without the square)))^2
 *
 * The map is one of shares, which sum to the score less the baseline's (a gradient has to be multiplied by picture less baseline first). 0 for
 * integrated gradients from that baseline on a linear function.
 */
import type { Tensor } from "../../onnx/graph";
import { seeded } from "../../vis/random";
import { baselinePicture, BLACK } from "../baselines";
import { askAbout, mixInto } from "../blackBox/ask";
import type { MethodContext } from "../probe";
import type { Baseline } from "../types";
import { pixels } from "../work";
import { byPixel } from "./order";

export interface Infidelity {
  /** In the target's units, squared. */
  infidelity: number;
  /**
   * The least that a factor on the whole map makes of it, as a share of the costs' own mean square: maps of any scale can be compared. 1 says that
   * the map tells nothing; 0, that it tells all. Null where no square changes the target.
   */
  scaled: number | null;
}

export interface InfidelityOptions {
  squares?: number;
  /** The largest side of a square, as a share of the picture's shorter side (0.5). */
  side?: number;
  baseline?: Baseline;
  seed?: number;
}

/** Of a map [3, H, W] or [H, W]. Throws the signal's reason. */
export async function infidelity(
  context: MethodContext,
  map: Tensor,
  { squares = 100, side = 0.5, baseline = BLACK, seed = 1 }: InfidelityOptions = {},
): Promise<Infidelity> {
  const [height, width] = context.probe.size;
  const shares = byPixel(map);
  const [seen, nothing] = [pixels(context.picture), pixels(baselinePicture(baseline, context))];
  const random = seeded(seed, "infidelity");
  const largest = Math.max(1, Math.round(side * Math.min(height, width)));
  const inside = Array.from({ length: squares }, () => {
    const size = 1 + random.integer(largest);
    const [top, left] = [random.integer(height - size + 1), random.integer(width - size + 1)];
    return (k: number): boolean => {
      const [y, x] = [Math.floor(k / width) - top, (k % width) - left];
      return y >= 0 && y < size && x >= 0 && x < size;
    };
  });
  const said = inside.map((within) => shares.reduce((sum, v, k) => (within(k) ? sum + v : sum), 0));
  const left = new Float64Array(squares);
  await askAbout(
    context,
    squares,
    (i, into) => mixInto(into, nothing, seen, (k) => (inside[i]!(k) ? 1 : 0)),
    (i, score) => (left[i] = score),
  );
  const [score] = (await context.probe.scores(context.picture)) as unknown as [number];
  let [missed, saidSaid, saidCosts, costs] = [0, 0, 0, 0];
  said.forEach((s, i) => {
    const cost = score - left[i]!;
    missed += (s - cost) ** 2;
    saidSaid += s * s;
    saidCosts += s * cost;
    costs += cost * cost;
  });
  return {
    infidelity: missed / squares,
    scaled: costs === 0 ? null : saidSaid === 0 ? 1 : Math.max(0, 1 - saidCosts ** 2 / (saidSaid * costs)),
  };
}
