/** What the store's tests share: a file, its card, a server that fails on demand, and tabs that look at it. */
import "fake-indexeddb/auto";
import { createHash } from "node:crypto";
import { IDBFactory } from "fake-indexeddb";
import { afterAll, beforeAll, beforeEach } from "vitest";
import type { Progress } from "../src/api/engine";
import type { ModelFile } from "../src/api/model";
import type { StoreApi } from "../src/api/store";
import type { WeightStorage } from "../src/quantize/quantize";
import { makeStore, type StoreOptions } from "../src/store/store";
import { PART_BYTES } from "../src/store/vault";
import { faultServer, type FaultServer } from "./faultServer";

export const FILE = seededBytes(3 * PART_BYTES + 123_457, 1);
export const hashOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
export const card = (bytes: Uint8Array = FILE, change: Partial<ModelFile> = {}): ModelFile => ({
  url: "net.onnx",
  origin: "hosted",
  bytes: bytes.length,
  sha256: hashOf(bytes),
  format: "onnx",
  weights: "int8",
  ...change,
});
export const hasty = { firstPauseMs: 1, longestPauseMs: 4, stallMs: 20_000 };

export let server: FaultServer;
/** Starts the server for a test file, and gives every test a browser that has stored nothing. */
export function useServer(): void {
  beforeAll(async () => void (server = await faultServer()));
  afterAll(() => server.close());
  beforeEach(freshBrowser);
}

/** A browser that has stored nothing. */
export const freshBrowser = () => void (globalThis.indexedDB = new IDBFactory());

/** A tab that has just been opened. */
export const tab = (options: Partial<StoreOptions> = {}) => makeStore({ baseUrl: server.url, patience: hasty, ...options });

/** One download, with its progress events and when they came. */
export async function run(store: StoreApi, file = card(), job = "job", keep?: WeightStorage) {
  const events: Progress[] = [];
  const times: number[] = [];
  const model = await store.fetch(
    job,
    "net",
    file,
    (p) => {
      events.push(p);
      times.push(performance.now());
    },
    keep,
  );
  return { model, events, times, loaded: events.flatMap((e) => (e.phase === "download" ? [e.loadedBytes] : [])) };
}

export const failure = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => Promise.reject(new Error("should have failed")),
    (e: Error) => e,
  );

export const rising = (values: number[]) => values.every((v, i) => i === 0 || v >= values[i - 1]!);

/** Bytes that no compressor shortens, the same for the same seed. */
export function seededBytes(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed * 2654435761;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
