/** The page's state: the open model, the choices, the picture being made and those made before. */
import type { DeviceChoice, DeviceInfo, RenderRequest } from "../../api/engine";
import type { LayerInfo, ModelCard, ModelSummary } from "../../api/model";
import { isOwn } from "../../api/own";
import type { StoredModel } from "../../api/store";
import type { Objective } from "../../vis/objective/types";
import { recipeOf } from "../../vis/recipes";
import { DirectionError, parseDirection } from "./direction";
import type { Library } from "./library.svelte";
import { messageOf, type Machine } from "./machine";
import { RenderJob } from "./renderJob.svelte";
import { DEFAULTS, MAX_SEED, recipeFrom, type Settings } from "./settings";

/** How long a choice rests before it is acted on, so that a slider in motion starts one picture, not fifty. */
const REST_MS = 140;
/** Pictures kept in the strip. */
const KEPT = 48;

export interface OpenModel {
  card: ModelCard;
  stored: StoredModel;
  summary: ModelSummary;
}

/** A model that was asked for and is not open yet. The one before stays usable meanwhile. */
export interface Wanted {
  card: ModelCard;
  status: "fetching" | "opening" | "paused" | "failed";
  error: string | null;
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

  layer = $derived<LayerInfo | null>(this.model?.summary.layers.find(({ name }) => name === this.settings.layer) ?? null);

  readonly library: Library;
  readonly #machine: Machine;
  #rest: ReturnType<typeof setTimeout> | undefined;
  #opening = new AbortController();

  constructor(machine: Machine, library: Library) {
    this.#machine = machine;
    this.library = library;
  }

