/** One picture: asked for, growing, and what became of it. */
import type { DeviceInfo, Picture, Progress, RenderRequest } from "../../api/engine";
import type { LayerInfo, ModelFile } from "../../api/model";
import { sheetOf } from "../../export/sheet";
import { labelOf } from "../../vis/objective/label";
import { mapParts } from "../../vis/objective/resolve";
import type { Objective } from "../../vis/objective/types";
import { extended, type FilmFrame } from "./film";
import { slug } from "./format";
import { messageOf, type Machine } from "./machine";
import type { Settings } from "./settings";

export type JobStatus = "running" | "done" | "stopped" | "failed";

export interface JobOrder {
  request: RenderRequest;
  /** The choices that led here, so that showing it again restores them. */
  settings: Settings;
  layer: LayerInfo;
  weights: ModelFile["weights"];
  /** Of the unit, where the layer is the network's answer. */
  className: string | null;
  /** What people call the model's layers. */
  layerTitle: (name: string) => string;
  /** What people call the pictures that the objective names. */
  pictureTitle: (name: string) => string;
}

/** Another objective, taken up while the picture grew. */
export interface Turn {
  /** The last step that was made for the objective before. */
  step: number;
}

export class RenderJob {
  readonly id = crypto.randomUUID();
  status = $state<JobStatus>("running");
  /** What is going on before the first step; null before the worker has said anything. */
  phase = $state.raw<Progress | null>(null);
  step = $state(0);
  score = $state<number | null>(null);
  stepsPerSecond = $state(0);
  /** The objective against the step, as far as it was reported, and completely at the end. */
  curve = $state.raw<readonly { step: number; score: number }[]>([]);
  /** One for each of the batch. */
  frames = $state.raw<readonly Picture[]>([]);
  /** All of the batch on one sheet. */
  result = $derived(sheetOf(this.frames));
  /** What is kept of how it grew, the latest last. */
  film = $state.raw<readonly FilmFrame[]>([]);
  /** The kept frame that is looked at; null is the latest. */
  at = $state<number | null>(null);
  shown = $derived(this.at === null ? this.frames : (this.film[this.at]?.pictures ?? this.frames));
  /** What is looked at, all of the batch on one sheet. */
  frame = $derived(sheetOf(this.shown));
  /** Steps that led to what is looked at, and the objective it had there. */
  shownStep = $derived(this.at === null ? this.step : (this.film[this.at]?.step ?? this.step));
  shownScore = $derived(
    this.at === null ? this.score : (this.curve.findLast(({ step }) => step <= this.shownStep)?.score ?? this.score),
  );
  device = $state.raw<DeviceInfo | null>(null);
  elapsedMs = $state(0);
  error = $state<string | null>(null);

  order = $state.raw() as JobOrder;
  /** A picture whose objective was changed on its way cannot be made again in one go. */
  turns = $state.raw<readonly Turn[]>([]);

  readonly #abort = new AbortController();
  #lead: ((objective: Objective) => void) | null = null;

  constructor(order: JobOrder) {
    this.order = order;
  }

  get steps(): number {
    return this.order.request.recipe.steps;
  }

  get size(): number {
    return this.order.request.recipe.size;
  }

  /** The picker's unit by itself: the layer's title says where. */
  get simple(): boolean {
    return ["channel", "neuron", "direction"].includes(this.order.request.objective.kind);
  }

  /** "mixed4c, channel 42". */
  get title(): string {
    return this.#label(this.order.layerTitle);
  }

  /** The title without the layer, "channel 42", where there is but the unit. */
  get unit(): string {
    const { layer, layerTitle } = this.order;
    return this.simple ? this.#label((name) => (name === layer.name ? "" : layerTitle(name))) : this.title;
  }

  /** "googlenet_inception_4c_output_42_7.png". */
  get fileName(): string {
    const { request, settings } = this.order;
    const at = settings.kind === "neuron" ? `-x${settings.x ?? "c"}-y${settings.y ?? "c"}` : "";
    const unit = settings.kind === "direction" ? slug(settings.direction) : `${settings.channel}${at}`;
    const goal = this.simple ? `${slug(this.order.layer.name)}_${unit}` : slug(this.title).slice(0, 80);
    return `${slug(request.card.id)}_${goal}_${request.recipe.seed}.png`;
  }

  /** Climbs another objective from the next step on; false when it cannot any more. */
  change(objective: Objective, settings: Settings): boolean {
    if (this.status !== "running" || this.step < 1 || this.step >= this.steps || !this.#lead) return false;
    this.#lead(objective);
    this.order = { ...this.order, settings, request: { ...this.order.request, objective } };
    this.turns = [...this.turns, { step: this.step }];
    return true;
  }

  /** Settles when it has ended, in any way. */
  ended: Promise<void> = Promise.resolve();

  /** Runs to the end; never rejects: what went wrong is in `error`. */
  run(machine: Machine): Promise<void> {
    return (this.ended = this.#run(machine));
  }

  /** Looks at the kept frame that is nearest to a step. */
  showNear(step: number): void {
    const away = this.film.map((frame) => Math.abs(frame.step - step));
    const nearest = away.indexOf(Math.min(...away));
    this.at = nearest < 0 || nearest === this.film.length - 1 ? null : nearest;
  }

  /** Asks it to end at its next step; what was drawn stays. */
  stop(): void {
    this.#abort.abort();
  }

  async #run(machine: Machine): Promise<void> {
    const started = performance.now();
    try {
      const result = await machine.render(this.order.request, {
        signal: this.#abort.signal,
        onProgress: (p) => this.#report(p),
        onChangeable: (change) => (this.#lead = change),
      });
      this.frames = result.pictures;
      this.film = extended(this.film, { step: this.steps, pictures: result.pictures });
      this.score = result.score;
      this.step = this.steps;
      this.curve = Array.from(result.scores, (score, i) => ({ step: i + 1, score }));
      this.elapsedMs = result.elapsedMs;
      this.device = result.device;
      this.status = "done";
    } catch (error) {
      this.elapsedMs = performance.now() - started;
      this.status = this.#abort.signal.aborted ? "stopped" : "failed";
      if (this.status === "failed") this.error = messageOf(error);
    }
  }

  #report(p: Progress): void {
    if (this.status !== "running") return;
    this.phase = p;
    if (p.phase === "compile") this.device = p.device;
    if (p.phase !== "step") return;
    this.step = p.step;
    this.score = p.score;
    this.stepsPerSecond = p.stepsPerSecond;
    if (p.step > (this.curve.at(-1)?.step ?? 0)) this.curve = [...this.curve, { step: p.step, score: p.score }];
    if (!p.frames) return;
    const looking = this.at === null ? undefined : this.film[this.at]?.step;
    this.frames = p.frames;
    this.film = extended(this.film, { step: p.step, pictures: p.frames });
    if (looking !== undefined) this.showNear(looking); // frames are let go, and the places of the others move
  }

  #label(layerTitle: (name: string) => string): string {
    const { request, pictureTitle } = this.order;
    const titled = mapParts(request.objective, (part) =>
      "picture" in part ? { ...part, picture: pictureTitle(part.picture) } : part,
    );
    return labelOf(titled, layerTitle);
  }
}
