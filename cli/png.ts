/** Pictures as PNG files. */
import { writeFile } from "node:fs/promises";
import { encode } from "fast-png";
import type { Picture } from "../src/api/engine";

/** Writes `picture` as a PNG, RGB where it is opaque, else RGBA; the directory must exist. */
export async function writePng(path: string, { width, height, rgba }: Picture): Promise<void> {
  const opaque = rgba.every((v, i) => i % 4 !== 3 || v === 255);
  const data = new Uint8Array(opaque ? rgba.filter((_, i) => i % 4 !== 3) : rgba);
  await writeFile(path, encode({ width, height, data, channels: opaque ? 3 : 4, depth: 8 }));
}

/** Pictures of one size side by side, `columns` to a row. */
export function contactSheet(pictures: readonly Picture[], columns: number): Picture {
  const { width: side, height: rowHeight } = pictures[0]!;
  const width = side * Math.min(columns, pictures.length);
  const height = rowHeight * Math.ceil(pictures.length / columns);
  const rgba = new Uint8ClampedArray(4 * width * height);
  pictures.forEach((picture, i) => {
    const left = (i % columns) * side;
    const top = Math.floor(i / columns) * rowHeight;
    for (let y = 0; y < rowHeight; y++)
      rgba.set(picture.rgba.subarray(4 * y * side, 4 * (y + 1) * side), 4 * ((top + y) * width + left));
  });
  return { width, height, rgba };
}
