/**
 * Histograms of any range in fixed memory, for every unit of a layer, without knowing the range beforehand.
 *
 * Bins are [i, i + 1) * 2^e. Only when the bins in use no longer fit does e grow, by as much as is needed: so neither the order of the
 * values nor a split over several histograms changes the result, and merging is exact.
 */

/** Bins for each unit. */
export const BINS = 64;
/** The finest bin is 2^-30 wide, far below what an activation means. */
const FINEST = -30;

/** One unit's, as it is drawn. */
export interface Histogram {
  /** Of the first bin; bin i covers [start + i width, start + (i + 1) width). */
  start: number;
  width: number;
  /** From the first bin that holds something to the last. */
  counts: Uint32Array;
}

export interface HistogramArrays {
  /** log2 of the bins' width [C]. */
  exponents: Int16Array;
  /** Number of the first bin: its start over its width [C]. */
  firsts: Float64Array;
  /** [C, BINS] */
  counts: Uint32Array;
}

export class Histograms {
  readonly arrays: HistogramArrays;

  /** Of `channels` units, empty. */
  constructor(readonly channels: number) {
    this.arrays = {
      exponents: new Int16Array(channels).fill(FINEST),
      firsts: new Float64Array(channels),
      counts: new Uint32Array(channels * BINS),
    };
  }

  /** Counts a value of unit `c`, `times` times. What is no number is left out. */
  add(c: number, value: number, times = 1): void {
    if (!Number.isFinite(value) || times === 0) return;
    const { exponents, firsts, counts } = this.arrays;
    const i = Math.floor(value / 2 ** exponents[c]!) - firsts[c]!;
    if (i >= 0 && i < BINS)
      counts[c * BINS + i]! += times; // as it is nearly always
    else this.#place(c, FINEST, Math.floor(value / 2 ** FINEST), times);
  }

  /** Takes over all counts of another of as many units. */
  merge(other: Histograms): void {
    const { exponents, firsts, counts } = other.arrays;
    for (let c = 0; c < this.channels; c++)
      for (let i = 0; i < BINS; i++) {
        const times = counts[c * BINS + i]!;
        if (times) this.#place(c, exponents[c]!, firsts[c]! + i, times);
      }
  }

  /** Unit `c`'s; null when nothing was counted. */
  unit(c: number): Histogram | null {
    const [low, high] = this.#used(c);
    if (high < low) return null;
    const width = 2 ** this.arrays.exponents[c]!;
    return {
      start: (this.arrays.firsts[c]! + low) * width,
      width,
      counts: this.arrays.counts.slice(c * BINS + low, c * BINS + high + 1),
    };
  }

  /** Counts `times` in the bin numbered `bin` of width 2^exponent. */
  #place(c: number, exponent: number, bin: number, times: number): void {
    const { exponents, firsts, counts } = this.arrays;
    const [low, high] = this.#used(c);
    const width = Math.max(exponent, exponents[c]!);
    if (high < low) {
      exponents[c] = exponent;
      firsts[c] = bin;
      counts[c * BINS] = times;
      return;
    }
    const coarse = (number: number, from: number, to: number): number => Math.floor(number / 2 ** (to - from));
    let to = width;
    const span = (): [first: number, last: number] => {
      const own = coarse(bin, exponent, to);
      const [first, last] = [low, high].map((i) => coarse(firsts[c]! + i, exponents[c]!, to)) as [number, number];
      return [Math.min(own, first), Math.max(own, last)];
    };
    for (let [first, last] = span(); last - first >= BINS; [first, last] = span()) to++;
    this.#regroup(c, to, span()[0]);
    counts[c * BINS + coarse(bin, exponent, to) - firsts[c]!]! += times;
  }

  /** Unit `c`'s counts in bins of width 2^to from number `first` on. */
  #regroup(c: number, to: number, first: number): void {
    const { exponents, firsts, counts } = this.arrays;
    if (exponents[c] === to && firsts[c] === first) return;
    const old = counts.slice(c * BINS, (c + 1) * BINS);
    counts.fill(0, c * BINS, (c + 1) * BINS);
    old.forEach((times, i) => {
      if (times) counts[c * BINS + Math.floor((firsts[c]! + i) / 2 ** (to - exponents[c]!)) - first]! += times;
    });
    exponents[c] = to;
    firsts[c] = first;
  }

  /** The first and last bin of unit `c` that hold something; the last before the first when none does. */
  #used(c: number): [low: number, high: number] {
    const { counts } = this.arrays;
    let [low, high] = [0, BINS - 1];
    while (low < BINS && counts[c * BINS + low] === 0) low++;
    while (high >= low && counts[c * BINS + high] === 0) high--;
    return [low, high];
  }
}
