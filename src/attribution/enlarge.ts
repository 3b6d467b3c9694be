/** A layer's grid [h, w], enlarged to the picture, bilinearly between the centres of its cells. */

type Size = readonly [height: number, width: number];

/** [h, w] -> [H, W], row-major both. */
export function enlarged(values: ArrayLike<number>, [h, w]: Size, [height, width]: Size): Float32Array {
  const [rows, columns] = [between(h, height), between(w, width)];
  const out = new Float32Array(height * width);
  rows.forEach(([top, bottom, y], i) =>
    columns.forEach(([left, right, x], j) => {
      const upper = values[top * w + left]! * (1 - x) + values[top * w + right]! * x;
      const lower = values[bottom * w + left]! * (1 - x) + values[bottom * w + right]! * x;
      out[i * width + j] = upper * (1 - y) + lower * y;
    }),
  );
  return out;
}

/** For every pixel of a line, the two cells it lies between and how near the second is. */
const between = (from: number, to: number): [first: number, second: number, share: number][] =>
  Array.from({ length: to }, (_, i) => {
    const at = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    const first = Math.floor(at);
    return [first, Math.min(from - 1, first + 1), at - first];
  });
