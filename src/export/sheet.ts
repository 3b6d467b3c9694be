/** Several pictures on one. */
import type { Picture } from "../api/engine";

export interface SheetLayout {
  columns: number;
  /** Transparent pixels between pictures. */
  gap: number;
}

/** As near to a square as it goes, with a seam that is seen. */
export const layoutOf = (count: number, { width }: Pick<Picture, "width">): SheetLayout => ({
  columns: Math.ceil(Math.sqrt(count)),
  gap: Math.max(2, Math.round(width / 40)),
});

/** Pictures of one size side by side in rows; one is itself, none is null. */
export function sheetOf(pictures: readonly Picture[], layout?: SheetLayout): Picture | null {
  const [first] = pictures;
  if (!first || pictures.length === 1) return first ?? null;
  const { columns, gap } = layout ?? layoutOf(pictures.length, first);
  const width = Math.min(columns, pictures.length) * (first.width + gap) - gap;
  const height = Math.ceil(pictures.length / columns) * (first.height + gap) - gap;
  const rgba = new Uint8ClampedArray(4 * width * height);
  pictures.forEach((picture, i) => {
    const [left, top] = [(i % columns) * (first.width + gap), Math.floor(i / columns) * (first.height + gap)];
    for (let y = 0; y < picture.height; y++)
      rgba.set(picture.rgba.subarray(4 * y * picture.width, 4 * (y + 1) * picture.width), 4 * ((top + y) * width + left));
  });
  return { width, height, rgba };
}
