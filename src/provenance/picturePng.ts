/** Pictures as PNG files that say how they were made, in the browser and in Node. */
import { encode } from "fast-png";
import type { Picture } from "../api/engine";
import { isDrawn } from "../vis/named";
import { picturesNamed } from "../vis/objective/resolve";
import { RecordError, validateRecord, type PictureRecord } from "../vis/schema/record";
import { textIn, withText } from "./pngText";

/** What the record is called inside the file. */
const KEYWORD = "micrographia";

/** Of this program, in records; package.json has the same. */
export const APP_VERSION = "0.1.0";

/** `picture` as a PNG, RGB where it is opaque, else RGBA, every byte kept; with the record of how it was made, where there is one. */
export function pictureToPng({ width, height, rgba }: Picture, record: PictureRecord | null): Uint8Array<ArrayBuffer> {
  let opaque = true;
  for (let i = 3; i < rgba.length && opaque; i += 4) opaque = rgba[i] === 255;
  const data = new Uint8Array(opaque ? rgba.filter((_, i) => i % 4 !== 3) : rgba);
  const png = encode({ width, height, data, channels: opaque ? 3 : 4, depth: 8 });
  return record ? withText(png, KEYWORD, JSON.stringify(record)) : new Uint8Array(png);
}

/**
 * How the picture in a PNG was made; null where it does not say. Throws PngError when the file is no PNG or damaged, RecordError when
 * what it says cannot be followed.
 */
export function recordIn(png: Uint8Array): PictureRecord | null {
  const text = textIn(png, KEYWORD);
  if (text === null) return null;
  try {
    return validateRecord(JSON.parse(text));
  } catch (error) {
    throw error instanceof SyntaxError ? new RecordError("the record in the PNG is not JSON.") : error;
  }
}

/** Pictures that must be at hand to make one again: those that are named, and not drawn by rule. */
export const picturesNeeded = ({ objective, recipe }: Pick<PictureRecord, "objective" | "recipe">): string[] => {
  const { start, parametrization } = recipe;
  const named = [
    ...picturesNamed(objective),
    ...(start === null ? [] : [start]),
    ...(parametrization.kind === "maco" ? parametrization.pictures : []),
  ];
  return [...new Set(named)].filter((name) => !isDrawn(name));
};
