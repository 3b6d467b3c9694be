/**
 * Where downloaded bytes lie: parts of PART_BYTES each, keyed by the file's SHA-256 and the part's index, and, apart from them,
 * the list of verified models. A model is listed only after its digest was checked, so nothing half-usable is ever seen.
 *
 * Two vaults: IndexedDB through idb-keyval (one database per store, as its createStore wants), and memory for visits in which
 * the browser keeps nothing (private windows, opaque origins).
 */
import { createStore, del, get, promisifyRequest, values, type UseStore } from "idb-keyval";
import type { StoredModel } from "../api/store";
import { within } from "./abort";

/** Every part but a file's last has this many bytes: a reload loses less than one part. */
export const PART_BYTES = 1 << 20;

/** What is known of an unfinished download. */
export interface Unfinished {
  sha256: string;
  url: string;
  /** The server's strong ETag, when it gave one. */
  etag: string | null;
  /** Milliseconds since 1970. */
  touchedAt: number;
}

export interface Vault {
  readonly keeps: "browser" | "memory";
  /** Bytes of part `index`, or undefined. */
  part(sha256: string, index: number): Promise<Uint8Array | undefined>;
  /** Indices of the parts that are there, rising. */
  parts(sha256: string): Promise<number[]>;
  /** Keeps a copy of `bytes`. */
  putPart(sha256: string, index: number, bytes: Uint8Array): Promise<void>;
  dropParts(sha256: string): Promise<void>;
  model(sha256: string): Promise<StoredModel | undefined>;
  models(): Promise<StoredModel[]>;
  putModel(model: StoredModel): Promise<void>;
  dropModel(sha256: string): Promise<void>;
  unfinished(sha256: string): Promise<Unfinished | undefined>;
  allUnfinished(): Promise<Unfinished[]>;
  putUnfinished(state: Unfinished): Promise<void>;
  dropUnfinished(sha256: string): Promise<void>;
}

const MODELS = "micrographia-models";
const PARTS = "micrographia-parts";
const UNFINISHED = "micrographia-unfinished";

/** Parts of one file, in key order. */
const ofFile = (sha256: string) => IDBKeyRange.bound([sha256, 0], [sha256, Infinity]);

/**
 * Puts one value and waits for the transaction. idb-keyval's `set` rejects with null when a request fails for quota,
 * as it reads the transaction's error before there is one; here the request's own error is kept.
 */
function put(store: UseStore, key: IDBValidKey, value: unknown): Promise<void> {
  return store("readwrite", (objects) => {
    const request = objects.put(value, key);
    const { transaction } = objects;
    return new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? request.error ?? new DOMException("aborted", "AbortError"));
    });
  });
}

/** The browser's IndexedDB. Opens lazily; `openVault` finds out first whether it works at all. */
export function indexedDbVault(): Vault {
  const models = createStore(MODELS, "models");
  const parts = createStore(PARTS, "parts");
  const unfinished = createStore(UNFINISHED, "unfinished");
  return {
    keeps: "browser",
    part: (sha256, index) => get<Uint8Array>([sha256, index], parts),
    parts: async (sha256) => {
      const keys = await parts("readonly", (s) => promisifyRequest(s.getAllKeys(ofFile(sha256))));
      return keys.map((key) => (key as [string, number])[1]);
    },
    putPart: (sha256, index, bytes) => put(parts, [sha256, index], bytes),
    dropParts: (sha256) =>
      parts("readwrite", (s) => {
        s.delete(ofFile(sha256));
        return promisifyRequest(s.transaction);
      }),
    model: (sha256) => get<StoredModel>(sha256, models),
    models: () => values<StoredModel>(models),
    putModel: (model) => put(models, model.sha256, model),
    dropModel: (sha256) => del(sha256, models),
    unfinished: (sha256) => get<Unfinished>(sha256, unfinished),
    allUnfinished: () => values<Unfinished>(unfinished),
    putUnfinished: (state) => put(unfinished, state.sha256, state),
    dropUnfinished: (sha256) => del(sha256, unfinished),
  };
}

/** This visit's memory. */
export function memoryVault(): Vault {
  const models = new Map<string, StoredModel>();
  const parts = new Map<string, Map<number, Uint8Array>>();
  const unfinished = new Map<string, Unfinished>();
  return {
    keeps: "memory",
    part: async (sha256, index) => parts.get(sha256)?.get(index),
    parts: async (sha256) => [...(parts.get(sha256)?.keys() ?? [])].sort((a, b) => a - b),
    putPart: async (sha256, index, bytes) => {
      const file = parts.get(sha256) ?? new Map<number, Uint8Array>();
      parts.set(sha256, file.set(index, bytes.slice()));
    },
    dropParts: async (sha256) => void parts.delete(sha256),
    model: async (sha256) => models.get(sha256),
    models: async () => [...models.values()],
    putModel: async (model) => void models.set(model.sha256, model),
    dropModel: async (sha256) => void models.delete(sha256),
    unfinished: async (sha256) => unfinished.get(sha256),
    allUnfinished: async () => [...unfinished.values()],
    putUnfinished: async (state) => void unfinished.set(state.sha256, state),
    dropUnfinished: async (sha256) => void unfinished.delete(sha256),
  };
}

export interface Opened {
  vault: Vault;
  /** For people: why nothing is kept after this visit; null when all is well. */
  notice: string | null;
}

/**
 * IndexedDB where it can be opened, read and written, else memory with a notice. Never throws.
 * A browser that never answers an open request counts as one that blocks it, after `patienceMs`.
 */
export async function openVault(patienceMs = 5000): Promise<Opened> {
  try {
    const vault = indexedDbVault();
    await within(probe(vault), patienceMs, () => new Error(`IndexedDB gave no answer in ${patienceMs / 1000} s`));
    return { vault, notice: null };
  } catch (e) {
    return { vault: memoryVault(), notice: memoryNotice(e) };
  }
}

/** Says that models are kept in memory, and why. */
export const memoryNotice = (why: unknown): string =>
  "This browser lets the page store nothing here, so models are kept in memory and must be downloaded again on the next visit " +
  `(${why instanceof Error ? `${why.name}: ${why.message}` : "IndexedDB failed"}). A private window or an embedded frame does this; ` +
  "open the page in an ordinary tab to keep them.";

/** Touches each database as a download will: the first write is where some private windows refuse, with a quota of nothing. */
async function probe(vault: Vault): Promise<void> {
  const sha256 = "probe";
  const [models] = await Promise.all([vault.models(), vault.parts(sha256)]);
  try {
    await vault.putUnfinished({ sha256, url: "", etag: null, touchedAt: 0 });
    await vault.dropUnfinished(sha256);
  } catch (e) {
    if (!(isQuota(e) && models.length > 0)) throw e; // full, but what is stored can be read
  }
}

/** Whether the browser refused a write for want of room. */
export const isQuota = (e: unknown): boolean => e instanceof Error && e.name === "QuotaExceededError";
