/** Animated GIF: plays everywhere; 255 colours a frame, dithered. */
import { Encoder } from "modern-gif";
import type { Picture } from "../api/engine";

export interface AnimationOptions {
  /** How long each frame is shown, milliseconds; the last one stays eight times as long. */
  frameMs?: number;
  signal?: AbortSignal;
  onFrame?: (done: number, of: number) => void;
}

/** The last frame of a loop is what one came for. */
export const LAST_FRAME_FACTOR = 8;
const FRAME_MS = 80;

/** The pictures, of one size, as a GIF that loops for ever. Transparent ones lie over white. Throws the signal's reason. */
export async function gifOf(pictures: readonly Picture[], options: AnimationOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  const { frameMs = FRAME_MS, signal, onFrame } = options;
  const [first] = pictures;
  if (!first) throw new Error("no frame was kept: there is nothing to animate.");
  const encoder = new Encoder({ width: first.width, height: first.height, looped: true, dither: "floyd-steinberg" });
  for (const [i, picture] of pictures.entries()) {
    signal?.throwIfAborted();
    const delay = i + 1 < pictures.length ? frameMs : LAST_FRAME_FACTOR * frameMs;
    await encoder.encode({ data: overWhite(picture), width: picture.width, height: picture.height, delay });
    onFrame?.(i + 1, pictures.length);
  }
  return new Uint8Array(await encoder.flush("arrayBuffer"));
}

/** RGBA without transparency, which film formats do not have in shades. */
export function overWhite({ rgba }: Picture): Uint8ClampedArray<ArrayBuffer> {
  const out = new Uint8ClampedArray(rgba.length);
  for (let i = 0; i < rgba.length; i += 4) {
    const alpha = rgba[i + 3]! / 255;
    for (let c = 0; c < 3; c++) out[i + c] = alpha * rgba[i + c]! + (1 - alpha) * 255;
    out[i + 3] = 255;
  }
  return out;
}
