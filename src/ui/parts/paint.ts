/** Puts pictures on canvases, and into files. */
import type { Picture } from "../../api/engine";

/** An attachment for a canvas: shows `picture` at its own resolution, and runs again when another one is given. */
export const paint =
  (picture: Picture | null) =>
  (canvas: HTMLCanvasElement): void => {
    if (!picture) return;
    if (canvas.width !== picture.width) canvas.width = picture.width;
    if (canvas.height !== picture.height) canvas.height = picture.height;
    canvas.getContext("2d")?.putImageData(new ImageData(picture.rgba, picture.width, picture.height), 0, 0);
  };

/** Saves `picture` as a PNG of its own resolution. */
export async function savePng(picture: Picture, fileName: string): Promise<void> {
  const canvas = document.createElement("canvas");
  paint(picture)(canvas);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (!blob) throw new Error(`The browser could not encode ${fileName} as PNG (${picture.width} x ${picture.height} pixels).`);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000); // after the browser has taken it
}
