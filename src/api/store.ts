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
}

export interface StoreApi {
  /** Downloads `file` unless it is stored, resuming what an earlier try left; resolves once its SHA-256 is verified. */
  fetch(job: JobId, id: string, file: ModelFile, onProgress: (p: Progress) => void): Promise<StoredModel>;
  list(): Promise<StoredModel[]>;
  remove(sha256: string): Promise<void>;
  /** Bytes used and allowed by the browser; null where it does not say. */
  quota(): Promise<{ usage: number; quota: number; persisted: boolean } | null>;
  cancel(job: JobId): void;
}
