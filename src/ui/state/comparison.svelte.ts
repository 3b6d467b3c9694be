/**
 * Two pictures side by side: A stays as it was, B is the one in the middle, which the controls act on. Both finished, each is shown to what
 * the other one climbed: whether B's picture would excite A's unit too, and how alike A's layer finds them.
 */
import type { MeasureRequest, Picture } from "../../api/engine";
import { fit } from "./goal/fit";
import { meanCosine } from "./likeness";
import { messageOf, type Machine } from "./machine";
import { measurable } from "./measurable";
import { orderOf } from "./order";
import { opaque } from "./pixels";
import { RenderJob } from "./renderJob.svelte";
import type { Settings } from "./settings";
import type { Studio } from "./studio.svelte";

/** What each network makes of both finished pictures, each by its own objective. */
export interface Cross {
  a: { ofA: number; ofB: number } | null;
  b: { ofA: number; ofB: number } | null;
  /** Cosine of the channel means in A's layer; null where the objective has none. */
  likeness: number | null;
}

export class Comparison {
  /** Null while nothing is compared. */
  a = $state.raw<RenderJob | null>(null);
  /** What A is asked to be, from the moment that it is asked for. */
  asked = $state.raw<Settings | null>(null);
  /** Why A could not be drawn, or what could not be measured. */
  trouble = $state<string | null>(null);
  cross = $state.raw<Cross | null>(null);
  #following = new AbortController();
  #measuring = new AbortController();

  constructor(
    readonly studio: Studio,
    readonly machine: Machine,
  ) {}

  /** Keeps the picture in the middle as A. */
  pin(job: RenderJob): void {
    this.end();
    this.#take(job);
  }

  end(): void {
    this.#following.abort();
    this.#measuring.abort();
    if (this.a && this.a !== this.studio.job) this.a.stop();
    this.a = null;
    this.asked = null;
    this.cross = null;
    this.trouble = null;
  }

  #take(job: RenderJob): void {
    const { settings, weights } = job.order;
    this.a = job;
    this.asked = { ...settings, weights };
    this.cross = null;
  }

  /** B stays, and A is in the middle. */
  async swap(): Promise<void> {
    const { a, studio } = this;
    const b = studio.job;
    if (!a || !b || a === b) return;
    this.#take(b);
    const { card, weights } = a.order.request;
    if (studio.model?.card.id === card.id && studio.model.stored.sha256 === weights) studio.show(a);
    else await studio.open(card.id, { ...a.order.settings, weights: a.order.weights });
  }

  /** Draws A as a link asks for it, once B is there. Never rejects: what went wrong is in `trouble`. */
  async follow(settings: Settings): Promise<void> {
    this.end();
    const { signal } = (this.#following = new AbortController());
    const { studio, machine } = this;
    this.asked = settings;
    try {
      const open = studio.model;
      const card = studio.library.card(settings.model ?? open?.card.id ?? null);
      if (!card || !open) throw new Error(`It names a model called "${settings.model}", which this page does not know.`);
      const same = card.id === open.card.id && (settings.weights === null || settings.weights === open.stored.weights);
      const model = same ? open : await studio.lend(card, settings, { signal });
      const { order, obstacle } = orderOf(
        { model, settings: fit(settings, model.summary), device: studio.device },
        studio.pictures,
      );
      if (!order) throw new Error(obstacle ?? "It asks for nothing that can be drawn.");
      await studio.job?.ended;
      signal.throwIfAborted();
      const job = new RenderJob(order);
      this.a = job;
      await job.run(machine);
    } catch (error) {
      if (!signal.aborted) this.trouble = messageOf(error);
    }
  }

  /** Measures both once both are finished; called again whenever one of them changes. Never rejects. */
  async measure(b: RenderJob | null): Promise<void> {
    const { a } = this;
    this.cross = null;
    this.#measuring.abort();
    const { signal } = (this.#measuring = new AbortController());
    if (!a || !b || a === b || !isFinished(a) || !isFinished(b)) return;
    const [first, second] = [a, b].map((job) => opaque(job.frames[0]!)) as [Picture, Picture];
    try {
      const byA = await this.#ask(a, [first, second], signal);
      const byB = await this.#ask(b, [first, second], signal);
      this.cross = {
        a: byA && scoresOf(byA),
        b: byB && scoresOf(byB),
        likeness: byA && meanCosine(byA.map(({ means }) => means)),
      };
    } catch (error) {
      if (!signal.aborted) this.trouble = messageOf(error);
    }
  }

  /** What the objective of `job` makes of pictures, one by one, as they may be of different sizes. */
  async #ask(
    { order: { request } }: RenderJob,
    pictures: readonly Picture[],
    signal: AbortSignal,
  ): Promise<{ score: number; means: Float32Array }[] | null> {
    const objective = measurable(request.objective);
    if (!objective) return null;
    const out = [];
    for (const picture of pictures) {
      const { weights, card, device, pictures: named } = request;
      const asked: MeasureRequest = {
        weights,
        card,
        device,
        objective,
        pictures: [picture],
        scale: "own",
        ...(named ? { named } : {}),
      };
      const { scores, means } = await this.machine.measure(asked, { signal });
      out.push({ score: scores[0]!, means });
    }
    return out;
  }
}

const scoresOf = ([a, b]: { score: number }[]): { ofA: number; ofB: number } => ({ ofA: a!.score, ofB: b!.score });
const isFinished = ({ status, frames }: RenderJob): boolean => (status === "done" || status === "stopped") && frames.length > 0;
