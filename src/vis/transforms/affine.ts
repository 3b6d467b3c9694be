/**
 * Random transforms between the picture and the network, so that a unit is shown what it finds from any stand-point, not noise that
 * works from one (Olah et al. 2017). Each step draws new numbers, and the whole list becomes ONE affine map, sampled once:
 *
 *   source = A * target + t       (x, y) of a pixel of the network's input  ->  (x, y) of the picture, both in pixels from the centre
 *
 * Lucid resamples after every transform and so changes size from step to step; here the network's input has one size,
 * that of Lucid's at scale 1. Everything outside the picture is the pad's value, as with Lucid's pad of constant grey.
 */
import type { Random } from "../random";
import type { Transform } from "../recipe";

/** Those that are maps of the plane; the others are filters (filters.ts). */
export type AffineTransform = Exclude<Transform, { kind: "blur" | "noise" }>;
export const isAffine = (t: Transform): t is AffineTransform => t.kind !== "blur" && t.kind !== "noise";

/** Pixels a side after one transform; scale, rotation and flips leave them as they are. */
export function sideAfter(side: number, t: Transform): number {
  if (t.kind === "pad") return side + 2 * t.pixels;
  if (t.kind === "jitter") return side - t.pixels;
  return t.kind === "crops" ? t.pixels : side;
}

/** Side of the network's input after `transforms`, for a picture of `size` pixels. */
export const transformedSize = (size: number, transforms: readonly Transform[]): number => transforms.reduce(sideAfter, size);

/** Row-major [a, b, tx, c, d, ty]: source x = a x + b y + tx, source y = c x + d y + ty. */
export type Affine = readonly [number, number, number, number, number, number];

const IDENTITY: Affine = [1, 0, 0, 0, 1, 0];

/** `first` after `then`: the map that applies `then` to a point, and `first` to the result. */
function compose(first: Affine, then: Affine): Affine {
  const [a, b, tx, c, d, ty] = first;
  const [e, f, ux, g, h, uy] = then;
  return [a * e + b * g, a * f + b * h, a * ux + b * uy + tx, c * e + d * g, c * f + d * h, c * ux + d * uy + ty];
}

const translation = (x: number, y: number): Affine => [1, 0, x, 0, 1, y];

/** Where in a run a draw is made: step 1 .. steps. */
export interface Moment {
  step: number;
  steps: number;
}

/** No crop's side is a smaller share of the picture's, unless the recipe asks for one; that bounds how many pixels show one (warpReach). */
const CROP_LEAST = 0.05;
const leastCrop = ({ from, to }: Extract<AffineTransform, { kind: "crops" }>): number => Math.min(CROP_LEAST, from, to);

/**
 * One draw of a list, for pictures of `size` pixels, as maps from its result to the picture: one for each crop, or one.
 * Later transforms act on the result of earlier ones. `zoom` is how much larger than the transformed size the network's input is.
 */
export function drawAffines(
  transforms: readonly AffineTransform[],
  { random, at, size, zoom = 1 }: { random: Random; at: Moment; size: number; zoom?: number },
): Affine[] {
  return mapsOf(transforms, { size, zoom }, (t, side) => drawnOne(t, { random, at, side }));
}

/** Maps that show the whole picture, centred, with nothing drawn: one for each crop, or one. */
export const stillAffines = (
  transforms: readonly AffineTransform[],
  { size, zoom = 1 }: { size: number; zoom?: number },
): Affine[] =>
  mapsOf(transforms, { size, zoom }, (t, side) => {
    if (t.kind !== "crops") return [IDENTITY];
    const step = side / t.pixels;
    return Array.from({ length: t.count }, (): Affine => [step, 0, 0, 0, step, 0]);
  });

/** Later transforms act on the result of earlier ones: from the network's input back through all of them to the picture. */
function mapsOf(
  transforms: readonly AffineTransform[],
  { size, zoom }: { size: number; zoom: number },
  mapsOfOne: (t: AffineTransform, side: number) => Affine[],
): Affine[] {
  let maps: Affine[] = [IDENTITY];
  let side = size;
  for (const t of transforms) {
    const own = maps.map((map) => ({ map, next: mapsOfOne(t, side) }));
    maps = own.flatMap(({ map, next }) => next.map((drawn) => compose(map, drawn)));
    side = sideAfter(side, t);
  }
  return maps.map((map) => compose(map, [1 / zoom, 0, 0, 0, 1 / zoom, 0]));
}

/** One transform's maps: what its result shows of what it is given, which has `side` pixels. */
function drawnOne(t: AffineTransform, { random, at, side }: { random: Random; at: Moment; side: number }): Affine[] {
  switch (t.kind) {
    case "pad":
      return [IDENTITY]; // about the centre, so the map stays
    case "jitter": {
      // the cut window's centre lies off the old centre by its offset less half of what was cut
      const [x, y] = [random.integer(t.pixels + 1), random.integer(t.pixels + 1)];
      return [translation(x - t.pixels / 2, y - t.pixels / 2)];
    }
    case "scale": {
      const factor = random.pick(t.factors);
      return [[1 / factor, 0, 0, 0, 1 / factor, 0]];
    }
    case "rotate": {
      const angle = (random.pick(t.degrees) * Math.PI) / 180;
      return [[Math.cos(angle), -Math.sin(angle), 0, Math.sin(angle), Math.cos(angle), 0]];
    }
    case "flip":
      return [random.integer(2) ? [-1, 0, 0, 0, 1, 0] : IDENTITY];
    case "crops": {
      const share = at.steps > 1 ? (at.step - 1) / (at.steps - 1) : 0;
      const nominal = t.from + (t.to - t.from) * share;
      return Array.from({ length: t.count }, () => {
        const [x, y] = [t.centreSd * side * random.normal(), t.centreSd * side * random.normal()];
        const drawn = Math.min(1, Math.max(leastCrop(t), nominal + t.sizeSd * random.normal()));
        const step = (drawn * side) / t.pixels; // of the picture, for each pixel of the window
        return [step, 0, x, 0, step, y];
      });
    }
  }
}

/**
 * How many pixels of the network's input, along each axis and to each side, can read one pixel of the picture:
 * the most that any draw of the transforms allows. See warp.ts.
 */
export function warpReach(transforms: readonly AffineTransform[], { size, zoom = 1 }: { size: number; zoom?: number }): number {
  let factor = zoom;
  let side = size;
  let spread = 1;
  for (const t of transforms) {
    if (t.kind === "scale") factor *= Math.max(...t.factors.map(Math.abs));
    if (t.kind === "crops") factor *= t.pixels / (leastCrop(t) * side);
    if (t.kind === "rotate") {
      const angle = Math.max(...t.degrees.map((d) => Math.abs(d % 90)));
      const radians = (Math.min(angle, 45) * Math.PI) / 180;
      spread *= Math.cos(radians) + Math.sin(radians);
    }
    side = sideAfter(side, t);
  }
  // a target is read from if its source lies less than 1 away; seen from the nearest whole target, half a pixel is added
  return Math.max(1, Math.ceil(factor * spread + 0.5) - 1);
}
