/** A model on its way in from the reader's own files or an address: looked into, asked about, brought. */
import type { Progress } from "../../api/engine";
import type { ImportChoices, ImportSource, Inspection } from "../../api/import";
import type { ModelCard } from "../../api/model";
import type { StoredModel } from "../../api/store";
import { conventionFor, conventions, channelCount, type Convention, type Preprocessing } from "../../onnx/preprocessing";
import type { WeightStorage } from "../../quantize/quantize";
import { decoded } from "./decoded";
import { messageOf, type Machine, type Task } from "./machine";

export type ImportStatus = "idle" | "looking" | "asking" | "bringing";

/** What the reader has chosen in the form. */
export interface ImportForm {
  title: string;
  preprocessing: Preprocessing;
  weights: WeightStorage;
  /** Whether to measure how much the answers of smaller weights change; takes the float32 ones for as long as that lasts. */
  measure: boolean;
  /** To measure over; with none, pictures that are drawn by rule. */
  pictures: readonly File[];
}

/** Files larger than this are measured only if asked for: the float32 weights have to be stored for that, too. */
const MEASURED_BYTES = 64e6;

export class Importing {
  status = $state<ImportStatus>("idle");
  /** What was given: shown while it is looked into. */
  name = $state("");
  source = $state.raw<ImportSource | null>(null);
  found = $state.raw<Inspection | null>(null);
  form = $state.raw<ImportForm | null>(null);
  /** The catalogue's card that these files belong to, when they were brought for one. */
  card = $state.raw<ModelCard | null>(null);
  progress = $state.raw<Progress | null>(null);
  error = $state<string | null>(null);
  /** Why the change of the last model's answers could not be measured; null when there is nothing to say. */
  unmeasured = $state<string | null>(null);

  readonly #machine: Machine;
  #abort = new AbortController();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Looks into a source; what was looked into before is dropped. Never rejects: what went wrong is in `error`. */
  async look(source: ImportSource, card: ModelCard | null = null, evenSo = false): Promise<void> {
    const signal = this.#begin("looking");
    this.source = source;
    this.card = card;
    this.name = "files" in source ? source.files.map(({ name }) => name).join(", ") : source.url;
    this.found = this.form = null;
    try {
      const found = await this.#machine.inspect(source, evenSo, { signal, onProgress: (p) => (this.progress = p) });
      if (signal.aborted) return;
      this.found = found;
      const preprocessing = card?.preprocessing ?? found.preprocessing ?? found.guess?.preprocessing;
      if (preprocessing)
        this.form = {
          title: card?.title ?? found.title,
          preprocessing,
          weights: "int8",
          measure: !found.unsupported.length && (found.bytes ?? 0) < MEASURED_BYTES, // what is not understood has no answers
          pictures: [],
        };
    } catch (error) {
      if (!signal.aborted) this.error = messageOf(error);
    }
    if (!signal.aborted) this.status = "asking";
  }

  /** More files of the same model, such as weights that were missing. */
  async add(files: readonly File[]): Promise<void> {
    const before = this.source && "files" in this.source ? this.source.files : [];
    const kept = before.filter((file) => !files.some(({ name }) => name === file.name));
    await this.look({ files: [...kept, ...files] }, this.card);
  }

  /** Goes on past nodes that no gradient passes: the layers before them can be looked at. */
  async lookEvenSo(): Promise<void> {
    if (this.source) await this.look(this.source, this.card, true);
  }

  change(part: Partial<ImportForm>): void {
    if (this.form) this.form = { ...this.form, ...part };
  }

  /** Converts and stores it with the form's choices. Undefined when it was cancelled or went wrong, which `error` then tells. */
  async bring(): Promise<StoredModel | undefined> {
    const { source, form, found, card } = this;
    if (!source || !form || !found) return undefined;
    const signal = this.#begin("bringing");
    const task = { signal, onProgress: (p: Progress) => (this.progress = p) };
    const significant = found.layers.filter((layer) => layer.significant).map(({ name }) => name);
    const { title, preprocessing, weights } = form;
    const choices = { title, preprocessing, weights, significant, labels: found.labels, ...(card ? { catalogId: card.id } : {}) };
    try {
      const stored = await this.#machine.importModel(source, choices, task);
      if (form.measure && weights !== "float32")
        await this.#measure(source, choices, stored, form.pictures, task).catch((error: unknown) => {
          this.unmeasured = signal.aborted ? null : messageOf(error); // it is stored and works all the same
        });
      if (signal !== this.#abort.signal) return undefined; // closed while measuring, and another is looked into by now
      this.forget();
      return stored;
    } catch (error) {
      if (signal.aborted) return undefined;
      this.error = messageOf(error);
      this.status = "asking";
      return undefined;
    }
  }

  /** Compares a model that is stored smaller with its float32 self, which is stored for as long as that takes. */
  async #measure(
    source: ImportSource,
    choices: ImportChoices,
    stored: StoredModel,
    files: readonly File[],
    task: Task,
  ): Promise<void> {
    if (!stored.report?.weights.length) return; // nothing was made smaller
    const known = await this.#machine.list();
    const whole = await this.#machine.importModel(source, { ...choices, weights: "float32" }, task);
    try {
      const card = stored.card ?? this.card;
      if (!card) return;
      const pictures = await Promise.all(files.map(decoded));
      const request = { a: whole.sha256, b: stored.sha256, card, pictures, device: "auto" as const };
      await this.#machine.noteAnswers(stored.sha256, await this.#machine.compare(request, task));
    } finally {
      if (!known.some(({ sha256 }) => sha256 === whole.sha256)) await this.#machine.remove(whole.sha256);
    }
  }

  /** Ends what is going on; the form stays as it was. */
  cancel(): void {
    this.#abort.abort();
    if (this.status === "looking") this.forget();
    else this.status = "asking";
  }

  /** Drops everything. */
  forget(): void {
    this.#abort.abort();
    this.status = "idle";
    this.source = this.found = this.form = this.card = null;
    this.error = this.progress = null;
  }

  #begin(status: ImportStatus): AbortSignal {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.status = status;
    this.error = this.progress = null;
    return this.#abort.signal;
  }
}

/** Which convention a preprocessing follows; null where its numbers are its own. */
export function conventionOf(p: Preprocessing): Convention | null {
  const same = (a: readonly number[], b: readonly number[]) =>
    a.length === b.length && a.every((x, i) => Math.abs(x - b[i]!) < 1e-9);
  const names = Object.keys(conventions) as Convention[];
  return (
    names.find((name) => {
      const of = conventionFor(name, channelCount(p.channels));
      return of.channels === p.channels && of.range === p.range && same(of.mean, p.mean) && same(of.std, p.std);
    }) ?? null
  );
}
