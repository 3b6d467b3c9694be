/**
 * The reader's notes: in this browser's IndexedDB, the same in all of its tabs. Where nothing can be kept they live for this visit, and
 * `trouble` says so: they can still be exported.
 */
import { createStore, entries, setMany, type UseStore } from "idb-keyval";
import { SvelteMap } from "svelte/reactivity";
import { messageOf } from "../machine";
import { keyOf, merged, readNotes, says, writeNotes, type Note } from "./note";

const CHANNEL = "micrographia-notes";

/** A unit as notes name it. */
export type NotedUnit = Omit<Note, "star" | "text" | "at">;

export class Notes {
  /** By `keyOf`. */
  readonly #all = new SvelteMap<string, Note>();
  /** What there is to show, the latest first. */
  shown = $derived([...this.#all.values()].filter(says).toSorted((a, b) => b.at - a.at));
  trouble = $state<string | null>(null);
  #store: UseStore | null = null;
  #tabs: BroadcastChannel | null = null;

  /** Brings back what this browser has kept, and listens to its other tabs. Never rejects. */
  async load(): Promise<void> {
    try {
      this.#store = createStore("micrographia-notes", "notes");
      const kept = await entries<string, Note>(this.#store);
      this.#take(kept.map(([, note]) => note));
      this.#tabs = new BroadcastChannel(CHANNEL);
      this.#tabs.onmessage = ({ data }: MessageEvent<Note[]>) => this.#take(data);
    } catch (error) {
      this.#store = null;
      this.trouble = `This browser keeps no notes (${messageOf(error)}): they are here for this visit. Export them before you leave.`;
    }
  }

  end(): void {
    this.#tabs?.close();
  }

  of(unit: Pick<Note, "model" | "layer" | "channel">): Note | undefined {
    return this.#all.get(keyOf(unit));
  }

  /** Changes what is said of a unit. Never rejects: what could not be kept is in `trouble`, and stays on the page. */
  async set(unit: NotedUnit, part: Partial<Pick<Note, "star" | "text">>): Promise<void> {
    const before = this.of(unit);
    const at = Math.max(Date.now(), (before?.at ?? 0) + 1); // a clock that was set back must not make the change look old
    await this.#change([{ star: false, text: "", ...before, ...unit, ...part, at }]);
  }

  export(): string {
    return writeNotes(this.shown);
  }

  /** Takes a file in; how many notes it changed. Throws NotesFileError. */
  async import(content: string): Promise<number> {
    const { changed } = merged([...this.#all.values()], readNotes(content));
    await this.#change(changed);
    return changed.length;
  }

  #take(given: readonly Note[]): void {
    for (const note of merged([...this.#all.values()], given).changed) this.#all.set(keyOf(note), note);
  }

  async #change(notes: readonly Note[]): Promise<void> {
    this.#take(notes);
    if (!this.#store) return;
    try {
      await setMany(
        notes.map((note) => [keyOf(note), note]),
        this.#store,
      );
      this.#tabs?.postMessage(notes);
      this.trouble = null;
    } catch (error) {
      this.trouble = `The note could not be kept (${messageOf(error) || "no room"}). It is still on this page: free some room, or export your notes.`;
    }
  }
}
