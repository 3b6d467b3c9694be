/**
 * A sheet of units by seeds, drawn in the background: a unit's seeds together, in one batch; rows that are in sight first; what is finished
 * stays when the sheet changes, and is not drawn twice.
 */
import { scaled, unitObjective } from "./goal/write";
import { messageOf, type Machine } from "./machine";
import { orderOf, sameRequest } from "./order";
import { RenderJob, type JobOrder } from "./renderJob.svelte";
import type { Settings } from "./settings";
import type { SheetPlan } from "./sheetPlan";
import type { Studio } from "./studio.svelte";

/** Rows that are kept of this visit. */
const KEPT = 256;

export interface SheetRow {
  unit: number;
  negative: boolean;
  /** Its seeds, as one batch. */
  order: JobOrder;
  /** Null until its turn comes. */
  job: RenderJob | null;
}

export class Sheet {
  /** What is asked for; null while there is no sheet. */
  plan = $state.raw<SheetPlan | null>(null);
  rows = $state.raw<readonly SheetRow[]>([]);
  paused = $state(false);
  /** Why none can be drawn. */
  obstacle = $state<string | null>(null);
  /** The row that is being drawn. */
  now = $state.raw<RenderJob | null>(null);
  done = $derived(this.rows.filter(({ job }) => job?.status === "done").length);
  failed = $derived(this.rows.filter(({ job }) => job?.status === "failed"));
  finished = $derived(this.rows.length > 0 && this.done + this.failed.length === this.rows.length);

  /** Units whose rows are in sight. */
  readonly #seen: Record<number, boolean> = {};
  /** Rows of this visit's sheets. */
  #known: RenderJob[] = [];
  #working = false;

  constructor(
    readonly studio: Studio,
    readonly machine: Machine,
  ) {}

  /** Shows a sheet in place of the picture, which is not drawn meanwhile. */
  begin(plan: SheetPlan): void {
    this.studio.rest();
    this.plan = plan;
    this.paused = false;
    this.lay();
  }

  end(): void {
    if (!this.plan) return;
    this.plan = null;
    this.rows = [];
    this.now?.stop();
    this.studio.wake();
  }

  /** Lays the rows out for the choices as they are now, and goes on drawing. */
  lay(): void {
    const { plan, studio } = this;
    const { model, settings, device, pictures, layer } = studio;
    if (!plan || !model || !layer) return;
    const rows: SheetRow[] = [];
    this.obstacle = null;
    for (const unit of plan.units.filter((unit) => unit < layer.channels))
      for (const negative of plan.negative ? [false, true] : [false]) {
        const ordered = orderOf({ model, settings: rowSettings(settings, plan, unit, negative), device }, pictures);
        if (!ordered.order) this.obstacle = ordered.obstacle;
        else rows.push({ unit, negative, order: ordered.order, job: this.#find(ordered.order) });
      }
    if (!rows.length && !this.obstacle)
      this.obstacle = `The layer has ${layer.channels} units: none of those that are asked for.`;
    this.rows = rows;
    if (this.now && !rows.some(({ job }) => job === this.now)) this.now.stop();
    void this.#work();
  }

  pause(): void {
    this.paused = true;
    this.now?.stop();
  }

  go(): void {
    this.paused = false;
    void this.#work();
  }

  /** Draws failed rows again. */
  retry(): void {
    this.rows = this.rows.map((row) => (row.job?.status === "failed" ? { ...row, job: null } : row));
    this.go();
  }

  /** Whether a unit's row is in sight: those are drawn first. */
  sight(unit: number, seen: boolean): void {
    this.#seen[unit] = seen;
  }

  /** Opens one picture of the sheet by itself. */
  open({ order }: SheetRow, seed: number): void {
    const { recipe } = order.settings;
    this.plan = null;
    this.rows = [];
    this.now?.stop();
    const alone = Object.fromEntries(Object.entries(recipe).filter(([field]) => field !== "batch" && field !== "seeds"));
    this.studio.wake({ ...order.settings, recipe: { ...alone, name: recipe.name }, seed });
  }

  /** One row after the other. Never rejects. */
  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    try {
      for (let row = this.#next(); row; row = this.#next()) {
        const job = new RenderJob(row.order);
        this.#take(row, job);
        this.now = job;
        await job.run(this.machine);
        job.film = []; // how it grew is not asked for here
        if (job.status === "done") this.#known = [...this.#known, job].slice(-KEPT);
        else if (job.status === "stopped") this.#take({ ...row, job }, null);
      }
    } catch (error) {
      this.obstacle = messageOf(error);
    } finally {
      this.now = null;
      this.#working = false;
    }
  }

  #next(): SheetRow | undefined {
    if (this.paused || !this.plan) return undefined;
    const waiting = this.rows.filter(({ job }) => job === null);
    return waiting.find(({ unit }) => this.#seen[unit]) ?? waiting[0];
  }

  #take({ order }: SheetRow, job: RenderJob | null): void {
    this.rows = this.rows.map((row) => (row.order === order ? { ...row, job } : row));
  }

  #find({ request }: JobOrder): RenderJob | null {
    const running = this.now && sameRequest(this.now.order.request, request) ? this.now : null;
    return running ?? this.#known.find((job) => sameRequest(job.order.request, request)) ?? null;
  }
}

/** The choices for one row: one unit, all seeds. */
function rowSettings(settings: Settings, { seeds }: SheetPlan, unit: number, negative: boolean): Settings {
  const kind = settings.kind === "neuron" ? "neuron" : "channel";
  const [seed] = seeds as [number];
  const one: Settings = { ...settings, kind, channel: unit, seed, objective: null };
  const recipe = { ...settings.recipe, batch: seeds.length, seeds: [...seeds] };
  const objective = negative && one.layer ? scaled(-1, unitObjective({ ...one, layer: one.layer }, Infinity)) : null;
  return { ...one, recipe, objective };
}
