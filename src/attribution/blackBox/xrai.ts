/**
 * XRAI (Kapishnikov et al. 2019): regions ranked by how much integrated gradients they hold.
 *
 * Regions of six sizes, each grown by a few pixels; integrated gradients from black and from white, averaged. Then, again and again, the region
 * whose pixels that are not taken yet have the highest mean is taken. A pixel's value is the mean of the region with which it was taken.
 */
import { f32 } from "../../onnx/tensor";
import { integratedGradients } from "../integratedGradients";
import type { Method } from "../probe";
import { regions } from "./regions";

const POINTS = 50;
/** The paper's, for colours from 0 to 255 over 255. */
const SCALES = [50, 100, 150, 250, 500, 1200].map((scale) => scale / 255);
/** Pixels by which regions are grown, so that they hold their own edges. */
const GROWN = 5;
/** Fewer new pixels than this are not worth a region. */
const LEAST_NEW = 50;

export const xrai: Method<{ name: "xrai"; points?: number }> = async (context, { points = POINTS }) => {
  const { probe, picture, onProgress } = context;
  const [height, width] = probe.size;
  const from = (kind: "black" | "white", before: number) =>
    integratedGradients(
      { ...context, ...(onProgress && { onProgress: (done: number, of: number) => onProgress(before + done, 2 * of) }) },
      { name: "integratedGradients", points, baseline: { kind } },
    );
  const halves = [await from("black", 0), await from("white", points)] as const;
  const plane = height * width;
  const held = new Float64Array(plane);
  for (const { map } of halves) (map.data as Float32Array).forEach((v, k) => (held[k % plane]! += v / 2));
  const all = SCALES.flatMap((scale) => {
    const { count, of } = regions(picture, scale);
    return Array.from({ length: count }, (_, i) => grown(of, i, [height, width]));
  });
  return { map: f32(ranked(all, held), [height, width]), score: halves[0].score, complete: null };
};

/** A region's pixels, and those within GROWN of it along rows and columns. */
function grown(of: Int32Array, region: number, [height, width]: readonly [number, number]): Int32Array {
  let inside = Uint8Array.from(of, (r) => (r === region ? 1 : 0));
  for (let t = 0; t < GROWN; t++) {
    const next = inside.slice();
    for (let at = 0; at < inside.length; at++) {
      if (inside[at]) continue;
      const [y, x] = [Math.floor(at / width), at % width];
      if (
        (x > 0 && inside[at - 1]) ||
        (x + 1 < width && inside[at + 1]) ||
        (y > 0 && inside[at - width]) ||
        (y + 1 < height && inside[at + width])
      )
        next[at] = 1;
    }
    inside = next;
  }
  return Int32Array.from(inside.keys()).filter((at) => inside[at]);
}

/** Every pixel's value: the mean of what was new of the region with which it was taken. `regions` are lists of pixels, `held` is [H * W]. */
export function ranked(regions: readonly Int32Array[], held: ArrayLike<number>, leastNew = LEAST_NEW): Float32Array {
  const taken = new Uint8Array(held.length);
  const out = new Float32Array(held.length);
  const has = Array.from({ length: held.length }, (): number[] => []);
  regions.forEach((pixels, r) => pixels.forEach((at) => has[at]!.push(r)));
  const sums = regions.map((pixels) => pixels.reduce((sum, at) => sum + held[at]!, 0));
  const fresh = regions.map(({ length }) => length);
  for (let least = leastNew; least >= 1; least = least > 1 ? 1 : 0)
    for (;;) {
      let best = -1;
      for (let r = 0; r < regions.length; r++)
        if (fresh[r]! >= least && (best < 0 || sums[r]! / fresh[r]! > sums[best]! / fresh[best]!)) best = r;
      if (best < 0) break;
      const mean = sums[best]! / fresh[best]!;
      for (const at of regions[best]!) {
        if (taken[at]) continue;
        taken[at] = 1;
        out[at] = mean;
        for (const r of has[at]!) {
          sums[r]! -= held[at]!;
          fresh[r]! -= 1;
        }
      }
    }
  return out;
}
