/** Between the address bar and what is on the page: one picture, two that are compared, or a sheet. */
import { readAddress, writeAddress, type Address } from "./address";
import type { Comparison } from "./comparison.svelte";
import type { Notice } from "./provenance";
import type { Settings } from "./settings";
import type { Sheet } from "./sheet.svelte";
import type { Studio } from "./studio.svelte";

/** Units and seeds of a sheet that begins. */
const [UNITS, SEEDS] = [8, 2];

export class Navigation {
  /** What a link or a file says that cannot be followed. */
  notice = $state.raw<Notice | null>(null);
  /** The fragment that leads back to what is shown; null before a model is open. */
  address = $derived.by(() => {
    const { studio, comparison, sheet } = this.views;
    const { model, settings } = studio;
    return model ? writeAddress({ settings, compare: comparison.asked, sheet: sheet.plan }) : null;
  });

  constructor(readonly views: { studio: Studio; comparison: Comparison; sheet: Sheet }) {}

  /** Opens what the address asks for; what it leaves open is as it was `last`. */
  async begin(last: Settings): Promise<void> {
    const { studio, comparison, sheet } = this.views;
    const { settings, compare, sheet: plan } = this.#read(last);
    if (plan) sheet.begin(plan);
    await studio.begin(settings, studio.device);
    if (compare) await comparison.follow(compare);
  }

  /** Another link, or the browser's back button. */
  follow(): void {
    const { studio, comparison, sheet } = this.views;
    const { settings, compare, sheet: plan } = this.#read(studio.settings);
    if (plan) sheet.begin(plan);
    else sheet.end();
    studio.follow(settings);
    if (compare) void comparison.follow(compare);
    else comparison.end();
  }

  /** A sheet of a few units from the present one on. */
  beginSheet(): void {
    const { studio, comparison, sheet } = this.views;
    const { channel, seed } = studio.settings;
    const count = Math.min(UNITS, (studio.layer?.channels ?? 1) - channel);
    const from = (first: number, length: number): number[] => Array.from({ length }, (_, i) => first + i);
    comparison.end();
    sheet.begin({ units: from(channel, count), seeds: from(seed, SEEDS), negative: false });
  }

  #read(base: Settings): Address {
    const address = readAddress(location.hash, base);
    const { faults } = address;
    this.notice = faults.length ? { title: "The link could not be followed in full", message: faults.join(" ") } : null;
    return address;
  }
}
