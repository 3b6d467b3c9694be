/** What the store worker can do. Types only. Every stored file is keyed by the SHA-256 of its bytes. */
import type { JobId, Progress } from "./engine";
import type { ModelFile } from "./model";

export interface StoredModel {
  sha256: string;
  /** Catalogue id. */
  id: string;
  bytes: number;
  /** Milliseconds since 1970. */
  storedAt: number;
  /** Set where the browser keeps nothing: the model is gone with this visit. */
  volatile?: true;
}

export interface StoreApi {
  /**
   * Downloads `file` unless it is stored, resuming what an earlier try left; resolves once its SHA-256 is verified.
   * Hosted files lie under models/ beside the page. Progress ends at 100 % ("download").
   * Rejects with DownloadError, DigestError, QuotaError, or AbortError after `cancel`; what was stored before stays stored.
   * Call `persistOnce` (src/store/persist.ts) in the page after the first success: a worker cannot.
   */
  fetch(job: JobId, id: string, file: ModelFile, onProgress: (p: Progress) => void): Promise<StoredModel>;
  list(): Promise<StoredModel[]>;
  remove(sha256: string): Promise<void>;
  /** Bytes used and allowed by the browser; null where it does not say. */
  quota(): Promise<{ usage: number; quota: number; persisted: boolean } | null>;
  /** For people: why this browser keeps models for this visit only; null when it keeps them. */
  notice(): Promise<string | null>;
  /** Ends a download; what has arrived is kept for the next try. Unknown or finished jobs are ignored. */
  cancel(job: JobId): void;
}
