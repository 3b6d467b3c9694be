/** Pixels: from a network's numbers to bytes, and several pictures on one sheet. */
import type { Picture } from "../../api/engine";
import type { Tensor } from "../../onnx/graph";

/** [1, 3, H, W] in 0..1 as opaque RGBA. */
export function f32Picture({ data, shape }: Tensor): Picture {
  const [, , height, width] = shape as [number, number, number, number];
  const plane = height * width;
  const rgba = new Uint8ClampedArray(4 * plane).fill(255);
  for (let i = 0; i < plane; i++) for (let c = 0; c < 3; c++) rgba[4 * i + c] = 255 * (data[c * plane + i] as number);
  return { width, height, rgba };
}

/** Columns of a sheet of so many. */
export const columnsOf = (count: number): number => Math.ceil(Math.sqrt(count));

/** Pixels between the pictures of a sheet. */
export const gapOf = ({ width }: Pick<Picture, "width">): number => Math.max(2, Math.round(width / 40));

/** Pictures of one size side by side in rows, a transparent gap between them; one is itself, none is null. */
export function sheetOf(pictures: readonly Picture[]): Picture | null {
  const [first] = pictures;
  if (!first || pictures.length === 1) return first ?? null;
  const columns = columnsOf(pictures.length);
  const gap = gapOf(first);
  const width = columns * (first.width + gap) - gap;
  const height = Math.ceil(pictures.length / columns) * (first.height + gap) - gap;
  const rgba = new Uint8ClampedArray(4 * width * height);
  pictures.forEach((picture, i) => {
    const [left, top] = [(i % columns) * (first.width + gap), Math.floor(i / columns) * (first.height + gap)];
    for (let y = 0; y < picture.height; y++)
      rgba.set(picture.rgba.subarray(4 * y * picture.width, 4 * (y + 1) * picture.width), 4 * ((top + y) * width + left));
  });
  return { width, height, rgba };
}
