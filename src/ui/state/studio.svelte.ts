/** The page's state: the open model, the choices, the picture being made and those made before. */
import type { DeviceChoice, DeviceInfo } from "../../api/engine";
import type { LayerInfo, ModelCard } from "../../api/model";
import { isOwn } from "../../api/own";
import type { Recipe } from "../../vis/recipe";
import { recipeOf } from "../../vis/recipes";
import { DirectionError } from "./direction";
import { beginGoal, recipeFor } from "./goal/begin";
import { fit } from "./goal/fit";
import { PLAIN, type GoalKind, type Plan, type Unit } from "./goal/goal";
import { readPlan } from "./goal/read";
import { isPlain, startOf, writeObjective } from "./goal/write";
import type { Library } from "./library.svelte";
import { messageOf, type Machine } from "./machine";
import { orderOf, sameRequest, unitIn, type OpenModel } from "./order";
import { Pictures } from "./pictures.svelte";
import { adjusted, baseRecipe, type Adjustment } from "./recipeChoice";
import { RenderJob, type JobOrder } from "./renderJob.svelte";
import { DEFAULTS, MAX_SEED, recipeFrom, type Settings } from "./settings";

/** How long a choice rests before it is acted on, so that a slider in motion starts one picture, not fifty. */
const REST_MS = 140;
/** Pictures kept in the strip. */
const KEPT = 48;

/** A model that was asked for and is not open yet. The one before stays usable meanwhile. */
export interface Wanted {
  card: ModelCard;
  status: "fetching" | "opening" | "paused" | "failed";
  error: string | null;
}

/** How a choice is acted on: a picture that grows is begun anew, or led on from where it is. */
export interface Acting {
  restMs?: number;
  /** A matter of degree: a picture that is growing climbs on with it. */
  live?: boolean;
}

export interface Lending {
  signal: AbortSignal;
  /** The file is here. */
  onOpening?: () => void;
}

export class Studio {
  settings = $state.raw<Settings>(DEFAULTS);
  model = $state.raw<OpenModel | null>(null);
  wanted = $state.raw<Wanted | null>(null);
  /** Why another model was opened than the link asks for; null when there is nothing to say. */
  notice = $state<string | null>(null);
  /** The catalogue did not come: there is nothing to open. */
  failure = $state<string | null>(null);
  job = $state.raw<RenderJob | null>(null);
  /** Newest first. */
  history = $state.raw<readonly RenderJob[]>([]);
  device = $state<DeviceChoice>("auto");
  /** Where `device` leads; null until it is known. */
  deviceInfo = $state.raw<DeviceInfo | null>(null);
  /** Why the present choices cannot be drawn, when they cannot. */
  obstacle = $state<string | null>(null);

  /** What the controls hold; `settings.objective` is this spelled out. */
  plan = $state.raw<Plan>(PLAIN);
  /** Painting takes paint away. */
  erasing = $state(false);
  /** Names of pictures that are wanted and not here. */
  absent = $state.raw<readonly string[]>([]);
  /** The recipe as it stands, changes and all; null until a model is open. */
  recipe = $derived<Recipe | null>(this.model ? recipeFrom(this.settings, recipeOf(this.model.card)) : null);

  layer = $derived<LayerInfo | null>(this.model?.summary.layers.find(({ name }) => name === this.settings.layer) ?? null);

  /** What the simple picker holds. */
  unit = $derived<Unit | null>(unitIn(this.settings));

  readonly library: Library;
  readonly pictures: Pictures;
  readonly #machine: Machine;
  #resting = false;
  #rest: ReturnType<typeof setTimeout> | undefined;
  #opening = new AbortController();

  constructor(machine: Machine, library: Library, pictures = new Pictures()) {
    this.#machine = machine;
    this.library = library;
    this.pictures = pictures;
  }

  /** Loads the catalogue and opens the model that the settings name, or the catalogue's default. */
  async begin(settings: Settings, device: DeviceChoice): Promise<void> {
    this.settings = settings;
    this.device = device;
    this.failure = null;
    void this.#learnDevice();
    try {
      const [catalog] = await Promise.all([this.library.load(), this.pictures.load(JSON.stringify(settings))]);
      const card = this.library.card(settings.model);
      if (settings.model && !card) this.notice = strangerText(settings.model);
      await this.open(card?.id ?? catalog.default, settings);
    } catch (error) {
      this.failure = messageOf(error);
    }
  }

