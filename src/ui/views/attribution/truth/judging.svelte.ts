/**
 * Whether the maps are true: every measure of each, beside two maps that know nothing of the network. Asked for by the reader, since it
 * takes hundreds of the network's answers; a map that is made again loses its marks.
 */
import type { Attribution } from "../../../../api/attribution";
import type { Progress } from "../../../../api/engine";
import type { Truth } from "../../../../api/truth";
import { messageOf } from "../../../state/machine";
import type { Explaining } from "../explaining.svelte";
import type { MapRun } from "../mapRun.svelte";

/** Runs of a quick method for its max-sensitivity; slow ones are not run again. */
const AGAIN = 5;

export const RIVALS = ["edges", "random"] as const;
export type Rival = (typeof RIVALS)[number];

export class Judging {
  /** By the map that was judged: another map of the same method is another. */
  readonly #marks = new WeakMap<Attribution, Truth>();
  /** Of the present target and picture. */
  rivals = $state.raw<Partial<Record<Rival, Truth>>>({});
  /** What is being judged. */
  now = $state.raw<MapRun | Rival | null>(null);
  progress = $state.raw<Progress | null>(null);
  trouble = $state<string | null>(null);
  /** Counts what has come in: marks are kept outside of reactivity. */
  #came = $state(0);
  #about: string | null = null;
  #abort = new AbortController();

  constructor(readonly explaining: Explaining) {}

  of({ result }: MapRun): Truth | null {
    void this.#came;
    return (result && this.#marks.get(result)) ?? null;
  }

  /** Maps that are made and have no marks. */
  get open(): MapRun[] {
    return this.explaining.maps.filter((map) => map.status === "done" && map.result && !this.of(map));
  }

  stop(): void {
    this.#abort.abort();
  }

  /** Judges every map that is there, and the rivals. Never rejects. */
  async judge(): Promise<void> {
    this.stop();
    const { signal } = (this.#abort = new AbortController());
    this.trouble = null;
    try {
      for (let map = this.open[0]; map; map = this.open[0]) {
        const { result } = map;
        if (!result) break;
        this.now = map;
        const truth = await this.#ask(map, result, result.map, signal);
        if (!truth) break;
        this.#marks.set(result, truth);
        if (map.result === result) map.truth = truth;
        this.#came += 1;
        const about = JSON.stringify([this.explaining.studio.model?.stored.sha256, result.target, result.score]);
        if (about !== this.#about) {
          this.rivals = {};
          this.#about = about;
        }
        for (const rival of RIVALS)
          if (!this.rivals[rival]) {
            this.now = rival;
            const marks = await this.#ask(map, result, rival, signal);
            if (marks) this.rivals = { ...this.rivals, [rival]: marks };
          }
      }
    } catch (error) {
      if (!signal.aborted) this.trouble = messageOf(error);
    } finally {
      if (!signal.aborted || this.#abort.signal === signal) {
        this.now = null;
        this.progress = null;
      }
    }
  }

  async #ask(
    { method, card: known }: MapRun,
    { target }: Attribution,
    map: Attribution["map"] | Rival,
    signal: AbortSignal,
  ): Promise<Truth | null> {
    const { studio, machine, picture } = this.explaining;
    if (!studio.model || !picture) return null;
    const { card, stored } = studio.model;
    const request = { weights: stored.sha256, card, picture, target, method, device: studio.device, map };
    const task = { signal, onProgress: (progress: Progress) => void (this.progress = progress) };
    return machine.truth(known.live ? { ...request, sensitivity: AGAIN } : request, task);
  }
}
