/**
 * Small pictures of directions and units in one layer, drawn in the background a few at a time: what is in sight first, then in the order
 * in which they are wanted. What has been drawn is kept while the page is open.
 */
import { untrack } from "svelte";
import { SvelteMap } from "svelte/reactivity";
import type { DeviceChoice, Picture, RenderRequest } from "../../../api/engine";
import type { LayerInfo } from "../../../api/model";
import { sidesOf } from "../../../onnx/preprocessing";
import type { Objective } from "../../../vis/objective/types";
import { recipeOf, recipes } from "../../../vis/recipes";
import type { Recipe } from "../../../vis/recipe";
import { messageOf, type Machine } from "../../state/machine";
import type { OpenModel } from "../../state/order";

/** A picture that is wanted. Those of one kind have their programs in common. */
export interface Wish {
  key: string;
  kind: "unit" | "direction";
  objective: Objective;
}

/** Drawn together: a gradient step of so many small pictures takes a fraction of a second. */
const AT_ONCE = 6;
const STEPS = 40;
const KEPT = 1200;

interface Place {
  model: OpenModel;
  layer: LayerInfo;
  device: DeviceChoice;
}

export class Tiles {
  readonly pictures = new SvelteMap<string, Picture>();
  paused = $state(false);
  /** Why none can be drawn. */
  trouble = $state<string | null>(null);
  wishes = $state.raw<readonly Wish[]>([]);
  drawn = $derived(this.wishes.filter(({ key }) => this.#isDone(key)).length);

  readonly #done = new SvelteMap<string, true>();
  readonly #seen: Record<string, boolean> = {};
  readonly #slots: Record<string, readonly Wish[]> = {};
  #place: Place | null = null;
  #held = 0;
  #working = false;
  #ended = false;
  #now: AbortController | null = null;

  constructor(readonly machine: Machine) {}

  /** Where pictures are drawn from here on. */
  move(place: Place | null): void {
    const [before, after] = [this.#place, place].map((p) => p && [p.model.stored.sha256, p.layer.name, p.device].join());
    this.#place = place;
    if (before === after) return;
    this.#now?.abort();
    this.trouble = null;
    void this.#work();
  }

  /** What a part of the page wants, in place of what it wanted before. Parts are served in the order of their names. */
  want(part: string, wishes: readonly Wish[]): void {
    this.#slots[part] = wishes;
    const all = Object.keys(this.#slots)
      .sort()
      .flatMap((name) => this.#slots[name]!);
    this.wishes = all.filter(({ key }, i) => all.findIndex((other) => other.key === key) === i);
    untrack(() => void this.#work()); // whoever wants something does not depend on what is being drawn
  }

  sight(key: string, seen: boolean): void {
    this.#seen[key] = seen;
  }

  pause(): void {
    this.paused = true;
    this.#now?.abort();
  }

  go(): void {
    this.paused = false;
    this.trouble = null;
    void this.#work();
  }

  /** Makes way for a question, until it is answered. */
  async during<T>(question: Promise<T>): Promise<T> {
    this.#held++;
    this.#now?.abort();
    try {
      return await question;
    } finally {
      this.#held--;
      void this.#work();
    }
  }

  end(): void {
    this.#ended = true;
    this.#now?.abort();
  }

  #isDone(key: string): boolean {
    return this.#done.has(key);
  }

  /** One batch after the other. Never rejects. */
  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    for (let batch = this.#next(); batch.length; batch = this.#next()) {
      const abort = (this.#now = new AbortController());
      try {
        await this.#draw(batch, this.#place!, abort.signal);
      } catch (error) {
        for (const { key } of batch) if (!this.#isDone(key)) this.pictures.delete(key);
        if (!abort.signal.aborted) {
          this.trouble = messageOf(error);
          this.paused = true;
        }
      }
    }
    this.#now = null;
    this.#working = false;
  }

  #next(): readonly Wish[] {
    if (this.paused || this.#held || this.#ended || !this.#place || this.#place.layer.unsupported) return [];
    const waiting = this.wishes.filter(({ key }) => !this.#isDone(key));
    const first = waiting.find(({ key }) => this.#seen[key]) ?? waiting[0];
    if (!first) return [];
    const alike = waiting.filter(({ kind, key }) => kind === first.kind && (this.#seen[key] ?? false) === (this.#seen[first.key] ?? false)); // prettier-ignore
    return alike.slice(0, AT_ONCE);
  }

  async #draw(batch: readonly Wish[], { model, layer, device }: Place, signal: AbortSignal): Promise<void> {
    const take = (pictures: readonly Picture[]): void =>
      batch.forEach(({ key }, i) => pictures[i] && this.pictures.set(key, pictures[i]));
    const each = Array.from({ length: AT_ONCE }, (_, i) => (batch[i] ?? batch[0]!).objective);
    const request: RenderRequest = {
      ...{ weights: model.stored.sha256, card: model.card, device },
      objective: { kind: "each", of: each },
      recipe: tileRecipe(model, layer),
    };
    const { pictures } = await this.machine.render(request, {
      signal,
      onProgress: (p) => p.phase === "step" && p.frames && !signal.aborted && take(p.frames),
    });
    take(pictures);
    for (const { key } of batch) this.#done.set(key, true);
    while (this.#done.size > KEPT) this.#forget();
  }

  #forget(): void {
    const [oldest] = this.#done.keys();
    if (oldest === undefined) return;
    this.#done.delete(oldest);
    this.pictures.delete(oldest);
  }
}

/** As quick as shows something: of the size of a few positions of the layer, few steps, the same seed for each. */
function tileRecipe({ card }: OpenModel, { grid: [rows] }: LayerInfo): Recipe {
  const [side] = sidesOf(card.preprocessing);
  const size = Math.min(96, Math.max(48, 16 * Math.round((4 * side) / rows / 16)));
  const standard = recipeOf(card);
  const base: Recipe = card.recipe ? { ...standard, optimizer: faster(standard) } : recipes.quick!;
  return { ...base, start: null, size, steps: STEPS, seed: 1, batch: AT_ONCE, seeds: Array.from({ length: AT_ONCE }, () => 1) };
}

/** Four times the rate, for a quarter of the steps. */
const faster = ({ optimizer }: Recipe): Recipe["optimizer"] => ({ ...optimizer, learningRate: 4 * optimizer.learningRate });
