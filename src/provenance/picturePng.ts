/** Pictures as PNG files that say how they were made, in the browser and in Node. */
import { encode } from "fast-png";
import type { Picture } from "../api/engine";
import type { PictureRecord } from "../vis/schema/record";
import { withRecord } from "./record";

/** `picture` as a PNG, RGB where it is opaque, else RGBA, every byte kept; with the record of how it was made, where there is one. */
export function pictureToPng({ width, height, rgba }: Picture, record: PictureRecord | null): Uint8Array<ArrayBuffer> {
  let opaque = true;
  for (let i = 3; i < rgba.length && opaque; i += 4) opaque = rgba[i] === 255;
  const data = new Uint8Array(opaque ? rgba.filter((_, i) => i % 4 !== 3) : rgba);
  const png = encode({ width, height, data, channels: opaque ? 3 : 4, depth: 8 });
  return record ? withRecord(png, record) : new Uint8Array(png);
}