  /** Loads the catalogue and opens the model that the settings name, or the catalogue's default. */
  async begin(settings: Settings, device: DeviceChoice): Promise<void> {
    this.settings = settings;
    this.device = device;
    this.failure = null;
    void this.#learnDevice();
    try {
      const catalog = await this.library.load();
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
  async open(id: string, settings: Settings = this.#forAnother()): Promise<void> {
    const card = this.library.card(id);
    if (!card) return;
    this.#opening.abort();
    const { signal } = (this.#opening = new AbortController());
    const want = (status: Wanted["status"], error: string | null = null): void => {
      if (!signal.aborted) this.wanted = { card, status, error };
    };
    try {
      want(this.library.storedOf(card) ? "opening" : "fetching");
      const stored = await this.library.obtain(card);
      want("opening");
      signal.throwIfAborted();
      const summary = await this.#machine.open(stored.sha256, card, { signal });
      signal.throwIfAborted();
      const fitted = fit({ ...settings, model: id }, summary);
      this.#halt();
      this.job = null;
      this.wanted = null;
      this.model = { card, stored, summary };
      this.settings = fitted;
      this.render();
    } catch (error) {
      if (this.library.downloads.get(id)?.status === "paused") want("paused");
      else want("failed", messageOf(error));
    }
  }

  /** Takes back the wish for another model; what has been downloaded of it stays. */
  forget(): void {
    this.#opening.abort();
    if (this.wanted) this.library.downloads.get(this.wanted.card.id)?.cancel();
    this.wanted = null;
  }

  /** Takes a choice over, and draws it once the choosing rests. */
  choose(part: Partial<Settings>, restMs = REST_MS): void {
    const next = { ...this.settings, ...(UNIT_FIELDS.some((field) => field in part) ? { objective: null } : {}), ...part };
    if (part.layer !== undefined && part.layer !== this.settings.layer) Object.assign(next, { x: null, y: null });
    this.settings = next;
    if (this.layer && next.channel >= this.layer.channels) this.settings = { ...next, channel: this.layer.channels - 1 };
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.render(), restMs);
  }

  chooseDevice(device: DeviceChoice): void {
    this.device = device;
    void this.#learnDevice();
    this.render();
  }

  /** Follows a link or the browser's back button. */
  follow(settings: Settings): void {
    if (settings.model && settings.model !== this.model?.card.id) void this.open(settings.model, settings);
    else if (this.model) this.choose(fit(settings, this.model.summary), 0);
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

  stop(): void {
    clearTimeout(this.#rest);
    this.job?.stop();
  }

  /** Draws the present choices from noise; a picture that was finished in this visit is shown, unless wanted "again". */
  render(how: "once" | "again" = "once"): void {
    this.#halt();
    if (!this.model || !this.layer) return;
    const { layer, settings } = this;
    const { card, stored, summary } = this.model;
    this.obstacle = layer.unsupported;
    if (this.obstacle) return;
    let objective: Objective;
    try {
      objective = objectiveOf(settings, layer);
    } catch (error) {
      if (error instanceof DirectionError) return; // the field says what is wrong
      throw error;
    }
    const answer = layer.grid[0] * layer.grid[1] === 1 || layer.name === summary.layers.findLast((l) => l.significant)?.name;
    const named = !settings.objective && settings.kind !== "direction" && answer && summary.labels.length === layer.channels;
    const recipe = recipeFrom(settings, recipeOf(card));
    const request: RenderRequest = { weights: stored.sha256, card, objective, recipe, device: this.device };
    const known =
      how === "once" ? this.history.find((j) => j.status === "done" && sameRequest(j.order.request, request)) : undefined;
    if (known) {
      this.job = known;
      return;
    }
    const className = named ? (summary.labels[settings.channel] ?? null) : null;
    const job = new RenderJob({ request, settings, layer, weights: stored.weights, className });
    this.job = job;
    void job.run(this.#machine).then(() => {
      if (job.device && this.job === job) this.deviceInfo = job.device;
      if (job.frame && (job.status === "done" || (job.status === "stopped" && this.job === job)))
        this.history = [job, ...this.history].slice(0, KEPT);
    });
  }

  /** Shows a picture of this visit again, with the choices that made it. */
  show(job: RenderJob): void {
    this.#halt();
    this.settings = { ...job.order.settings };
    this.job = job;
    this.obstacle = null;
  }

  /** The choices, without those that only the open model understands. */
  #forAnother(): Settings {
    return { ...this.settings, layer: null, channel: DEFAULTS.channel, objective: null };
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

/** Whether two requests lead to the same picture. */
const sameRequest = (a: RenderRequest, b: RenderRequest): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The choices that name a unit: one of them takes the place of an objective that was spelled out. */
const UNIT_FIELDS = ["layer", "kind", "channel", "x", "y", "direction"] as const satisfies (keyof Settings)[];

function objectiveOf({ kind, channel, x, y, direction, objective }: Settings, layer: LayerInfo): Objective {
  if (objective) return objective;
  if (kind === "direction") return { kind, layer: layer.name, vector: parseDirection(direction, layer.channels) };
  if (kind === "neuron") return { kind, layer: layer.name, channel, ...(x === null ? {} : { x }), ...(y === null ? {} : { y }) };
  return { kind, layer: layer.name, channel };
}

/** The choices, inside what the model has; the card says which unit to start with. Throws when no layer can be looked at. */
function fit(settings: Settings, { card, layers }: ModelSummary): Settings {
  const named = (name: string | null | undefined): LayerInfo | undefined =>
    layers.find((layer) => layer.name === name) ??
    layers.find((layer) => layer.aliases?.includes(name ?? "") || layer.title === name);
  const start = settings.layer === null ? named(card.start?.layer) : undefined;
  const layer = start ?? named(settings.layer) ?? defaultLayer(layers);
  if (!layer) throw new Error(`${card.title}: none of its layers can be looked at.`);
  const channel = start && settings.channel === DEFAULTS.channel ? card.start!.channel : settings.channel;
  return { ...settings, layer: layer.name, channel: Math.min(channel, layer.channels - 1) };
}

/** The middle of the significant layers: deep enough to be about something, shallow enough to be quick. */
function defaultLayer(layers: readonly LayerInfo[]): LayerInfo | undefined {
  const able = layers.filter(({ unsupported }) => !unsupported);
  const significant = able.filter((layer) => layer.significant);
  const from = significant.length ? significant : able;
  return from[Math.floor(from.length / 2)] ?? layers[0];
}
