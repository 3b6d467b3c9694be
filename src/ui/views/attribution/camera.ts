/** The reader's camera as a source of pictures: nothing is recorded, nothing leaves the machine. */
import type { Source } from "./explaining.svelte";

/** The longest side that is grabbed, pixels: networks see no more. */
const LONGEST = 640;

/** The camera cannot be had; the message says why, and what to do. */
export class CameraError extends Error {
  override readonly name = "CameraError";
}

/** Asks for the camera and starts it. `onend`: it was taken away (unplugged, forbidden). Throws CameraError. */
export async function camera(onend: () => void): Promise<Source> {
  const media = navigator.mediaDevices as MediaDevices | undefined;
  if (!media) throw new CameraError("This page has no camera: browsers give one over https only.");
  let stream: MediaStream;
  try {
    stream = await media.getUserMedia({ video: { width: { ideal: LONGEST }, facingMode: "environment" }, audio: false });
  } catch (error) {
    throw new CameraError(WHY[(error as DOMException).name] ?? `The camera could not be started (${(error as Error).message}).`);
  }
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.srcObject = stream;
  await video.play();
  const [track] = stream.getVideoTracks();
  track?.addEventListener("ended", onend);
  const canvas = new OffscreenCanvas(1, 1);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  return {
    grab() {
      const scale = Math.min(1, LONGEST / Math.max(video.videoWidth, video.videoHeight, 1));
      const [width, height] = [Math.round(video.videoWidth * scale), Math.round(video.videoHeight * scale)];
      if (!width || !height || !context) return null;
      Object.assign(canvas, { width, height });
      context.drawImage(video, 0, 0, width, height);
      return { width, height, rgba: context.getImageData(0, 0, width, height).data };
    },
    end: () => stream.getTracks().forEach((one) => one.stop()),
  };
}

const WHY: Readonly<Record<string, string>> = {
  NotAllowedError: "The camera was not allowed. Allow it for this page in the browser's settings, and try again.",
  NotFoundError: "No camera was found. Choose a picture instead.",
  NotReadableError: "The camera is used by another program. Close that, and try again.",
};
