/** Pictures as PNG files. */
import { writeFile } from "node:fs/promises";
import type { Picture } from "../src/api/engine";
import { pictureToPng } from "../src/provenance/picturePng";
import type { PictureRecord } from "../src/vis/schema/record";

/** Writes `picture` as a PNG, RGB where it is opaque, else RGBA, with the record of how it was made; the directory must exist. */
export async function writePng(path: string, picture: Picture, record: PictureRecord | null = null): Promise<void> {
  await writeFile(path, pictureToPng(picture, record));
}

/** Pictures of one size side by side, `columns` to a row, `gap` transparent pixels apart. */
export function contactSheet(pictures: readonly Picture[], columns: number, gap = 0): Picture {
  const { width: side, height: rowHeight } = pictures[0]!;
  const width = (side + gap) * Math.min(columns, pictures.length) - gap;
  const height = (rowHeight + gap) * Math.ceil(pictures.length / columns) - gap;
  const rgba = new Uint8ClampedArray(4 * width * height);
  pictures.forEach((picture, i) => {
    const left = (i % columns) * (side + gap);
    const top = Math.floor(i / columns) * (rowHeight + gap);
    for (let y = 0; y < rowHeight; y++)
      rgba.set(picture.rgba.subarray(4 * y * side, 4 * (y + 1) * side), 4 * ((top + y) * width + left));
  });
  return { width, height, rgba };
}
