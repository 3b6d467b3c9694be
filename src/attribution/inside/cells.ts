/** An activation grid (Olah et al. 2018): a layer's positions, or blocks of them where there are too many to draw each. */

export interface Cells {
  rows: number;
  columns: number;
  /** The mean vector of each cell's positions [rows columns][C]. */
  vectors: Float32Array<ArrayBuffer>[];
  /** Its length, as a share of the longest: how large the cell is drawn. */
  sizes: number[];
  /** The cell of each of the layer's positions [height width]. */
  cellOf: Int32Array;
}

/** `activations` [C, height, width] in blocks, so that neither side has more than `most` cells. Blocks differ by one position at most. */
export function cellsOf(activations: Float32Array, [height, width]: readonly [number, number], most: number): Cells {
  const [rows, columns] = [Math.min(height, most), Math.min(width, most)];
  const positions = height * width;
  const channels = activations.length / positions;
  const cellOf = Int32Array.from({ length: positions }, (_, p) => {
    const [y, x] = [Math.floor(p / width), p % width];
    return Math.floor((y * rows) / height) * columns + Math.floor((x * columns) / width);
  });
  const counts = new Float32Array(rows * columns);
  cellOf.forEach((cell) => counts[cell]!++);
  const vectors = Array.from(counts, () => new Float32Array(channels));
  activations.forEach((v, i) => {
    const cell = cellOf[i % positions]!;
    vectors[cell]![Math.floor(i / positions)]! += v / counts[cell]!;
  });
  const lengths = vectors.map((vector) => Math.hypot(...vector));
  const longest = Math.max(...lengths) || 1;
  return { rows, columns, vectors, sizes: lengths.map((length) => length / longest), cellOf };
}

/** Values by position [height width], summed within each cell. */
export function sumsOf(values: Float32Array, { vectors, cellOf }: Pick<Cells, "vectors" | "cellOf">): Float32Array<ArrayBuffer> {
  const sums = new Float32Array(vectors.length);
  cellOf.forEach((cell, p) => (sums[cell]! += values[p]!));
  return sums;
}
