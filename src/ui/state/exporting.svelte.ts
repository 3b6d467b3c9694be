/** Films and sheets of a picture's frames as files that say how they were made; by code that is fetched when they are asked for. */
import { evenly } from "../../export/film";
import { layoutOf, sheetOf } from "../../export/sheet";
import { withRecord } from "../../provenance/record";
import { messageOf } from "./machine";
import { recordOf } from "./provenance";
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
      const film = kind === "sheet" ? evenly(job.film, ON_SHEET) : job.film;
      const frames = film.flatMap(({ pictures }) => sheetOf(pictures) ?? []);
      const [first] = frames;
      if (!first) throw new Error("No frame was kept: there is nothing to export.");
      const record = recordOf(job, { steps: film.map(({ step }) => step), ...layoutOf(frames.length, first) });
      if (kind === "gif") {
        const gif = await (await import("../../export/gif")).gifOf(frames, options);
        save(record ? withRecord(gif, record) : gif, "image/gif", `${name}.gif`);
      } else if (kind === "video") {
        const comment = record ? { comment: JSON.stringify(record) } : {};
        save(
          await (await import("../../export/video")).videoOf(frames, { ...options, ...comment }),
          "video/webm",
          `${name}.webm`,
        );
      } else {
        const { pictureToPng } = await import("../../provenance/picturePng");
        save(pictureToPng(sheetOf(frames) ?? first, record), "image/png", `${name}_sheet.png`);
      }
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
