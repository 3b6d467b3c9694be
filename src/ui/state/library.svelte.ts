/** The models: which there are, which are stored on this machine, and the downloads under way. */
import { SvelteMap } from "svelte/reactivity";
import type { Progress } from "../../api/engine";
import type { Catalog, ModelCard, ModelFile } from "../../api/model";
import type { StoredModel } from "../../api/store";
import type { WeightStorage } from "../../quantize/quantize";
import { messageOf, type Machine } from "./machine";

/** After so long without a byte the page says that it waits. */
const QUIET_MS = 2500;

/** Float32 files from this size on are kept as the reader wishes; smaller ones are not worth the loss. */
const LARGE_BYTES = 20e6;

/** How the weights of a catalogue file are kept here, where the reader wishes for `keep`. */
export const keptAs = (file: ModelFile, keep: WeightStorage): WeightStorage =>
  file.weights === "float32" && file.bytes > LARGE_BYTES ? keep : file.weights;

/** One model on its way to this machine. */
export class Download {
  status = $state<"running" | "paused" | "failed">("running");
  phase = $state<"download" | "verify" | "keep">("download");
  loadedBytes = $state(0);
  totalBytes = $state<number | null>(null);
  /** Bytes per second over the last few seconds; null until it can be told. */
  rate = $state<number | null>(null);
  /** No byte has come for a while: the connection is slow, or being tried again. */
  waiting = $state(false);
  error = $state<string | null>(null);
  readonly abort = new AbortController();
  /** Settles when it ends, in any way; null before it has begun. */
  model: Promise<StoredModel> | null = null;
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
    } else if (p.phase === "verify" || p.phase === "keep") {
      this.phase = p.phase;
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
  /** How the weights of large downloads are kept: int8 takes a quarter of the room, and makes hardly another picture. */
  keep = $state<WeightStorage>("int8");
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
    this.catalog ??= await this.#loadCatalog();
    await this.refresh();
    return this.catalog;
  }

  /** The readers' own models, the newest first. */
  get own(): readonly ModelCard[] {
    return this.stored.flatMap(({ card }) => card ?? []);
  }

  card(id: string | null): ModelCard | undefined {
    return this.catalog?.models.find((card) => card.id === id) ?? this.own.find((card) => card.id === id);
  }

  /** What is on this machine of `card`: its files in the card's order of preference, as they came or made smaller. */
  storedAll(card: ModelCard): readonly StoredModel[] {
    const brought = card.files.flatMap(({ sha256 }) => this.stored.filter((s) => s.sha256 === sha256 || s.from === sha256));
    const own = card.files.length ? [] : this.stored.filter(({ id }) => id === card.id);
    return [...brought, ...own];
  }

  /** The one of them that is used; or that whose weights are kept so. */
  storedOf(card: ModelCard, weights: WeightStorage | null = null): StoredModel | undefined {
    return this.storedAll(card).find((stored) => weights === null || stored.weights === weights);
  }

  /** How else the weights of `card` can be had, besides what is here. */
  obtainable(card: ModelCard): readonly WeightStorage[] {
    const here = this.storedAll(card).map(({ weights }) => weights);
    const kept = card.files.flatMap((file) => [keptAs(file, "int8"), keptAs(file, "float32")]);
    return kept.filter((weights, i) => !here.includes(weights) && kept.indexOf(weights) === i);
  }

  /** Bytes on this machine, or what getting it would cost: the file that would be taken first. */
  bytesOf(card: ModelCard): number {
    return (this.storedOf(card) ?? card.files[0])?.bytes ?? 0;
  }

  /**
   * Brings `card` to this machine, from the first of its sources that works, its weights kept as wished for here or by `weights`. A second
   * call while one runs waits for the same. Throws where the card has no such weights.
   */
  async obtain(card: ModelCard, weights: WeightStorage | null = null): Promise<StoredModel> {
    const there = this.storedOf(card, weights);
    if (there) return there;
    const running = this.downloads.get(card.id);
    if (running?.status === "running" && running.model) {
      const model = await running.model;
      if (weights === null || model.weights === weights) return model;
    }
    const download = new Download();
    this.downloads.set(card.id, download);
    return (download.model = this.#bring(card, download, weights));
  }

  async remove(card: ModelCard): Promise<void> {
    for (const { sha256 } of this.storedAll(card)) await this.#machine.remove(sha256);
    this.downloads.delete(card.id);
    await this.refresh();
  }

  async refresh(): Promise<void> {
    const { list, quota, notice } = this.#machine;
    [this.stored, this.quota, this.notice] = await Promise.all([list(), quota(), notice()]);
  }

  async #bring(card: ModelCard, download: Download, weights: WeightStorage | null): Promise<StoredModel> {
    try {
      const model = await this.#firstThatWorks(card, download, weights);
      this.downloads.delete(card.id);
      await this.refresh();
      return model;
    } catch (error) {
      download.status = download.abort.signal.aborted ? "paused" : "failed";
      if (download.status === "failed") download.error = messageOf(error);
      throw error;
    } finally {
      download.settle();
    }
  }

  async #firstThatWorks(card: ModelCard, download: Download, weights: WeightStorage | null): Promise<StoredModel> {
    const keep = weights ?? this.keep;
    const files = card.files.filter((file) => weights === null || keptAs(file, keep) === weights);
    if (card.files.length && !files.length) throw new Error(`${card.title} is not to be had with ${weights} weights.`);
    let last: unknown = new Error(
      card.download
        ? `${card.title} is not on this machine, and no page may fetch it. The list of models says where its files are; bring them there.`
        : `The catalogue names no file for ${card.title}.`,
    );
    for (const file of files) {
      download.totalBytes = file.bytes;
      try {
        const task = { signal: download.abort.signal, onProgress: (p: Progress) => download.report(p) };
        return await this.#machine.fetch(card.id, file, keptAs(file, keep), task);
      } catch (error) {
        if (download.abort.signal.aborted) throw error;
        last = error;
      }
    }
    throw last;
  }
}
