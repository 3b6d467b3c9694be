/** Picture files that the reader gives, as bytes. */
import type { Picture } from "../../api/engine";

/** Pictures need not be larger than this a side to be looked at by a network. */
const LONGEST = 640;

/** A picture file's bytes, reduced where it is large. Throws Error with its name when the browser cannot read it. */
export async function decoded(file: File): Promise<Picture> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error(`${file.name} cannot be read as a picture by this browser. Leave it out, or choose a JPEG or PNG.`);
  }
  const scale = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale))];
  const context = new OffscreenCanvas(width, height).getContext("2d")!;
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return { width, height, rgba: context.getImageData(0, 0, width, height).data as Picture["rgba"] };
}