  /**
   * Brings a model here if need be, opens it and starts a picture with `settings`, as far as they fit it.
   * Never rejects: what went wrong is in `wanted`, and the model that was open stays open.
   */
  async open(id: string, settings: Settings = this.#elsewhere()): Promise<void> {
    const card = this.library.card(id);
    if (!card) return;
    this.#opening.abort();
    const { signal } = (this.#opening = new AbortController());
    const want = (status: Wanted["status"], error: string | null = null): void => {
      if (!signal.aborted) this.wanted = { card, status, error };
    };
    try {
      want(this.library.storedOf(card, settings.weights) ? "opening" : "fetching");
      const model = await this.lend(card, settings, { signal, onOpening: () => want("opening") });
      const fitted = fit({ ...settings, model: id }, model.summary);
      this.#halt();
      this.job = null;
      this.wanted = null;
      this.model = model;
      this.#take(fitted);
      this.render();
    } catch (error) {
      if (this.library.downloads.get(id)?.status === "paused") want("paused");
      else want("failed", messageOf(error));
    }
  }

  /** A model, brought here if need be and opened, while the one that is shown stays. Throws what the library and the engine throw. */
  async lend(card: ModelCard, { weights }: Settings, { signal, onOpening }: Lending): Promise<OpenModel> {
    const stored = await this.library.obtain(card, weights);
    onOpening?.();
    signal.throwIfAborted();
    const summary = await this.#machine.open(stored.sha256, card, { signal });
    signal.throwIfAborted();
    return { card, stored, summary };
  }

  /** Takes back the wish for another model; what has been downloaded of it stays. */
  forget(): void {
    this.#opening.abort();
    if (this.wanted) this.library.downloads.get(this.wanted.card.id)?.cancel();
    this.wanted = null;
  }

  /** Takes a choice over, and draws it once the choosing rests. */
  choose(part: Partial<Settings>, restMs = REST_MS): void {
    const next = { ...this.settings, ...part };
    if (part.layer !== undefined && part.layer !== this.settings.layer) Object.assign(next, { x: null, y: null });
    this.settings = next;
    if (this.layer && next.channel >= this.layer.channels) this.settings = { ...next, channel: this.layer.channels - 1 };
    this.#spell();
    this.#later({ restMs });
  }

  /** Takes over what is wanted. */
  aim(part: Partial<Plan>, { restMs = REST_MS, live = false }: Acting = {}): void {
    this.plan = { ...this.plan, ...part };
    this.#spell();
    this.#later({ restMs, live });
  }

  /** Another goal: what the one before asked of the recipe is taken back, what this one asks is put in. */
  pursue(kind: GoalKind, picture: string | null = null): void {
    const { model, layer, unit } = this;
    if (!model || !layer || !unit) return;
    const { goal } = this.plan;
    const used = picture ?? ("picture" in goal ? goal.picture : null);
    const undone = Object.fromEntries(Object.keys(recipeFor(goal.kind)).map((field) => [field, undefined]));
    const next = beginGoal(kind, { unit, layer, labels: model.summary.labels, picture: used });
    if ((kind === "accentuate") !== (goal.kind === "accentuate")) this.#chooseNamed(kind === "accentuate" ? "accentuation" : "");
    this.#adjust({ ...undone, ...recipeFor(kind) });
    this.aim({ goal: next }, { restMs: 0 });
  }

  /** Takes a picture in, and puts it where the goal wants one; caricatures it where none does. Throws PictureError. */
  async give(file: File): Promise<void> {
    const { name } = await this.pictures.add(file, file.name);
    const { goal } = this.plan;
    if (this.absent.includes(name)) this.render();
    else if ("picture" in goal) this.aim({ goal: { ...goal, picture: name } }, { restMs: 0 });
    else this.pursue("caricature", name);
  }

  /** A named recipe, as it is, at its own size and steps. */
  follows(name: string): void {
    this.#chooseNamed(name);
    if (this.model) this.#adjust({ ...recipeFor(this.plan.goal.kind) });
    this.#spell();
    this.#later({ restMs: 0 });
  }

  /** Changes the recipe here and there. */
  adjust(part: Adjustment, restMs = REST_MS): void {
    this.#adjust(part);
    this.#later({ restMs });
  }

  chooseDevice(device: DeviceChoice): void {
    this.device = device;
    void this.#learnDevice();
    this.render();
  }

  /** Follows a link or the browser's back button. */
  follow(settings: Settings): void {
    const { card, stored } = this.model ?? {};
    const other = settings.weights !== null && settings.weights !== stored?.weights;
    const id = settings.model ?? card?.id;
    if (id && (id !== card?.id || other)) void this.open(id, settings);
    else if (this.model) {
      this.#take(fit(settings, this.model.summary));
      this.#later({ restMs: 0 });
    }
  }

  stepChannel(by: number): void {
    if (!this.layer) return;
    const { channels } = this.layer;
    this.choose({ channel: (this.settings.channel + by + channels) % channels });
  }

  randomChannel(): void {
    if (this.layer) this.choose({ channel: Math.floor(Math.random() * this.layer.channels) }, 0);
  }

  anotherSeed(): void {
    this.choose({ seed: this.settings.seed >= MAX_SEED ? 0 : this.settings.seed + 1 }, 0);
  }

  /** While something else is drawn in its place, choices are taken over but not acted on. */
  rest(): void {
    this.#halt();
    this.#resting = true;
  }

  /** Draws again, the present choices or others. */
  wake(settings?: Settings): void {
    this.#resting = false;
    if (settings) this.follow(settings);
    else this.render();
  }

  stop(): void {
    clearTimeout(this.#rest);
    this.job?.stop();
  }

  /** Draws the present choices from noise; a picture that was finished in this visit is shown, unless wanted "again". */
  render(how: "once" | "again" = "once"): void {
    this.#halt();
    const order = this.#order();
    if (!order || this.#resting) return;
    const known =
      how === "once" ? this.history.find((j) => isFinished(j) && sameRequest(j.order.request, order.request)) : undefined;
    if (known) {
      this.job = known;
      return;
    }
    const job = new RenderJob(order);
    this.job = job;
    void job.run(this.#machine).then(() => {
      if (job.device && this.job === job) this.deviceInfo = job.device;
      if (job.result && (job.status === "done" || (job.status === "stopped" && this.job === job)))
        this.history = [job, ...this.history].slice(0, KEPT);
    });
  }

  /** Shows a picture of this visit again, with the choices that made it. */
  show(job: RenderJob): void {
    this.#halt();
    this.#take({ ...job.order.settings });
    this.job = job;
    this.obstacle = null;
  }

  /** What the present choices ask of the engine; null where they cannot be drawn, and `obstacle` or a field says why. */
  #order(): JobOrder | null {
    const { model, settings, device, pictures, plan, unit, layer } = this;
    if (!model || !unit || !layer) return null;
    if (settings.objective && !writable(plan, unit, layer.channels)) return null; // what is being typed may be none yet
    const { order, obstacle, missing } = orderOf({ model, settings, device }, pictures);
    this.obstacle = obstacle;
    this.absent = missing;
    return order;
  }

  /** Leads the growing picture on, where nothing but its objective is another. */
  #leadOn(): boolean {
    const job = this.job;
    const request = this.#order()?.request;
    if (!job || !request) return false;
    const { objective } = job.order.request;
    return sameRequest({ ...request, objective }, job.order.request) && job.change(request.objective, this.settings);
  }

