/**
 * Non-negative matrix factorisation by multiplicative updates (Lee and Seung 2001): how a layer's many units fire as a few groups
 * (Olah et al. 2018). Plain arithmetic; the start is seeded, so that the same layer gives the same groups.
 */
import { seeded } from "../../vis/random";

/** A few units that fire together, and where. */
export interface Factor {
  /** How much of each unit is in it, of length 1: [C]. */
  channels: Float32Array<ArrayBuffer>;
  /** How strongly it fires at each position [positions]. */
  positions: Float32Array<ArrayBuffer>;
}

export interface Factors {
  /** The one that fires most in sum first. */
  factors: Factor[];
  /** What they leave over: |X - product| / |X|, Frobenius. 0 where X is 0. */
  error: number;
}

export interface NmfOptions {
  /** Groups, at least 1. */
  count: number;
  /** Where the climb starts (1). */
  seed?: number;
  /** Updates at most (200); it ends when ten of them together gain less than a thousandth. */
  iterations?: number;
  /** Called and waited for after every update: a caller that throws ends it. */
  onIteration?: (done: number, of: number) => Promise<void> | void;
}

/** Keeps a quotient finite where a factor has died. */
const TINY = 1e-12;
const LOOK_EVERY = 10;
const GAIN = 1e-3;

/** X [C, positions], row-major, as a sum of `count` products of units and positions. What is negative in X counts as 0. */
export async function nmf(
  x: Float32Array,
  [channels, positions]: readonly [channels: number, positions: number],
  { count, seed = 1, iterations = 200, onIteration }: NmfOptions,
): Promise<Factors> {
  const data = Float64Array.from(x, (v) => Math.max(0, v));
  const squares = data.reduce((sum, v) => sum + v * v, 0);
  const random = seeded(seed, "nmf");
  const scale = Math.sqrt(data.reduce((sum, v) => sum + v, 0) / Math.max(1, data.length) / count);
  const start = (length: number): Float64Array => Float64Array.from({ length }, () => scale * (0.05 + Math.abs(random.normal())));
  const units = Array.from({ length: count }, () => start(channels));
  const places = Array.from({ length: count }, () => start(positions));

  let last = Infinity;
  let error = 1;
  for (let done = 1; done <= iterations && squares > 0; done++) {
    update(units, timesPlaces(data, places, [channels, positions]), gram(places));
    const products = timesUnits(data, units, [channels, positions]);
    update(places, products, gram(units));
    await onIteration?.(done, iterations);
    if (done % LOOK_EVERY && done < iterations) continue;
    error = relativeError(squares, products, places, gram(units));
    if (last - error < GAIN * last) break;
    last = error;
  }
  return { factors: units.map((unit, k) => normalised(unit, places[k]!)).sort(byStrength), error: squares > 0 ? error : 0 };
}

/** For every factor, X times its places: [C]. */
function timesPlaces(x: Float64Array, places: readonly Float64Array[], [channels, positions]: readonly [number, number]) {
  return places.map((place) => {
    const out = new Float64Array(channels);
    for (let c = 0, at = 0; c < channels; c++) {
      let sum = 0;
      for (let p = 0; p < positions; p++, at++) sum += x[at]! * place[p]!;
      out[c] = sum;
    }
    return out;
  });
}

/** For every factor, its units times X: [positions]. */
function timesUnits(x: Float64Array, units: readonly Float64Array[], [channels, positions]: readonly [number, number]) {
  return units.map((unit) => {
    const out = new Float64Array(positions);
    for (let c = 0, at = 0; c < channels; c++) {
      const weight = unit[c]!;
      for (let p = 0; p < positions; p++, at++) out[p]! += weight * x[at]!;
    }
    return out;
  });
}

/** Dot products of all pairs [count, count]. */
const gram = (rows: readonly Float64Array[]): number[][] => rows.map((a) => rows.map((b) => dot(a, b)));
const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, v, i) => sum + v * b[i]!, 0);

/** rows *= above / (gram rows), elementwise: all of them from the rows as they were. */
function update(rows: readonly Float64Array[], above: readonly Float64Array[], pairs: readonly (readonly number[])[]): void {
  const before = rows.map((row) => row.slice());
  rows.forEach((row, k) =>
    row.forEach((v, i) => {
      const below = before.reduce((sum, other, j) => sum + pairs[k]![j]! * other[i]!, 0);
      row[i] = (v * above[k]![i]!) / (below + TINY);
    }),
  );
}

/** |X - UV| / |X| without forming UV: |X|^2 - 2 <UX, V> + <UU, VV>. */
function relativeError(
  squares: number,
  products: readonly Float64Array[],
  places: readonly Float64Array[],
  pairs: readonly (readonly number[])[],
): number {
  const cross = places.reduce((sum, place, k) => sum + dot(products[k]!, place), 0);
  const own = gram(places).reduce((sum, row, k) => row.reduce((s, v, j) => s + v * pairs[k]![j]!, sum), 0);
  return Math.sqrt(Math.max(0, squares - 2 * cross + own) / squares);
}

function normalised(unit: Float64Array, place: Float64Array): Factor {
  const length = Math.sqrt(dot(unit, unit));
  return {
    channels: Float32Array.from(unit, (v) => v / (length + TINY)),
    positions: Float32Array.from(place, (v) => v * length),
  };
}

const total = ({ positions }: Factor): number => positions.reduce((sum, v) => sum + v, 0);
const byStrength = (a: Factor, b: Factor): number => total(b) - total(a);
