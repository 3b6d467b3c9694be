/** A stored model's bytes, for the engine worker: the same IndexedDB, or the store worker's memory where there is none. */
import { StoreError } from "./errors";
import { askMemory } from "./memoryShare";
import { indexedDbVault, PART_BYTES, type Vault } from "./vault";

export interface ReadOptions {
  signal?: AbortSignal;
  /** How long to wait for another worker's memory, ms. */
  memoryPatienceMs?: number;
}

/**
 * The whole file, verified when it was stored. Throws StoreError when it is not stored here, or is damaged.
 * `sha256` is lower-case hex.
 */
export async function readModelBytes(
  sha256: string,
  { signal, memoryPatienceMs = 3000 }: ReadOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const stored = await fromVault(sha256, signal);
  if (stored) return stored;
  const shared = await askMemory(sha256, memoryPatienceMs);
  signal?.throwIfAborted();
  if (!shared)
    throw new StoreError(`model ${short(sha256)} is not stored in this browser. Choose it again, and it is downloaded.`);
  return joined(
    shared.reduce((sum, part) => sum + part.length, 0),
    shared,
  );
}

/** Null when IndexedDB does not work here or does not list the model. */
async function fromVault(sha256: string, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer> | null> {
  let vault: Vault;
  let model;
  try {
    vault = indexedDbVault();
    model = await vault.model(sha256);
  } catch {
    return null;
  }
  if (!model) return null;
  const bytes = new Uint8Array(model.bytes);
  for (let at = 0, index = 0; at < bytes.length; index++) {
    signal?.throwIfAborted();
    const part = await vault.part(sha256, index);
    const expected = Math.min(PART_BYTES, bytes.length - at);
    if (part?.length !== expected) {
      await vault.dropModel(sha256);
      throw new StoreError(
        `model ${short(sha256)}: part ${index} of its stored file has ${part?.length ?? 0} bytes, where ${expected} were written. ` +
          "The browser lost some of them; choose the model again, and it is downloaded.",
      );
    }
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function joined(length: number, parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

const short = (sha256: string) => `${sha256.slice(0, 12)}...`;
