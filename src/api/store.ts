/** What the store worker can do. Types only. Every stored file is keyed by the SHA-256 of its bytes. */
import type { JobId, Progress } from "./engine";
import type { LogitsChange } from "../quantize/compare";
import type { WeightStorage } from "../quantize/quantize";
import type { ImportChoices, ImportReport, ImportSource, Inspection } from "./import";
import type { ModelCard, ModelFile } from "./model";

export interface StoredModel {
  sha256: string;
  /** Catalogue id, or that of the reader's own model. */
  id: string;
  bytes: number;
  /** Milliseconds since 1970. */
  storedAt: number;
  weights: WeightStorage;
  /** SHA-256 of the file that it was made from, where it was converted on arrival. */
  from?: string;
  /** What its weights lost when they were made smaller. */
  report?: ImportReport;
  /** Of the reader's own model; others have theirs in the catalogue. */
  card?: ModelCard;
  /** Set where the browser keeps nothing: the model is gone with this visit. */
  volatile?: true;
}

export interface StoreApi {
  /**
   * Downloads `file` unless it is stored, resuming what an earlier try left; resolves once its SHA-256 is verified.
   * `keep`: how its weights are stored; float32 ones are made smaller as they arrive (default: as they come).
   * Hosted files lie under models/ beside the page. Progress ends at 100 % ("download", or "keep" where it was converted).
   * Rejects with DownloadError, DigestError, QuotaError, ModelFormatError, or AbortError after `cancel`; what was stored before stays stored.
   * Call `persistOnce` (src/client/persist.ts) in the page after the first success: a worker cannot.
   */
  fetch(job: JobId, id: string, file: ModelFile, onProgress: (p: Progress) => void, keep?: WeightStorage): Promise<StoredModel>;
  /**
   * Looks into the reader's files, or at an address, without storing anything. With an address, a graph with ops that no gradient
   * passes ends the download before the weights, unless `evenSo`.
   * Rejects with ModelFormatError, OpError, DownloadError, or AbortError.
   */
  inspect(job: JobId, source: ImportSource, onProgress: (p: Progress) => void, evenSo?: boolean): Promise<Inspection>;
  /** Converts and stores what `inspect` looked into. Rejects as `inspect` and `fetch` do; nothing half-usable is left. */
  importModel(job: JobId, source: ImportSource, choices: ImportChoices, onProgress: (p: Progress) => void): Promise<StoredModel>;
  /** Adds to a stored model's report how its answers changed. A model that is not stored is ignored. */
  noteAnswers(sha256: string, answers: LogitsChange): Promise<void>;
  list(): Promise<StoredModel[]>;
  remove(sha256: string): Promise<void>;
  /** Bytes used and allowed by the browser; null where it does not say. */
  quota(): Promise<{ usage: number; quota: number; persisted: boolean } | null>;
  /** For people: why this browser keeps models for this visit only; null when it keeps them. */
  notice(): Promise<string | null>;
  /** Ends a download; what has arrived is kept for the next try. Unknown or finished jobs are ignored. */
  cancel(job: JobId): void;
}
