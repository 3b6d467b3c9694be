/** Pictures as PNG files. */
import { writeFile } from "node:fs/promises";
import type { Picture } from "../src/api/engine";
import { pictureToPng } from "../src/provenance/picturePng";
import type { PictureRecord } from "../src/vis/schema/record";

/** Writes `picture` as a PNG, RGB where it is opaque, else RGBA, with the record of how it was made; the directory must exist. */
export async function writePng(path: string, picture: Picture, record: PictureRecord | null = null): Promise<void> {
  await writeFile(path, pictureToPng(picture, record));
}
