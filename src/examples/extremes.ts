/** For every unit of a layer the pictures with the largest (or smallest) answers, in fixed memory. */

/** A picture by the number that its caller gave it, how hard the unit fired on it, and at which position. */
export interface Example {
  picture: number;
  value: number;
  /** row * columns + column of the layer's grid. */
  position: number;
}

export interface ExtremesArrays {
  /** [C, k], best first; NaN where there is none yet. */
  values: Float32Array;
  pictures: Uint32Array;
  positions: Uint32Array;
}

export class Extremes {
  readonly arrays: ExtremesArrays;

  constructor(
    readonly channels: number,
    readonly k: number,
    readonly side: "highest" | "lowest",
  ) {
    this.arrays = {
      values: new Float32Array(channels * k).fill(NaN),
      pictures: new Uint32Array(channels * k),
      positions: new Uint32Array(channels * k),
    };
  }

  /** Offers a picture to unit `c`. Of equal answers the picture with the lower number comes first, whatever the order of the offers. */
  offer(c: number, { picture, value, position }: Example): void {
    if (Number.isNaN(value)) return;
    const { values, pictures, positions } = this.arrays;
    const start = c * this.k;
    const end = start + this.k;
    if (!this.#before(value, picture, end - 1)) return;
    let at = end - 1;
    for (; at > start && this.#before(value, picture, at - 1); at--) {
      values[at] = values[at - 1]!;
      pictures[at] = pictures[at - 1]!;
      positions[at] = positions[at - 1]!;
    }
    values[at] = value;
    pictures[at] = picture;
    positions[at] = position;
  }

  merge(other: Extremes): void {
    for (let c = 0; c < this.channels; c++) for (const example of other.unit(c)) this.offer(c, example);
  }

  /** Unit `c`'s, best first; fewer than k while fewer pictures were seen. */
  unit(c: number): Example[] {
    const { values, pictures, positions } = this.arrays;
    const found: Example[] = [];
    for (let i = c * this.k; i < (c + 1) * this.k && !Number.isNaN(values[i]!); i++)
      found.push({ picture: pictures[i]!, value: values[i]!, position: positions[i]! });
    return found;
  }

  /** Whether such an answer comes before what lies in slot `at`. */
  #before(value: number, picture: number, at: number): boolean {
    const there = this.arrays.values[at]!;
    if (Number.isNaN(there)) return true;
    if (value === there) return picture < this.arrays.pictures[at]!;
    return this.side === "highest" ? value > there : value < there;
  }
}
