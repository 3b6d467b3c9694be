/** One picture: asked for, growing, and what became of it. */
import type { DeviceInfo, Picture, Progress, RenderRequest } from "../../api/engine";
import type { LayerInfo, ModelFile } from "../../api/model";
import { labelOf } from "../../vis/objective/label";
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
  frame = $state.raw<Picture | null>(null);
  device = $state.raw<DeviceInfo | null>(null);
  elapsedMs = $state(0);
  error = $state<string | null>(null);

  readonly #abort = new AbortController();

  constructor(readonly order: JobOrder) {}

  get steps(): number {
    return this.order.request.recipe.steps;
  }

  get size(): number {
    return this.order.request.recipe.size;
  }

  /** "mixed4c, channel 42". */
  get title(): string {
    const { layer } = this.order;
    return labelOf(this.order.request.objective, (name) => (name === layer.name ? layer.title : name));
  }

  /** The title without the layer: "channel 42". */
  get unit(): string {
    return labelOf(this.order.request.objective, (name) => (name === this.order.layer.name ? "" : name));
  }

  /** "googlenet_inception_4c_output_42_7.png". */
  get fileName(): string {
    const { request, settings } = this.order;
    const at = settings.kind === "neuron" ? `-x${settings.x ?? "c"}-y${settings.y ?? "c"}` : "";
    const unit = settings.kind === "direction" ? slug(settings.direction) : `${settings.channel}${at}`;
    return `${slug(request.card.id)}_${slug(this.order.layer.name)}_${unit}_${request.recipe.seed}.png`;
  }

  /** Runs to the end; never rejects: what went wrong is in `error`. */
  async run(machine: Machine): Promise<void> {
    const started = performance.now();
    try {
      const result = await machine.render(this.order.request, { signal: this.#abort.signal, onProgress: (p) => this.#report(p) });
      this.frame = result.pictures[0] ?? null;
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

  /** Asks it to end at its next step; what was drawn stays. */
  stop(): void {
    this.#abort.abort();
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
    if (p.frames) this.frame = p.frames[0] ?? null;
  }
}
