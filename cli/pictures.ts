/** Pictures out of files, for the commands. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { decode as decodePng } from "fast-png";
import jpeg from "jpeg-js";
import type { Tensor } from "../src/onnx/graph";
import { networkInput, type Bitmap } from "../src/vis/resample";
import { UsageError } from "./usage";

const ENDINGS = new Set([".png", ".jpg", ".jpeg"]);

/** PNG and JPEG files, and those directly inside folders, as [1, 3, H, W] each; in the order given, folders sorted. */
export function readPictures(paths: readonly string[], size: readonly [height: number, width: number]): Tensor[] {
  const files = paths.flatMap((path) =>
    statSync(path).isDirectory()
      ? readdirSync(path)
          .filter((name) => ENDINGS.has(extname(name).toLowerCase()))
          .sort()
          .map((name) => join(path, name))
      : [path],
  );
  if (!files.length) throw new UsageError(`no PNG or JPEG file is in ${paths.join(", ")}.`);
  return files.map((file) => networkInput(readBitmap(file), size));
}

/** A PNG or JPEG file, decoded. Throws Error with its name when it is neither. */
export function readBitmap(file: string): Bitmap {
  const bytes = readFileSync(file);
  try {
    if (bytes[0] === 0xff) {
      const { width, height, data } = jpeg.decode(bytes, { useTArray: true, formatAsRGBA: false });
      return { width, height, data, channels: 3 };
    }
    const { width, height, data, channels, depth } = decodePng(bytes);
    if (depth !== 8 || (channels !== 3 && channels !== 4)) throw new Error(`${channels} channels of ${depth} bits`);
    return { width, height, data, channels };
  } catch (error) {
    throw new Error(`${file} cannot be read as a JPEG, or a PNG of 8 bits in colour: ${(error as Error).message}.`);
  }
}