  #later({ restMs = REST_MS, live = false }: Acting): void {
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => (live && this.#leadOn()) || this.render(), restMs);
  }

  /** Settings from outside: the controls are set by them. */
  #take(settings: Settings): void {
    this.settings = settings;
    const { unit, layer, recipe } = this;
    if (unit && layer)
      this.plan = readPlan({ objective: settings.objective, start: recipe?.start ?? null }, unit, layer.channels);
  }

  /** Spells out what the controls hold. While a direction that is being typed is none, the last objective stays. */
  #spell(): void {
    const { unit, layer, plan } = this;
    if (!unit || !layer) return;
    try {
      const objective = isPlain(plan) ? null : writeObjective(plan, unit, layer.channels);
      const recipe = { ...this.settings.recipe };
      const start = startOf(plan);
      if (start === null) delete recipe.start;
      else recipe.start = start;
      this.settings = { ...this.settings, objective, recipe };
    } catch (error) {
      if (!(error instanceof DirectionError)) throw error;
    }
  }

  #chooseNamed(name: string): void {
    if (!this.model) return;
    const { size, steps } = baseRecipe(name, this.model.card);
    this.settings = { ...this.settings, recipe: { name }, size, steps };
  }

  #adjust(part: Adjustment): void {
    if (this.model) this.settings = { ...this.settings, recipe: adjusted(this.settings.recipe, part, this.model.card) };
  }

  /** The choices that make sense of another model too. */
  #elsewhere(): Settings {
    return { ...this.settings, layer: null, channel: DEFAULTS.channel, objective: null, recipe: { name: "" }, weights: null };
  }

  #halt(): void {
    clearTimeout(this.#rest);
    const job = this.job;
    if (job?.status === "running") job.stop();
  }

  async #learnDevice(): Promise<void> {
    const choice = this.device;
    const info = await this.#machine.device(choice).catch(() => null);
    if (choice === this.device) this.deviceInfo = info;
  }
}

const strangerText = (id: string): string =>
  isOwn(id)
    ? "The link leads to a model that somebody brought from their own files: it is only in the browser that imported it. If you have the files, drop them on this page."
    : `The link leads to a model called "${id}", which this page does not know. It may come from a newer version: reload the page.`;

/** Whether what the controls hold can be spelled out. */
function writable(plan: Plan, unit: Unit, channels: number): boolean {
  try {
    writeObjective(plan, unit, channels);
    return true;
  } catch (error) {
    if (error instanceof DirectionError) return false;
    throw error;
  }
}

/** Done, and made in one go. */
const isFinished = (job: RenderJob): boolean => job.status === "done" && job.turns.length === 0;
