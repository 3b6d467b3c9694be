/**
 * ROAD, remove and debias (Rong, Leemann, Borisov, Kasneci and Kasneci 2022): pixels that are taken away are not painted in one colour, whose
 * outline would tell the network what was there, but filled in from their neighbours with a little noise on top.
 *
 *   x_i = sum over the neighbours j of i of w_ij x_j / sum of w_ij,   w = 1/6 beside, above and below, 1/12 across corners
 *
 * for every missing pixel at once: a linear system, symmetric and positive definite, solved by conjugate gradients.
 */
import type { Tensor } from "../../onnx/graph";
import { seeded } from "../../vis/random";
import { askAbout } from "../blackBox/ask";
import type { MethodContext } from "../probe";
import { pixels } from "../work";
import { orderOf } from "./order";

export interface Road {
  /** Of all pixels, how many are taken away. */
  shares: readonly number[];
  /** The target without the pixels that count most, for each share. */
  mostFirst: Float32Array;
  /** The target without the pixels that count least. */
  leastFirst: Float32Array;
  /** The mean of leastFirst less mostFirst: above 0 for a true map, about 0 for one that knows nothing. */
  score: number;
}

export interface RoadOptions {
  /** Each between 0 and 1, exclusive. */
  shares?: readonly number[];
  /** Standard deviation of the noise, of the colours' range (0.01). */
  noise?: number;
  seed?: number;
}

const SHARES = [0.1, 0.3, 0.5, 0.7, 0.9] as const;
const NEIGHBOURS = [-1, 0, 1].flatMap((dy) =>
  [-1, 0, 1].filter((dx) => dx !== 0 || dy !== 0).map((dx) => ({ dy, dx, weight: dx === 0 || dy === 0 ? 1 / 6 : 1 / 12 })),
);
const WEIGHTS = Float64Array.from(NEIGHBOURS, ({ weight }) => weight);
/** Where the solver stops: the rest as a share of the right side, a hundredth of the noise that is laid over it; and rounds. */
const [ENOUGH, ROUNDS] = [1e-4, 2000];

/** Of a map [3, H, W] or [H, W]. Throws RangeError for a share that leaves nothing to take or to fill in from, and the signal's reason. */
export async function road(
  context: MethodContext,
  map: Tensor,
  { shares = SHARES, noise = 0.01, seed = 1 }: RoadOptions = {},
): Promise<Road> {
  const order = orderOf(map, seed);
  const counts = shares.map((share) => {
    const count = Math.round(share * order.length);
    if (!(count > 0 && count < order.length))
      throw new RangeError(`a share of ${share} takes ${count} of ${order.length} pixels. Use shares between 0 and 1.`);
    return count;
  });
  const random = seeded(seed, "road");
  const scores = new Float32Array(2 * shares.length);
  await askAbout(
    context,
    scores.length,
    (i, into) => {
      const count = counts[i % shares.length]!;
      const missing = i < shares.length ? order.subarray(0, count) : order.subarray(order.length - count);
      into.set(imputed(pixels(context.picture), context.probe.size, missing));
      for (const pixel of missing) for (let k = pixel; k < into.length; k += order.length) into[k]! += noise * random.normal();
    },
    (i, score) => (scores[i] = score),
  );
  const [mostFirst, leastFirst] = [scores.slice(0, shares.length), scores.slice(shares.length)];
  const score = leastFirst.reduce((sum, v, i) => sum + v - mostFirst[i]!, 0) / shares.length;
  return { shares, mostFirst, leastFirst, score };
}

/** A picture [C, H, W] whose missing pixels (row-major numbers, not all of them) are what their neighbours' weighted means make of them, without noise. */
export function imputed(
  picture: Float32Array,
  [height, width]: readonly [height: number, width: number],
  missing: Uint32Array,
): Float32Array {
  const plane = height * width;
  const [n, near] = [missing.length, NEIGHBOURS.length];
  const unknown = new Int32Array(plane).fill(-1);
  missing.forEach((pixel, i) => (unknown[pixel] = i));
  const total = new Float64Array(n);
  // neighbours of each missing pixel that are missing too, by their number, and those that are known, by position; -1 where not so
  const [open, known] = [new Int32Array(n * near).fill(-1), new Int32Array(n * near).fill(-1)];
  missing.forEach((pixel, i) =>
    NEIGHBOURS.forEach(({ dy, dx, weight }, k) => {
      const [y, x] = [Math.floor(pixel / width) + dy, (pixel % width) + dx];
      if (y < 0 || y >= height || x < 0 || x >= width) return;
      const beside = y * width + x;
      total[i]! += weight;
      if (unknown[beside]! >= 0) open[i * near + k] = unknown[beside]!;
      else known[i * near + k] = beside;
    }),
  );
  const applied = (v: Float64Array, out: Float64Array): void => {
    for (let i = 0, at = 0; i < n; i++) {
      let sum = total[i]! * v[i]!;
      for (let k = 0; k < near; k++, at++) if (open[at]! >= 0) sum -= WEIGHTS[k]! * v[open[at]!]!;
      out[i] = sum;
    }
  };
  const out = picture.slice();
  for (let c = 0; c * plane < picture.length; c++) {
    const right = new Float64Array(n);
    for (let i = 0, at = 0; i < n; i++)
      for (let k = 0; k < near; k++, at++) if (known[at]! >= 0) right[i]! += WEIGHTS[k]! * picture[c * plane + known[at]!]!;
    const solution = conjugateGradients(applied, right);
    for (let i = 0; i < n; i++) out[c * plane + missing[i]!] = solution[i]!;
  }
  return out;
}

/** v of applied(v) = right, for a symmetric positive definite map (Hestenes and Stiefel 1952). */
function conjugateGradients(applied: (v: Float64Array, out: Float64Array) => void, right: Float64Array): Float64Array {
  const n = right.length;
  const dot = (a: Float64Array, b: Float64Array): number => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += a[i]! * b[i]!;
    return sum;
  };
  const [solution, image] = [new Float64Array(n), new Float64Array(n)];
  const [rest, way] = [right.slice(), right.slice()];
  let left = dot(rest, rest);
  const enough = ENOUGH ** 2 * left;
  for (let round = 0; round < ROUNDS && left > enough; round++) {
    applied(way, image);
    const step = left / dot(way, image);
    for (let i = 0; i < n; i++) {
      solution[i]! += step * way[i]!;
      rest[i]! -= step * image[i]!;
    }
    const now = dot(rest, rest);
    for (let i = 0; i < n; i++) way[i] = rest[i]! + (now / left) * way[i]!;
    left = now;
  }
  return solution;
}
