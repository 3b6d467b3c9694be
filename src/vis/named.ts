/** Pictures by the names that objectives and recipes call them: those that are given, and those that are drawn by rule. */
import type { Tensor } from "../onnx/graph";
import { networkInput, type Bitmap } from "./resample";
import { testPicture } from "./testPictures";

/** Pictures by the names that recipes and objectives call them. */
export type Bitmaps = Readonly<Record<string, Bitmap>>;

/** A picture that is named and not here; the message says which, and what there is. */
export class PictureMissingError extends Error {
  override readonly name = "PictureMissingError";
}

const DRAWN = /^drawn:(\d{1,4})$/;

/** Whether `name` is that of a picture that is drawn by rule, wherever it is needed. */
export const isDrawn = (name: string): boolean => DRAWN.test(name);

/** The named picture as a network input [1, 3, height, width], RGB in 0..1. Throws PictureMissingError. */
export function namedInput(name: string, pictures: Bitmaps, size: readonly [height: number, width: number]): Tensor {
  const drawn = DRAWN.exec(name);
  if (drawn) return testPicture(size, Number(drawn[1]));
  const picture = Object.hasOwn(pictures, name) ? pictures[name] : undefined;
  if (!picture)
    throw new PictureMissingError(
      `the picture "${name}" is not here. Give it (there ${Object.keys(pictures).length ? `are ${Object.keys(pictures).join(", ")}` : "is none"}), or use one that is drawn by rule: "drawn:0", "drawn:1", ...`,
    );
  return networkInput(picture, size);
}
