/** Video, where the browser can encode it: all colours, and smaller than a GIF. */
import { BlobSource, BufferTarget, canEncodeVideo, CanvasSource, Input, Output, WEBM, WebMOutputFormat } from "mediabunny";
import type { Picture } from "../api/engine";
import { LAST_FRAME_FACTOR, overWhite, type AnimationOptions } from "./gif";

const FRAME_MS = 80;
const CODEC = "vp9";
/** Bits per pixel and second: textures grow hard to compress. */
const BITS_PER_PIXEL = 12;
const LEAST_BITRATE = 1_000_000;

/** Whether this browser can encode pictures of this size. */
export const canMakeVideo = async ({ width, height }: Picture): Promise<boolean> =>
  "VideoEncoder" in globalThis && (await canEncodeVideo(CODEC, { width: even(width), height: even(height) }));

export interface VideoOptions extends AnimationOptions {
  /** Kept in the file's tags. */
  comment?: string;
}

/** The pictures, of one size, as a WebM file. Throws the signal's reason. */
export async function videoOf(pictures: readonly Picture[], options: VideoOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  const { frameMs = FRAME_MS, signal, onFrame, comment } = options;
  const [first] = pictures;
  if (!first) throw new Error("no frame was kept: there is nothing to animate.");
  const canvas = new OffscreenCanvas(even(first.width), even(first.height));
  const context = canvas.getContext("2d");
  if (!context) throw new Error("the browser gives no canvas to make the video from. Export a GIF instead.");
  const bitrate = Math.max(LEAST_BITRATE, BITS_PER_PIXEL * first.width * first.height);
  const output = new Output({ format: new WebMOutputFormat(), target: new BufferTarget() });
  const source = new CanvasSource(canvas, { codec: CODEC, bitrate });
  output.addVideoTrack(source);
  if (comment !== undefined) output.setMetadataTags({ comment });
  try {
    await output.start();
    let at = 0;
    for (const [i, picture] of pictures.entries()) {
      signal?.throwIfAborted();
      context.putImageData(new ImageData(overWhite(picture), picture.width, picture.height), 0, 0);
      const duration = (frameMs / 1000) * (i + 1 < pictures.length ? 1 : LAST_FRAME_FACTOR);
      await source.add(at, duration);
      at += duration;
      onFrame?.(i + 1, pictures.length);
    }
    await output.finalize();
  } catch (error) {
    await output.cancel().catch(() => {});
    throw error;
  }
  if (!output.target.buffer) throw new Error("the browser's encoder gave no video. Export a GIF instead.");
  return new Uint8Array(output.target.buffer);
}

/** The comment in a video's tags, null where it has none or is no WebM. */
export async function commentOf(video: Blob): Promise<string | null> {
  const input = new Input({ source: new BlobSource(video), formats: [WEBM] });
  return (await input.canRead()) ? ((await input.getMetadataTags()).comment ?? null) : null;
}

/** Encoders want even sides. */
const even = (side: number): number => side + (side % 2);
