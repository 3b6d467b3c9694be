/**
 * Whether a unit draws the same from other seeds.
 *
 *   likeness = mean over pairs of pictures of cos(u_i, u_j),   u = channel means [C] at the objective's layer, less their average
 *
 * The average is taken off because a detector answers low for every object, whatever it sees: uncentred, unlike pictures of one object
 * have cosine 0.998 there.
 *
 * The thresholds were chosen by looking at 23 units, each from four seeds, 64 steps at 128 pixels, measured at that size:
 *   0.986 to 0.998   11 units that draw one texture, in the early layers of both networks (GoogLeNet's conv2d2, mixed3a, mixed3b; MobileNet v3's
 *                    blocks 3 to 9, its decoder, and the jars of block 12): the same thing
 *   0.893 to 0.975   8 units of GoogLeNet's mixed4a to mixed5a and of its classes (dogs 0.956, snakes 0.948, eyes 0.939, turtles 0.914, class
 *                    golden retriever 0.893), and MobileNet v3's class backpack 0.924: one thing in other places and poses
 *   0.535 to 0.770   GoogLeNet's mixed5b 800 (0.704: ostriches, or otters) and the last blocks of MobileNet v3: another picture each time
 */

export type Likeness = "same" | "kind" | "sides";

/** From here on: the same thing every time; the same kind. */
export const SAME = 0.98;
export const KIND = 0.85;

export const LIKENESS_WORDS: Readonly<Record<Likeness, string>> = {
  same: "The same thing every time",
  kind: "The same kind of thing, arranged anew",
  sides: "A different side each time",
};

export const likenessOf = (cosine: number): Likeness => (cosine >= SAME ? "same" : cosine >= KIND ? "kind" : "sides");

/** Mean over pairs; rows are the pictures' channel means, of one length. Null for fewer than two, or where a row does not vary. */
export function meanCosine(rows: readonly ArrayLike<number>[]): number | null {
  const directions = rows.map(direction);
  const cosines = directions.flatMap((a, i) => directions.slice(i + 1).map((b) => a.reduce((sum, v, k) => sum + v * b[k]!, 0)));
  const mean = cosines.reduce((sum, v) => sum + v, 0) / cosines.length;
  return rows[0]?.length && Number.isFinite(mean) ? mean : null;
}

function direction(row: ArrayLike<number>): number[] {
  const values = Array.from(row);
  const average = values.reduce((sum, v) => sum + v, 0) / values.length;
  const centred = values.map((v) => v - average);
  const length = Math.sqrt(centred.reduce((sum, v) => sum + v * v, 0));
  return centred.map((v) => v / length);
}
