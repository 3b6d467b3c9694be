/**
 * RISE (Petsiuk, Das and Saenko 2018): what the network answers to the picture seen through random masks, a pixel's share being the mean answer
 * of the masks that let it through.
 *
 *   map = 1 / (N p (1 - p)) * sum over masks of (f(x mask) - mean f) (mask - p)
 *
 * The paper's sum of f mask over N p, less what is the same for every pixel in expectation, so that far fewer masks will do: the target here is
 * no probability, and the network's answer to nothing at all would drown the map. Divided by the mask's variance, it is for a network that adds
 * pixels up what a pixel adds. Masks are a coarse grid of cells, enlarged bilinearly and shifted by part of a cell.
 */
import { f32 } from "../../onnx/tensor";
import { seeded, type Random } from "../../vis/random";
import { baselinePicture, BLACK } from "../baselines";
import type { Method } from "../probe";
import type { Baseline } from "../types";
import { pixels } from "../work";
import { askAbout, mixInto } from "./ask";

/** The paper's cells and share that is let through; its 4000 masks serve the sum that is not centred. */
const [MASKS, CELLS, KEEP] = [1000, 7, 0.5];

export const rise: Method<{
  name: "rise";
  masks?: number;
  cells?: number;
  keep?: number;
  seed?: number;
  baseline?: Baseline;
}> = async (context, { masks = MASKS, cells = CELLS, keep = KEEP, seed = 1, baseline = BLACK }) => {
  const { probe, picture } = context;
  const [height, width] = probe.size;
  const plane = height * width;
  const [seen, nothing] = [pixels(picture), pixels(baselinePicture(baseline, context))];
  const waiting = new Map<number, Float32Array>();
  const random = seeded(seed, "rise");
  const [withAnswer, alone] = [new Float64Array(plane), new Float64Array(plane)];
  let answers = 0;
  await askAbout(
    context,
    masks,
    (i, into) => {
      const mask = riseMask(random, { cells, keep, height, width });
      waiting.set(i, mask);
      mixInto(into, seen, nothing, (k) => mask[k]!);
    },
    (i, answer) => {
      const mask = waiting.get(i)!;
      waiting.delete(i);
      answers += answer;
      for (let k = 0; k < plane; k++) {
        withAnswer[k]! += answer * mask[k]!;
        alone[k]! += mask[k]!;
      }
    },
  );
  const spread = Math.max(keep * (1 - keep), 1e-6);
  const map = Float32Array.from(withAnswer, (sum, k) => (sum - (answers / masks) * alone[k]!) / (masks * spread));
  const [score] = (await probe.scores(picture)) as unknown as [number];
  return { map: f32(map, [height, width]), score, complete: null };
};

export interface MaskShape {
  cells: number;
  keep: number;
  height: number;
  width: number;
}

/** One mask [H, W] in 0..1: (cells + 1)^2 random cells, enlarged bilinearly, seen through a window that is shifted by part of a cell. */
export function riseMask(random: Random, { cells, keep, height, width }: MaskShape): Float32Array {
  const grid = Array.from({ length: (cells + 2) ** 2 }, () => (random.uniform() < keep ? 1 : 0));
  const [down, across] = [random.uniform(), random.uniform()];
  const mask = new Float32Array(height * width);
  for (let y = 0; y < height; y++) {
    const v = down + (y * cells) / height;
    const row = Math.floor(v);
    for (let x = 0; x < width; x++) {
      const u = across + (x * cells) / width;
      const column = Math.floor(u);
      const at = (r: number, c: number): number => grid[r * (cells + 2) + c]!;
      const [p, q] = [v - row, u - column];
      const above = (1 - q) * at(row, column) + q * at(row, column + 1);
      const below = (1 - q) * at(row + 1, column) + q * at(row + 1, column + 1);
      mask[y * width + x] = (1 - p) * above + p * below;
    }
  }
  return mask;
}
