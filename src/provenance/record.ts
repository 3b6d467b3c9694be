/** The record of how a picture was made, inside its file; and what has to be at hand to make it again. */
import { isDrawn } from "../vis/named";
import { picturesNamed } from "../vis/objective/resolve";
import { RecordError, validateRecord, type PictureRecord } from "../vis/schema/record";
import { commentIn, isGif, withComment } from "./gifText";
import { textIn, withText } from "./pngText";

/** What the record is called inside the file. */
const KEYWORD = "micrographia";

/** Of this program, in records; package.json has the same. */
export const APP_VERSION = "0.1.0";

/** A PNG or a GIF with the record in it. Throws PngError when it is neither. */
export function withRecord(file: Uint8Array, record: PictureRecord): Uint8Array<ArrayBuffer> {
  const put = isGif(file) ? withComment : withText;
  return put(file, KEYWORD, JSON.stringify(record));
}

/**
 * How the picture in a PNG or a GIF was made; null where it does not say. Throws PngError when the file is neither or damaged (GifError where
 * it is a GIF), RecordError when what it says cannot be followed.
 */
export function recordIn(file: Uint8Array): PictureRecord | null {
  const text = isGif(file) ? commentIn(file, KEYWORD) : textIn(file, KEYWORD);
  return text === null ? null : parseRecord(text);
}

/** Throws RecordError. */
export function parseRecord(text: string): PictureRecord {
  try {
    return validateRecord(JSON.parse(text));
  } catch (error) {
    throw error instanceof SyntaxError ? new RecordError("the record in the file is not JSON.") : error;
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
