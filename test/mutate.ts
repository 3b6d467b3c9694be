/** Seeded injuries to files, for the hostile tests of every reader: flipped bits, cuts, wild numbers, bytes told twice. */
import type { Random } from "../src/vis/random";

/** Numbers that lengths, offsets and sizes hardly ever are. */
export const WILD = [0, 1, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 1_000_000_000];

/** Where an injury may strike: bytes [from, to). Four of five fall there, so that not all of them hit weights. */
export type Place = readonly [from: number, to: number];

/** One seeded injury to a copy of a binary file. */
export function injured(original: Uint8Array, random: Random, [from, to]: Place = [0, original.length]): Uint8Array {
  const bytes = original.slice();
  const place = () => (random.uniform() < 0.8 ? from + random.integer(to - from) : random.integer(bytes.length));
  switch (random.integer(4)) {
    case 0: // flipped bits
      for (let i = random.integer(4); i >= 0; i--) bytes[place()]! ^= 1 << random.integer(8);
      return bytes;
    case 1: // cut short
      return bytes.subarray(0, random.integer(bytes.length));
    case 2: // a wild number: a length, an offset, a size, an index
      new DataView(bytes.buffer).setUint32(Math.min(place() & ~3, bytes.length - 4), random.pick(WILD), true);
      return bytes;
    default: // part of it twice
      bytes.copyWithin(place(), place(), Math.min(bytes.length, place() + 256));
      return bytes;
  }
}

/** Text in a number's place: huge, negative, none, not one. */
const WILD_WORDS = ["1000000000", "1e308", "-1", "0", "NaN", "null", '"x"', "[]", "{}", "18446744073709551616", ""];

/** One seeded injury to a file of text (JSON, prototxt): a number made wild, a line or a stretch lost or told twice, a cut, a strange character. */
export function injuredText(original: string, random: Random): string {
  const at = () => random.integer(original.length);
  const from = at();
  const to = Math.min(original.length, from + 1 + random.integer(64));
  switch (random.integer(6)) {
    case 0: {
      const numbers = [...original.matchAll(/-?\d+(\.\d+)?/g)];
      if (numbers.length === 0) return original.slice(0, from);
      const found = random.pick(numbers);
      return original.slice(0, found.index) + random.pick(WILD_WORDS) + original.slice(found.index + found[0].length);
    }
    case 1:
      return original.slice(0, from);
    case 2: // lost
      return original.slice(0, from) + original.slice(to);
    case 3: // told twice
      return original.slice(0, to) + original.slice(from);
    case 4: {
      // two words change places: a name that something else has, a circle
      const words = [...original.matchAll(/"[^"\n]*"/g)];
      if (words.length === 0) return original.slice(0, from);
      const [one, other] = [random.pick(words), random.pick(words)];
      return original.slice(0, one.index) + other[0] + original.slice(one.index + one[0].length);
    }
    default:
      return (
        original.slice(0, from) + random.pick(["{", "}", "[", "]", ":", "\0", "\uFFFD", "-", "9"]) + original.slice(from + 1)
      );
  }
}
