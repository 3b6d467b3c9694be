/** The models: which there are, which are stored on this machine, and the downloads under way. */
import { SvelteMap } from "svelte/reactivity";
import type { Progress } from "../../api/engine";
import type { Catalog, ModelCard, ModelFile } from "../../api/model";
import type { StoredModel } from "../../api/store";
import { messageOf, type Machine } from "./machine";

/** After so long without a byte the page says that it waits. */
const QUIET_MS = 2500;

/** One model on its way to this machine. */
export class Download {
  status = $state<"running" | "paused" | "failed">("running");
  phase = $state<"download" | "verify">("download");
  loadedBytes = $state(0);
  totalBytes = $state<number | null>(null);
  /** Bytes per second over the last few seconds; null until it can be told. */
  rate = $state<number | null>(null);
  /** No byte has come for a while: the connection is slow, or being tried again. */
  waiting = $state(false);
  error = $state<string | null>(null);
  readonly abort = new AbortController();
  /** Settles when it ends, in any way; null before it has begun. */
  file: Promise<ModelFile> | null = null;
  #silence: ReturnType<typeof setTimeout> | undefined;
  /** When how much was there, for the rate; what an earlier try left does not count. */
  #marks: { at: number; loaded: number }[] = [];

  report(p: Progress): void {
    this.#watch();
    if (p.phase === "download") {
      this.phase = "download";
      this.loadedBytes = p.loadedBytes;
      this.totalBytes = p.totalBytes ?? this.totalBytes;
      const now = performance.now();
      this.#marks = [...this.#marks.filter(({ at }) => now - at < 4000), { at: now, loaded: p.loadedBytes }];
      const first = this.#marks[0];
      this.rate = first && now - first.at > 400 ? ((p.loadedBytes - first.loaded) * 1000) / (now - first.at) : this.rate;
    } else if (p.phase === "verify") {
      this.phase = "verify";
      this.loadedBytes = p.doneBytes;
      this.totalBytes = p.totalBytes;
    }
  }

  /** Called at its end, whatever that was. */
  settle(): void {
    clearTimeout(this.#silence);
    this.waiting = false;
  }

  #watch(): void {
    this.settle();
    this.#silence = setTimeout(() => (this.waiting = true), QUIET_MS);
  }

  /** Ends it; what has arrived is kept, and the next try goes on from there. */
  cancel(): void {
    this.abort.abort();
  }
}

export class Library {
  catalog = $state.raw<Catalog | null>(null);
  stored = $state.raw<readonly StoredModel[]>([]);
  quota = $state.raw<{ usage: number; quota: number; persisted: boolean } | null>(null);
  /** Why this browser keeps models for this visit only; null when it keeps them. */
  notice = $state.raw<string | null>(null);
  /** By catalogue id; one that ended well is gone from here. */
  readonly downloads = new SvelteMap<string, Download>();

  readonly #machine: Machine;
  readonly #loadCatalog: () => Promise<Catalog>;

  constructor(machine: Machine, loadCatalog: () => Promise<Catalog>) {
    this.#machine = machine;
    this.#loadCatalog = loadCatalog;
  }

  async load(): Promise<Catalog> {
    this.catalog = await this.#loadCatalog();
    await this.refresh();
    return this.catalog;
  }

  card(id: string | null): ModelCard | undefined {
    return this.catalog?.models.find((card) => card.id === id);
  }

  /** The file of `card` that is already on this machine, in the card's order of preference. */
  storedFile(card: ModelCard): ModelFile | undefined {
    return card.files.find(({ sha256 }) => this.stored.some((s) => s.sha256 === sha256));
  }

  /** What getting it would cost: the file that would be taken first. */
  bytesOf(card: ModelCard): number {
    return (this.storedFile(card) ?? card.files[0])?.bytes ?? 0;
  }

  /** Brings `card` to this machine, from the first of its sources that works; a second call while one runs waits for the same. */
  async obtain(card: ModelCard): Promise<ModelFile> {
    const there = this.storedFile(card);
    if (there) return there;
    const running = this.downloads.get(card.id);
    if (running?.status === "running" && running.file) return running.file;
    const download = new Download();
    this.downloads.set(card.id, download);
    return (download.file = this.#bring(card, download));
  }

  async remove(card: ModelCard): Promise<void> {
    const ours = this.stored.filter(({ sha256 }) => card.files.some((file) => file.sha256 === sha256));
    for (const { sha256 } of ours) await this.#machine.remove(sha256);
    this.downloads.delete(card.id);
    await this.refresh();
  }

  async refresh(): Promise<void> {
    const { list, quota, notice } = this.#machine;
    [this.stored, this.quota, this.notice] = await Promise.all([list(), quota(), notice()]);
  }

  async #bring(card: ModelCard, download: Download): Promise<ModelFile> {
    try {
      const file = await this.#firstThatWorks(card, download);
      this.downloads.delete(card.id);
      await this.refresh();
      return file;
    } catch (error) {
      download.status = download.abort.signal.aborted ? "paused" : "failed";
      if (download.status === "failed") download.error = messageOf(error);
      throw error;
    } finally {
      download.settle();
    }
  }

  async #firstThatWorks(card: ModelCard, download: Download): Promise<ModelFile> {
    let last: unknown = new Error(`The catalogue names no file for ${card.title}.`);
    for (const file of card.files) {
      download.totalBytes = file.bytes;
      try {
        await this.#machine.fetch(card.id, file, { signal: download.abort.signal, onProgress: (p) => download.report(p) });
        return file;
      } catch (error) {
        if (download.abort.signal.aborted) throw error;
        last = error;
      }
    }
    throw last;
  }
}
