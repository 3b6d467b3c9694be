/**
 * Between the address bar and what is on the page: which view, and in the first of them one picture, two that are compared, or a sheet.
 * Views link to each other with `href`: the browser then keeps its history, and its back button works.
 */
import { isMicroscope, readMicroscope } from "../../api/microscope";
import type { Catalog } from "../../api/model";
import { DRAW, VIEWS } from "../views";
import { readAddress, writeAddress, type Address } from "./address";
import type { Comparison } from "./comparison.svelte";
import { messageOf } from "./machine";
import type { Notes } from "./notes/notes.svelte";
import type { Notice } from "./provenance";
import { DEFAULTS, type Settings } from "./settings";
import type { Sheet } from "./sheet.svelte";
import type { Studio } from "./studio.svelte";

/** Units and seeds of a sheet that begins. */
const [UNITS, SEEDS] = [8, 2];

export class Navigation {
  /** Which of VIEWS is open. */
  view = $state(DRAW);
  /** What the open view keeps in the address; null where it has nothing to keep. */
  details = $state<string | null>(null);
  /** What a link or a file says that cannot be followed. */
  notice = $state.raw<Notice | null>(null);
  /** The list of models is open. */
  listing = $state(false);
  /** Where a picture that is dropped on the page goes, while the open view wants one. */
  takes: ((file: File) => void) | null = null;
  /** Search is open. */
  searching = $state(false);
  /** The fragment that leads back to what is shown; null before a model is open. */
  address = $derived.by(() => {
    const { studio, comparison, sheet } = this.shown;
    const { model, settings } = studio;
    if (!model) return null;
    return writeAddress({ settings, view: this.view, details: this.details, compare: comparison.asked, sheet: sheet.plan });
  });

  constructor(
    readonly shown: { studio: Studio; comparison: Comparison; sheet: Sheet },
    readonly notes: Notes,
  ) {}

  /** The link to a view of the present choices, or of others. A view's details are its own: they are not taken along to another. */
  href(view: string, part: Partial<Settings> = {}, details: string | null = view === this.view ? this.details : null): string {
    const { settings } = this.shown.studio;
    const moved = part.layer !== undefined && part.layer !== settings.layer ? { x: null, y: null } : {};
    const meant = part.layer === undefined && part.channel === undefined ? {} : { objective: null };
    return `#${writeAddress({ settings: { ...settings, ...moved, ...meant, ...part }, view, details, compare: null, sheet: null })}`;
  }

  /** Opens a view as its link would. */
  go(view: string, part: Partial<Settings> = {}, details?: string | null): void {
    location.hash = this.href(view, part, details);
  }

  /** Keeps what the open view wants to find again. With `entry`, the browser's back button leads to what was kept before. */
  tell(details: string | null, { entry = false } = {}): void {
    if (details === this.details) return;
    if (entry) this.go(this.view, {}, details);
    else this.details = details;
  }

  /** Opens what the address asks for; what it leaves open is as it was `last`. */
  async begin(last: Settings): Promise<void> {
    const { studio, comparison, sheet } = this.shown;
    if (isMicroscope(location.hash)) await studio.library.load().catch(() => {}); // the studio tries again, and tells
    const { settings, compare, sheet: plan } = this.#read(last);
    if (plan) sheet.begin(plan);
    if (this.view !== DRAW) studio.rest();
    await studio.begin(settings, studio.device);
    if (compare) await comparison.follow(compare);
  }

  /** Another link, or the browser's back button. */
  follow(): void {
    const { studio, comparison, sheet } = this.shown;
    const before = this.view;
    const { settings, compare, sheet: plan } = this.#read(studio.settings);
    if (plan) sheet.begin(plan);
    else sheet.end();
    if (this.view !== DRAW) studio.rest();
    if (this.view === DRAW && before !== DRAW && !plan) studio.wake(settings);
    else studio.follow(settings);
    if (compare) void comparison.follow(compare);
    else comparison.end();
  }

  /** A sheet of a few units from the present one on. */
  beginSheet(): void {
    const { studio, comparison, sheet } = this.shown;
    const { channel, seed } = studio.settings;
    const count = Math.min(UNITS, (studio.layer?.channels ?? 1) - channel);
    const from = (first: number, length: number): number[] => Array.from({ length }, (_, i) => first + i);
    comparison.end();
    sheet.begin({ units: from(channel, count), seeds: from(seed, SEEDS), negative: false });
  }

  #read(base: Settings): Address {
    const { catalog } = this.shown.studio.library;
    const microscope = isMicroscope(location.hash);
    const address = microscope && catalog ? fromMicroscope(location.hash, catalog, base) : readAddress(location.hash, base);
    const { faults, view, details } = address;
    const title = microscope ? "A link to OpenAI Microscope" : "The link could not be followed in full";
    this.notice = faults.length ? { title, message: faults.join(" ") } : null;
    this.view = view;
    this.details = details;
    return address;
  }
}

/** Never throws: what the reader has to know of it is in `faults`. */
function fromMicroscope(hash: string, catalog: Catalog, base: Settings): Address {
  const address: Address = { settings: base, faults: [], view: DRAW, details: null, compare: null, sheet: null };
  try {
    const { card, layer, unit, shows, says } = readMicroscope(hash, catalog);
    const settings: Settings = {
      ...DEFAULTS,
      model: card.id,
      layer: layer?.name ?? null,
      kind: shows === "neuron" ? "neuron" : "channel",
      channel: unit ?? DEFAULTS.channel,
      objective: shows === "deepdream" && layer ? { kind: "deepdream", layer: layer.name } : null,
    };
    const about = unit !== null || settings.objective ? "unit" : layer ? "layer" : "model";
    const view = VIEWS.find(({ subject }) => subject === about)?.id ?? DRAW;
    return { ...address, settings, view, faults: says };
  } catch (error) {
    return { ...address, faults: [messageOf(error)] };
  }
}
