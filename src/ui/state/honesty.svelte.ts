/**
 * What can be known about a finished picture besides how it looks: what it reaches by itself, what photos reach, whether other seeds
 * lead to the same, and what other weights would say. Found out in the engine, picture by picture, and kept with the picture.
 */
import type { MeasureRequest, Picture } from "../../api/engine";
import { type FetchJson, overHttp } from "../../api/catalog";
import { belongs, loadStats, quantilesOf, type ModelStats } from "../../api/stats";
import type { StoredModel } from "../../api/store";
import type { Objective } from "../../vis/objective/types";
import { seedsOf } from "../../vis/recipes";
import { decoded } from "./decoded";
import type { Library } from "./library.svelte";
import { meanCosine } from "./likeness";
import { messageOf, type Machine } from "./machine";
import { opaque } from "./pixels";
import type { RenderJob } from "./renderJob.svelte";
import { differs, measurable } from "./measurable";
import { crowdOf, type Crowd } from "./standing";

/** So many more pictures are drawn from other seeds. */
export const OTHERS = 3;
/** At most so many steps each: what a unit shows is settled by then. */
const STEPS_EACH = 128;
/** Fewer photos than this have no distribution worth drawing. */
const CROWD = 8;

/** A task of the reader's, and how it stands. */
export interface Doing {
  status: "running" | "failed";
  /** 0..1 */
  done: number;
  error: string | null;
}

export interface OtherSeed {
  seed: number;
  picture: Picture;
  score: number;
}

/** The strongest of the reader's own photos. */
export interface OwnPhotos {
  count: number;
  best: { name: string; picture: Picture; score: number };
  /** Null for a few. */
  crowd: Crowd | null;
}

/** What is known about one picture. */
export class Findings {
  /** Of the finished picture as it is. */
  reached = $state<number | null>(null);
  /** Why it could not be measured. */
  trouble = $state<string | null>(null);
  /** What photos reach, where this network's statistics come with the app. */
  crowd = $state.raw<Crowd | null>(null);
  /** The statistics are of another file of the same network. */
  otherFile = $state(false);
  own = $state.raw<OwnPhotos | null>(null);
  seeds = $state.raw<readonly OtherSeed[]>([]);
  /** Mean cosine between the pictures of all seeds; null until there are some, or where the objective has no layer. */
  likeness = $state<number | null>(null);
  /** What the same picture reaches with the weights stored otherwise, where both are here. */
  stored = $state.raw<{ weights: StoredModel["weights"]; score: number } | null>(null);
  photosDoing = $state.raw<Doing | null>(null);
  seedsDoing = $state.raw<Doing | null>(null);
  /** Channel means of the picture [C]. */
  means: Float32Array = new Float32Array();
  /** What is measured: the job's objective, less penalties and what joins a batch; null where nothing is left. */
  readonly objective: Objective | null;
  /** Of the batch, over middle grey where they are transparent. */
  readonly pictures: readonly Picture[];

  constructor(
    readonly job: RenderJob,
    frames: readonly Picture[],
  ) {
    this.objective = measurable(job.order.request.objective);
    this.pictures = frames.map(opaque);
  }

  /** The picture that is measured: the batch's first. */
  get picture(): Picture {
    return this.pictures[0]!;
  }

  /** The batch's others, where they are of the same objective: other seeds that are there already. */
  get repeats(): readonly Picture[] {
    return differs(this.job.order.request.objective) ? [] : this.pictures.slice(1, 1 + OTHERS);
  }

  /** Steps that the pictures from other seeds are drawn with. */
  get stepsEach(): number {
    return Math.min(STEPS_EACH, this.job.step);
  }
}

export class Honesty {
  /** Of the picture that is shown; null while it grows. */
  now = $state.raw<Findings | null>(null);
  /** The reader's, kept for the next unit; they stay in this page's memory. */
  photos = $state.raw<readonly { name: string; picture: Picture }[]>([]);

  readonly #known = new WeakMap<RenderJob, Findings>();
  /** By the card's id. */
  readonly #stats: Record<string, Promise<ModelStats | null>> = {};
  #abort = new AbortController();

  constructor(
    readonly machine: Machine,
    readonly library: Library,
    readonly fetchJson: FetchJson = overHttp,
  ) {}

