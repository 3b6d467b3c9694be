/**
 * Occlusion (Zeiler and Fergus 2014): how much the score falls when a square of the picture is covered. A pixel gets the mean over the squares
 * that cover it, so that the map does not depend on where the squares begin.
 */
import { f32 } from "../../onnx/tensor";
import { baselinePicture } from "../baselines";
import type { Method } from "../probe";
import type { Baseline } from "../types";
import { pixels } from "../work";
import { askAbout } from "./ask";

/** A square's side as a share of the picture's shorter one, and the way to the next as a share of the square's. */
const [PATCH, STRIDE] = [1 / 8, 1 / 2];

export const occlusion: Method<{ name: "occlusion"; patch?: number; stride?: number; baseline?: Baseline }> = async (
  context,
  { patch, stride, baseline = { kind: "mean" } },
) => {
  const { probe, picture } = context;
  const [height, width] = probe.size;
  const side = Math.min(patch ?? Math.max(1, Math.round(PATCH * Math.min(height, width))), height, width);
  const by = stride ?? Math.max(1, Math.round(STRIDE * side));
  const squares = places(height, side, by).flatMap((top) => places(width, side, by).map((left) => ({ top, left })));
  const [seen, nothing] = [pixels(picture), pixels(baselinePicture(baseline, context))];
  const plane = height * width;
  const [score] = (await probe.scores(picture)) as unknown as [number];
  const [fall, covered] = [new Float64Array(plane), new Float64Array(plane)];
  const cover = (i: number, visit: (pixel: number) => void): void => {
    const { top, left } = squares[i]!;
    for (let y = top; y < top + side; y++) for (let x = left; x < left + side; x++) visit(y * width + x);
  };
  await askAbout(
    context,
    squares.length,
    (i, into) => {
      into.set(seen);
      cover(i, (pixel) => {
        for (let k = pixel; k < into.length; k += plane) into[k] = nothing[k]!;
      });
    },
    (i, without) =>
      cover(i, (pixel) => {
        fall[pixel]! += score - without;
        covered[pixel]! += 1;
      }),
  );
  const map = Float32Array.from(fall, (sum, i) => sum / Math.max(1, covered[i]!));
  return { map: f32(map, [height, width]), score, complete: null };
};

/** Where squares begin along a side of `length`; the last one ends with it. */
function places(length: number, side: number, by: number): number[] {
  const last = length - side;
  return [...Array.from({ length: Math.floor(last / by) + 1 }, (_, i) => i * by), last].filter(
    (at, i, all) => all.indexOf(at) === i,
  );
}
