/**
 * A fair sample of the pictures, with the answers of all units to each: where quantiles, and pictures at quantiles, are read from.
 *
 * It holds the pictures whose seeded hash is smallest (bottom-k sampling, Cohen and Kaplan 2007): each is as likely as any other, the
 * order does not matter, and the sample of two collections is got from their samples.
 */
import type { Example } from "./extremes";

export interface SampleArrays {
  /** How many of the slots hold a picture, in slot 0 [1]. */
  used: Uint32Array;
  /** [slots] */
  pictures: Uint32Array;
  /** [slots, C] */
  values: Float32Array;
  positions: Uint32Array;
}

/** A whole number of 32 bits for a picture's number: murmur3's finaliser over both. */
export function hashOf(picture: number, seed: number): number {
  let h = Math.imul(picture ^ Math.imul(seed + 1, 0x9e3779b1), 0x85ebca6b) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

export class Sample {
  readonly arrays: SampleArrays;

  constructor(
    readonly channels: number,
    readonly slots: number,
    readonly seed: number,
  ) {
    this.arrays = {
      used: new Uint32Array(1),
      pictures: new Uint32Array(slots),
      values: new Float32Array(slots * channels),
      positions: new Uint32Array(slots * channels),
    };
  }

  /** Offers a picture with all units' answers and their positions, [C] each. */
  offer(picture: number, values: ArrayLike<number>, positions: ArrayLike<number>): void {
    const slot = this.#slotFor(picture);
    if (slot === null) return;
    this.arrays.pictures[slot] = picture;
    this.arrays.values.set(values, slot * this.channels);
    this.arrays.positions.set(positions, slot * this.channels);
  }

  merge(other: Sample): void {
    const { pictures, values, positions } = other.arrays;
    for (let i = 0; i < other.arrays.used[0]!; i++) {
      const [from, to] = [i * this.channels, (i + 1) * this.channels];
      this.offer(pictures[i]!, values.subarray(from, to), positions.subarray(from, to));
    }
  }

  /** The sampled pictures as unit `c` answers them, least first. */
  unit(c: number): Example[] {
    const { pictures, values, positions, used } = this.arrays;
    return Array.from({ length: used[0]! }, (_, i) => ({
      picture: pictures[i]!,
      value: values[i * this.channels + c]!,
      position: positions[i * this.channels + c]!,
    })).sort((a, b) => a.value - b.value || a.picture - b.picture);
  }

  /** A free slot, or that of the picture with the largest hash if it is larger than this one's. */
  #slotFor(picture: number): number | null {
    const { used, pictures } = this.arrays;
    if (used[0]! < this.slots) return used[0]!++;
    const rank = (p: number): number => hashOf(p, this.seed) * 2 ** 20 + (p % 2 ** 20);
    let worst = 0;
    for (let i = 1; i < this.slots; i++) if (rank(pictures[i]!) > rank(pictures[worst]!)) worst = i;
    return rank(picture) < rank(pictures[worst]!) ? worst : null;
  }
}
