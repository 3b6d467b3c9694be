/** Puts pictures on canvases, and into files. */
import type { Picture } from "../../api/engine";
import type { PictureRecord } from "../../vis/schema/record";

/** An attachment for a canvas: shows `picture` at its own resolution, and runs again when another one is given. */
export const paint =
  (picture: Picture | null) =>
  (canvas: HTMLCanvasElement): void => {
    if (!picture) return;
    if (canvas.width !== picture.width) canvas.width = picture.width;
    if (canvas.height !== picture.height) canvas.height = picture.height;
    canvas.getContext("2d")?.putImageData(new ImageData(picture.rgba, picture.width, picture.height), 0, 0);
  };

/** `picture` as a PNG of its own resolution, every byte as it is, with the record of how it was made when there is one. */
export async function encodePng(picture: Picture, record: PictureRecord | null): Promise<Blob> {
  const { pictureToPng } = await import("../../provenance/picturePng");
  return new Blob([pictureToPng(picture, record)], { type: "image/png" });
}

/** Saves `picture` as a PNG with its record. */
export async function savePng(picture: Picture, fileName: string, record: PictureRecord | null): Promise<void> {
  saveBytes(await encodePng(picture, record), "image/png", fileName);
}

/** Hands a file to the browser's downloads. */
export function saveBytes(bytes: BlobPart, type: string, fileName: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type }));
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000); // after the browser has taken it
}