  /** Turns to the picture that is shown now; what was being found out about another one ends. Never rejects. */
  async follow(job: RenderJob | null): Promise<void> {
    if (job && this.now?.job === job) return;
    this.#abort.abort();
    this.#abort = new AbortController();
    const finished = job?.status === "done" || job?.status === "stopped" ? job : null;
    const frames = finished?.frames ?? [];
    this.now = finished && frames.length ? (this.#known.get(finished) ?? new Findings(finished, frames)) : null;
    if (this.now?.objective && this.now.reached === null) {
      this.#known.set(this.now.job, this.now);
      await this.#measure(this.now, this.#abort.signal);
    }
  }

  /** Measures the picture again, after trouble. */
  async retry(): Promise<void> {
    if (this.now) await this.#measure(this.now, this.#abort.signal);
  }

  async #measure(found: Findings, signal: AbortSignal): Promise<void> {
    const { request, layer } = found.job.order;
    found.trouble = null;
    try {
      const stats = await this.#statsOf(found.job);
      if (stats && found.objective) found.crowd = crowdOf(stats, found.objective, [layer.name, ...(layer.aliases ?? [])]);
      const { scores, means } = await this.#ask(found, [found.picture, ...found.repeats], "own", { signal });
      const rows = rowsOf(means, scores.length);
      found.means = rows[0]!;
      found.reached = scores[0]!;
      const seeds = seedsOf(request.recipe);
      found.seeds = found.repeats.map((picture, i) => ({ seed: seeds[i + 1]!, picture, score: scores[i + 1]! }));
      found.likeness = found.repeats.length ? meanCosine(rows) : null;
      const other = this.library.storedAll(request.card).find(({ sha256 }) => sha256 !== request.weights);
      if (!other) return;
      const again = await this.#ask(found, [found.picture], "own", { signal, weights: other.sha256 });
      found.stored = { weights: other.weights, score: again.scores[0]! };
    } catch (error) {
      if (!signal.aborted) found.trouble = messageOf(error);
    }
  }

  /** Reads picture files and compares with them, beside those read before; with none, with those alone. */
  async compare(files: readonly File[] = []): Promise<void> {
    const found = this.now;
    if (!found) return;
    const { signal } = this.#abort;
    const doing = (done: number): void => void (found.photosDoing = { status: "running", done, error: null });
    doing(0);
    try {
      const read = await Promise.all(files.map(async (file) => ({ name: file.name, picture: await decoded(file) })));
      this.photos = [...this.photos, ...read];
      if (!this.photos.length) return void (found.photosDoing = null);
      const pictures = this.photos.map(({ picture }) => picture);
      const { scores } = await this.#ask(found, pictures, "network", { signal, onDone: (n) => doing(n / pictures.length) });
      const values = [...scores];
      const best = values.indexOf(Math.max(...values));
      const count = values.length;
      found.own = {
        count,
        best: { ...this.photos[best]!, score: values[best]! },
        crowd: count < CROWD ? null : { quantiles: quantilesOf(values), count, of: "of your photos", int8: null },
      };
      found.photosDoing = null;
    } catch (error) {
      found.photosDoing = signal.aborted ? null : { status: "failed", done: 0, error: messageOf(error) };
    }
  }

  /** Draws the picture from other seeds and compares what the layer makes of them. */
  async drawAgain(): Promise<void> {
    const found = this.now;
    if (!found || found.seedsDoing?.status === "running") return;
    const { signal } = this.#abort;
    const { request } = found.job.order;
    const { recipe } = request;
    const once = { ...recipe, steps: found.stepsEach, batch: 1 };
    delete once.seeds;
    const doing = (done: number): void => void (found.seedsDoing = { status: "running", done: done / OTHERS, error: null });
    doing(0);
    found.seeds = [];
    try {
      const rows = [found.means];
      for (let i = 0; i < OTHERS; i++) {
        const seed = (recipe.seed + recipe.batch + i) >>> 0; // after those of the batch
        const { pictures } = await this.machine.render(
          { ...request, recipe: { ...once, seed } },
          { signal, onProgress: (p) => p.phase === "step" && doing(i + p.step / p.steps) },
        );
        const picture = opaque(pictures[0]!);
        const { scores, means } = await this.#ask(found, [picture], "own", { signal });
        rows.push(means);
        found.seeds = [...found.seeds, { seed, picture, score: scores[0]! }];
        doing(i + 1);
      }
      found.likeness = meanCosine(rows);
      found.seedsDoing = null;
    } catch (error) {
      found.seedsDoing = signal.aborted ? null : { status: "failed", done: 0, error: messageOf(error) };
    }
  }

  /** Ends what the reader started. */
  cancel(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
  }

  #ask(
    { job, objective }: Findings,
    pictures: readonly Picture[],
    scale: NonNullable<MeasureRequest["scale"]>,
    { signal, onDone, weights }: { signal: AbortSignal; onDone?: (count: number) => void; weights?: string },
  ): ReturnType<Machine["measure"]> {
    const { card, pictures: named, device, weights: own } = job.order.request;
    const request = {
      weights: weights ?? own,
      card,
      objective: objective!,
      pictures,
      scale,
      device,
      ...(named ? { named } : {}),
    };
    return this.machine.measure(request, { signal, onProgress: (p) => p.phase === "compare" && onDone?.(p.done) });
  }

  /** The statistics that come with the app; a reader's own model has none, and neither have most of the catalogue. */
  async #statsOf({ order: { request } }: RenderJob): Promise<ModelStats | null> {
    const { card, weights } = request;
    if (!this.library.catalog?.models.some(({ id }) => id === card.id)) return null;
    const stats = await (this.#stats[card.id] ??= loadStats(card.id, this.fetchJson));
    const stored = this.library.stored.find(({ sha256 }) => sha256 === weights) ?? { sha256: weights };
    const whose = stats && belongs(stats, card, stored);
    if (this.now?.job.order.request === request) this.now.otherFile = whose === "network";
    return whose ? stats : null;
  }
}

/** [count, C] row by row. */
const rowsOf = (means: Float32Array, count: number): Float32Array[] =>
  Array.from({ length: count }, (_, i) => means.subarray((i * means.length) / count, ((i + 1) * means.length) / count));
