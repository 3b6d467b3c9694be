/** Films and sheets of a picture's frames as files: made when they are asked for, by code that is fetched only then. */
import type { Picture } from "../../api/engine";
import { messageOf } from "./machine";
import { sheetOf } from "./pixels";
import type { RenderJob } from "./renderJob.svelte";

export type ExportKind = "gif" | "video" | "sheet";

/** Frames on a contact sheet: more would be stamps. */
const ON_SHEET = 16;

export class Exporting {
  /** What is being made, and how much of it is done, 0..1; null when nothing is. */
  busy = $state.raw<{ kind: ExportKind; done: number } | null>(null);
  error = $state<string | null>(null);
  #abort = new AbortController();

  /** Makes the file and hands it to `save`. Never rejects: what went wrong is in `error`. */
  async make(kind: ExportKind, job: RenderJob, save: (bytes: BlobPart, type: string, fileName: string) => void): Promise<void> {
    this.#abort = new AbortController();
    this.error = null;
    this.busy = { kind, done: 0 };
    const name = job.fileName.replace(/\.png$/, "");
    const options = {
      signal: this.#abort.signal,
      onFrame: (done: number, of: number) => (this.busy = { kind, done: done / of }),
    };
    try {
      const frames = framesOf(job);
      if (kind === "gif") save(await (await import("../../export/gif")).gifOf(frames, options), "image/gif", `${name}.gif`);
      else if (kind === "video")
        save(await (await import("../../export/video")).videoOf(frames, options), "video/webm", `${name}.webm`);
      else save(await pngOf(spread(frames, ON_SHEET)), "image/png", `${name}_sheet.png`);
    } catch (error) {
      if (!this.#abort.signal.aborted) this.error = messageOf(error);
    } finally {
      this.busy = null;
    }
  }

  stop(): void {
    this.#abort.abort();
  }
}

/** Every kept frame, a batch as one picture. */
const framesOf = (job: RenderJob): Picture[] => job.film.flatMap(({ pictures }) => sheetOf(pictures) ?? []);

/** So many, evenly from the first to the last. */
const spread = <T>(all: readonly T[], count: number): T[] =>
  all.length <= count
    ? [...all]
    : Array.from({ length: count }, (_, i) => all[Math.round((i * (all.length - 1)) / (count - 1))]!);

async function pngOf(frames: readonly Picture[]): Promise<Uint8Array<ArrayBuffer>> {
  const sheet = sheetOf(frames);
  if (!sheet) throw new Error("No frame was kept: there is nothing to put on a sheet.");
  const { pictureToPng } = await import("../../provenance/picturePng");
  return pictureToPng(sheet, null) as Uint8Array<ArrayBuffer>;
}
