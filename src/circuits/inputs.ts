/** Which inputs of a unit matter most, and which units of a layer are alike, out of weights or answers. */

/** One input unit's kernel. */
export interface WeightedInput {
  channel: number;
  /** [kh, kw], row by row. */
  kernel: Float32Array;
  /** Sum of what is positive in the kernel, and of what is negative (0 or less). */
  excitation: number;
  inhibition: number;
  /** Euclidean. */
  norm: number;
}

export interface RankOptions {
  /** "norm" takes both signs together. */
  by: "excitation" | "inhibition" | "norm";
  count: number;
  /** How strongly each input unit usually fires, such as a high quantile over photos (api/stats.ts): weights count times that. */
  typical?: ArrayLike<number>;
}

/** The inputs of a unit with the strongest weights [C, kh, kw], strongest first; none that has no weight of the sign. */
export function strongestInputs(weights: Float32Array, channels: number, { by, count, typical }: RankOptions): WeightedInput[] {
  const size = weights.length / channels;
  const strength = (input: WeightedInput): number => Math.abs(input[by]) * (typical ? Math.max(0, typical[input.channel]!) : 1);
  return Array.from({ length: channels }, (_, channel): WeightedInput => {
    const kernel = weights.slice(channel * size, (channel + 1) * size);
    let [excitation, inhibition, square] = [0, 0, 0];
    for (const w of kernel) {
      if (w > 0) excitation += w;
      else inhibition += w;
      square += w * w;
    }
    return { channel, kernel, excitation, inhibition, norm: Math.sqrt(square) };
  })
    .filter((input) => strength(input) > 0)
    .sort((a, b) => strength(b) - strength(a) || a.channel - b.channel)
    .slice(0, count);
}

/**
 * Sums of products of rows [C, D] with each other [C, C] become cosines in place; a row of zeros is like none, itself included.
 */
export function cosinesOf(products: Float32Array, channels: number): Float32Array {
  const lengths = Float64Array.from({ length: channels }, (_, c) => Math.sqrt(products[c * channels + c]!));
  for (let a = 0; a < channels; a++)
    for (let b = 0; b < channels; b++) {
      const length = lengths[a]! * lengths[b]!;
      products[a * channels + b] = length > 0 ? products[a * channels + b]! / length : 0;
    }
  return products;
}

/** How alike two units answer: Pearson's correlations [C, C] of the columns of answers [pictures, C]. A unit that never changes is like none. */
export function correlationsOf(answers: Float32Array, channels: number): Float32Array {
  const pictures = answers.length / channels;
  const columns = Array.from({ length: channels }, (_, c) => {
    const own = Float64Array.from({ length: pictures }, (_, n) => answers[n * channels + c]!);
    const mean = own.reduce((a, b) => a + b, 0) / pictures;
    return own.map((v) => v - mean);
  });
  const products = new Float32Array(channels * channels);
  for (let a = 0; a < channels; a++)
    for (let b = a; b < channels; b++) {
      let sum = 0;
      for (let n = 0; n < pictures; n++) sum += columns[a]![n]! * columns[b]![n]!;
      products[a * channels + b] = products[b * channels + a] = sum;
    }
  return cosinesOf(products, channels);
}

/** The units most like one, by a matrix [C, C] of cosines or correlations, without itself. */
export function nearestUnits(
  alike: Float32Array,
  channels: number,
  channel: number,
  count: number,
): { channel: number; alike: number }[] {
  return Array.from({ length: channels }, (_, c) => ({ channel: c, alike: alike[channel * channels + c]! }))
    .filter((unit) => unit.channel !== channel)
    .sort((a, b) => b.alike - a.alike || a.channel - b.channel)
    .slice(0, count);
}
