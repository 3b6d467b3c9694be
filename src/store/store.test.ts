/** The store against a server that fails in every way at hand, over a real (in-memory) IndexedDB. */
import "fake-indexeddb/auto";
import { createHash } from "node:crypto";
import { IDBFactory } from "fake-indexeddb";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { faultServer, serve, type FaultServer } from "../../test/faultServer";
import type { Progress } from "../api/engine";
import type { ModelFile } from "../api/model";
import { localLocks } from "./locks";
import { readModelBytes } from "./models";
import { makeStore, type StoreOptions } from "./store";
import { indexedDbVault, memoryVault, openVault, PART_BYTES, type Vault } from "./vault";

const FILE = seededBytes(3 * PART_BYTES + 123_457, 1);
const hashOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const card = (bytes: Uint8Array = FILE, change: Partial<ModelFile> = {}): ModelFile => ({
  url: "net.onnx",
  origin: "hosted",
  bytes: bytes.length,
  sha256: hashOf(bytes),
  format: "onnx",
  weights: "int8",
  ...change,
});
const hasty = { firstPauseMs: 1, longestPauseMs: 4, stallMs: 150 };

let server: FaultServer;
beforeAll(async () => void (server = await faultServer()));
afterAll(() => server.close());
beforeEach(() => void (globalThis.indexedDB = new IDBFactory()));

/** A tab that has just been opened. */
const tab = (options: Partial<StoreOptions> = {}) => makeStore({ baseUrl: server.url, patience: hasty, ...options });

async function run(store: ReturnType<typeof tab>, file = card(), job = "job") {
  const events: Progress[] = [];
  const times: number[] = [];
  const model = await store.fetch(job, "net", file, (p) => {
    events.push(p);
    times.push(performance.now());
  });
  return { model, events, times, loaded: events.flatMap((e) => (e.phase === "download" ? [e.loadedBytes] : [])) };
}

const failure = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => Promise.reject(new Error("should have failed")),
    (e: Error) => e,
  );

const rising = (values: number[]) => values.every((v, i) => i === 0 || v >= values[i - 1]!);

describe("download", () => {
  test("arrives whole, is listed, read back, and not fetched again after a reload", async () => {
    server.behave((q, r) => serve(q, r, FILE));
    const { model, events, times } = await run(tab());
    expect(model).toMatchObject({ sha256: hashOf(FILE), id: "net", bytes: FILE.length });
    expect(Buffer.from(await readModelBytes(model.sha256)).equals(FILE)).toBe(true);
    const last = events.at(-1);
    expect(last).toEqual({ phase: "download", loadedBytes: FILE.length, totalBytes: FILE.length });
    for (let i = 1; i < times.length - 1; i++) expect(times[i]! - times[i - 1]!).toBeGreaterThan(45);

    const reloaded = tab();
    expect(await reloaded.list()).toEqual([model]);
    expect((await run(reloaded)).model).toEqual(model);
    expect(server.ranges).toEqual([null]);
  });

  test("cut 20 times, it still arrives, and progress never falls", async () => {
    const step = Math.ceil(FILE.length / 20.5);
    server.behave((q, r) => serve(q, r, FILE, { cutAfter: step, etag: '"v1"' }));
    const { loaded } = await run(tab());
    expect(server.ranges.length).toBeGreaterThan(20);
    expect(server.ranges[1]).toMatch(/^bytes=\d+-$/);
    expect(server.ifRanges.slice(1).every((tag) => tag === '"v1"')).toBe(true);
    expect(rising(loaded)).toBe(true);
    expect(loaded.at(-1)).toBe(FILE.length);
  });

  test("a server that stops half way: what arrived is kept, said so, and a later visit goes on from there", async () => {
    server.behave((q, r, n) => (n === 0 ? serve(q, r, FILE, { cutAfter: 2 * PART_BYTES + 9 }) : r.destroy()));
    const store = tab();
    const error = await failure(run(store));
    expect(error.name).toBe("DownloadError");
    expect(error.message).toMatch(/^net: 127.0.0.1:\d+ could not be reached/);
    expect(error.message).toMatch(/2.10 MB of 3.27 MB downloaded.*What has arrived is kept/);
    expect(await store.list()).toEqual([]);
    await expect(readModelBytes(card().sha256, { memoryPatienceMs: 20 })).rejects.toThrow("is not stored in this browser");

    server.behave((q, r) => serve(q, r, FILE));
    const { events, loaded } = await run(tab());
    expect(server.ranges).toEqual([`bytes=${2 * PART_BYTES}-`]);
    expect(events[0]).toEqual({ phase: "verify", doneBytes: PART_BYTES, totalBytes: FILE.length });
    expect(loaded[0]).toBe(2 * PART_BYTES);
  });

  test("ends short every time: an error with both lengths", async () => {
    server.behave((q, r) => serve(q, r, FILE.subarray(0, 5000), { chunked: true }));
    const { message } = await failure(run(tab({ patience: { ...hasty, tries: 3 } })));
    expect(message).toContain(`the file at ${server.url}models/net.onnx has 5000 bytes, but the catalogue says ${FILE.length}`);
  });

  test("ignores Range: what is here is skipped", async () => {
    server.behave((q, r, n) => serve(q, r, FILE, { ignoreRange: true, cutAfter: n === 0 ? PART_BYTES + 77 : Infinity }));
    const { loaded } = await run(tab());
    expect(server.ranges).toEqual([null, `bytes=${PART_BYTES + 77}-`]);
    expect(rising(loaded)).toBe(true);
  });

  test("the file changed between two connections (another ETag): everything starts over", async () => {
    const old = seededBytes(FILE.length, 2);
    server.behave((q, r, n) =>
      n === 0 ? serve(q, r, old, { etag: '"old"', cutAfter: PART_BYTES + 77 }) : serve(q, r, FILE, { etag: '"new"' }),
    );
    const { loaded } = await run(tab());
    expect(server.ifRanges).toEqual([null, '"old"']);
    expect(loaded.lastIndexOf(0)).toBeGreaterThan(0); // the documented restart
    expect(loaded.at(-1)).toBe(FILE.length);
  });

  test.each([
    ["a Content-Range that lies", { contentRange: `bytes 5-99/${FILE.length}` }],
    ["416 for a range that exists", null],
  ])("%s: the whole file is asked for", async (_, options) => {
    server.behave((q, r, n) => {
      if (n === 0) serve(q, r, FILE, { cutAfter: 1000 });
      else if (q.headers.range && !options) r.writeHead(416).end();
      else serve(q, r, FILE, options ?? {});
    });
    await run(tab());
    expect(server.ranges).toEqual([null, "bytes=1000-", null]);
  });

  test("stalls: tried again, then said so", async () => {
    server.behave((q, r, n) => serve(q, r, FILE, n < 2 ? { cutAfter: 1000, stall: true } : {}));
    await run(tab());
    expect(server.ranges.length).toBe(3);

    globalThis.indexedDB = new IDBFactory();
    server.behave((q, r) => (q.headers.range ? undefined : serve(q, r, FILE, { cutAfter: 1000, stall: true })));
    const { message } = await failure(run(tab({ patience: { ...hasty, tries: 2 } })));
    expect(message).toMatch(/stopped sending: no byte for 0.15 s, 2 times, with 1.00 kB of 3.27 MB downloaded/);
  });

  test("busy at first (503), then well", async () => {
    server.behave((q, r, n) => (n < 2 ? void r.writeHead(503).end() : serve(q, r, FILE)));
    await run(tab());
    server.behave((_, r) => void r.writeHead(503).end());
    globalThis.indexedDB = new IDBFactory();
    expect((await failure(run(tab()))).message).toMatch(/answered 503 Service Unavailable 3 times/);
  });
});

describe("refusals", () => {
  test("404", async () => {
    server.behave((_, r) => void r.writeHead(404).end());
    const { name, message } = await failure(run(tab()));
    expect(name).toBe("DownloadError");
    expect(message).toBe(
      `net: ${server.url}models/net.onnx answered 404 Not Found, where the model file should be. ` +
        "It was moved, or never put there: choose another model, or tell whoever runs this page.",
    );
    expect(server.ranges.length).toBe(1);
  });

  test.each([
    ["declared", { "Content-Type": "text/html" }],
    ["found by its first bytes", { "Content-Type": "application/octet-stream" }],
  ])("a web page instead of a model, %s", async (_, headers) => {
    server.behave(
      (_, r) => void r.writeHead(200, { ...headers, "Transfer-Encoding": "chunked" }).end("<!doctype html><p>Log in"),
    );
    expect((await failure(run(tab()))).message).toMatch(/sent a web page \(.*\), not a model file.*log in/);
  });

  test("another length, declared and not declared", async () => {
    const long = seededBytes(FILE.length + 10, 3);
    server.behave((q, r) => serve(q, r, long));
    expect((await failure(run(tab()))).message).toContain(`has ${long.length} bytes, but the catalogue says ${FILE.length}`);
    server.behave((q, r) => serve(q, r, long, { chunked: true }));
    expect((await failure(run(tab()))).message).toContain(
      `sent at least ${long.length} bytes, but the catalogue says ${FILE.length}`,
    );
  });

  test("a server that is not there", async () => {
    const gone = await faultServer();
    await gone.close();
    const { message } = await failure(run(tab({ baseUrl: gone.url })));
    expect(message).toMatch(/could not be reached, or does not let this page read .* \(CORS\)/);
  });

  test("no address", async () => {
    const { message } = await failure(run(tab(), card(FILE, { url: "file:///etc/hosts" })));
    expect(message).toContain('net: "file:///etc/hosts" against');
  });
});

describe("SHA-256", () => {
  test("wrong: both digests, nothing left behind", async () => {
    const forged = seededBytes(FILE.length, 4);
    server.behave((q, r) => serve(q, r, forged));
    const store = tab();
    const { name, message } = await failure(run(store));
    expect(name).toBe("DigestError");
    expect(message).toContain(`SHA-256 ${hashOf(forged)}, but the catalogue says ${hashOf(FILE)}`);
    expect(message).toContain("have been deleted");
    expect(await store.list()).toEqual([]);
    expect(await indexedDbVault().parts(hashOf(FILE))).toEqual([]);
  });

  test("wrong because of an earlier visit's bytes: once more from the start", async () => {
    const vault = indexedDbVault();
    await vault.putPart(hashOf(FILE), 0, seededBytes(PART_BYTES, 5));
    server.behave((q, r) => serve(q, r, FILE));
    const { loaded } = await run(tab());
    expect(server.ranges).toEqual([`bytes=${PART_BYTES}-`, null]);
    expect(loaded.at(-1)).toBe(FILE.length);
  });

  test("a failed download leaves stored models as they were", async () => {
    server.behave((q, r) => serve(q, r, FILE));
    const store = tab();
    const { model } = await run(store);
    server.behave((q, r) => serve(q, r, FILE));
    await failure(run(store, card(FILE, { sha256: "0".repeat(64) })));
    expect(await store.list()).toEqual([model]);
    expect((await readModelBytes(model.sha256)).length).toBe(FILE.length);
  });
});

describe("room", () => {
  const full = () => new DOMException("no room", "QuotaExceededError");
  const limited = (parts: number): Vault => {
    const vault = indexedDbVault();
    return {
      ...vault,
      putPart: async (sha256, index, bytes) => {
        const used = (await Promise.all(["other", card().sha256].map((s) => vault.parts(s)))).flat().length;
        if (used >= parts) throw full();
        return vault.putPart(sha256, index, bytes);
      },
    };
  };
  const open = (vault: Vault) => async () => ({ vault, notice: null });

  test("runs out in the middle: freed, with a message, and nothing listed", async () => {
    server.behave((q, r) => serve(q, r, FILE));
    const store = tab({ open: open(limited(2)) });
    const { name, message } = await failure(run(store));
    expect(name).toBe("QuotaError");
    expect(message).toMatch(/^net: storing it needs 3.27 MB, but this browser allows the page/);
    expect(await indexedDbVault().parts(card().sha256)).toEqual([]);
    expect(await store.list()).toEqual([]);
  });

  test("leftovers of another download make way", async () => {
    const vault = limited(4);
    await vault.putPart("other", 0, new Uint8Array(8));
    await vault.putUnfinished({ sha256: "other", url: "", etag: null, touchedAt: 0 });
    server.behave((q, r) => serve(q, r, FILE));
    await run(tab({ open: open(vault) }));
    expect(await vault.parts("other")).toEqual([]);
  });

  test("no IndexedDB: memory for this visit, with a notice, and the engine can still read it", async () => {
    Object.assign(globalThis, { indexedDB: undefined });
    server.behave((q, r) => serve(q, r, FILE));
    const store = tab();
    const { model } = await run(store);
    expect(model.volatile).toBe(true);
    expect(await store.notice()).toMatch(/must be downloaded again on the next visit/);
    expect(await store.list()).toEqual([model]);
    expect(Buffer.from(await readModelBytes(model.sha256)).equals(FILE)).toBe(true);
    await store.remove(model.sha256);
    expect(await store.list()).toEqual([]);
  });

  test("IndexedDB breaks in the middle: goes on in memory", async () => {
    const broken: Vault = {
      ...indexedDbVault(),
      putPart: () => Promise.reject(new DOMException("closing", "InvalidStateError")),
    };
    server.behave((q, r) => serve(q, r, FILE));
    const store = tab({ open: open(broken) });
    expect((await run(store)).model.volatile).toBe(true);
    expect(await store.notice()).toContain("InvalidStateError: closing");
  });

  test("an IndexedDB that never answers counts as none", async () => {
    Object.assign(globalThis, { indexedDB: { open: () => ({}) } });
    const { vault, notice } = await openVault(20);
    expect(vault.keeps).toBe("memory");
    expect(notice).toContain("gave no answer in 0.02 s");
  });
});

describe("jobs", () => {
  test("two tabs, one download: the second waits and finds it stored", async () => {
    server.behave((q, r) => serve(q, r, FILE));
    const locks = localLocks();
    const [a, b] = await Promise.all([run(tab({ locks })), run(tab({ locks }))]);
    expect(a.model).toEqual(b.model);
    expect(server.ranges).toEqual([null]);
    expect(b.loaded).toEqual([FILE.length]);
  });

  test("the tab that waits sees how far the other one is", async () => {
    server.behave((q, r) => serve(q, r, FILE, { cutAfter: 2 * PART_BYTES, stall: true }));
    const [locks, patience] = [localLocks(), { ...hasty, stallMs: 60_000 }];
    const works = tab({ locks, patience });
    const going = failure(run(works));
    const events: Progress[] = [];
    const waits = tab({ locks, patience });
    const waiting = failure(waits.fetch("waiting", "net", card(), (p) => void events.push(p)));
    while (!events.some((e) => e.phase === "download" && e.loadedBytes === 2 * PART_BYTES))
      await new Promise((r) => setTimeout(r, 20));
    waits.cancel("waiting");
    works.cancel("job");
    expect((await waiting).name).toBe("AbortError");
    expect((await going).name).toBe("AbortError");
  });

  test("cancelled: rejects at once, keeps what arrived, and the next one works", async () => {
    server.behave((q, r) => serve(q, r, FILE, { cutAfter: 2 * PART_BYTES, stall: true }));
    const store = tab({ patience: { ...hasty, stallMs: 60_000 } });
    const going = failure(run(store));
    while ((await indexedDbVault().parts(card().sha256)).length < 2) await new Promise((r) => setTimeout(r, 5));
    store.cancel("job");
    expect((await going).name).toBe("AbortError");
    server.behave((q, r) => serve(q, r, FILE));
    await run(store);
    expect(server.ranges).toEqual([`bytes=${2 * PART_BYTES}-`]);
  });

  test("a waiting job can be cancelled without harm to the one that works", async () => {
    server.behave((q, r) => serve(q, r, FILE));
    const store = tab({ locks: localLocks() });
    const [first, second] = [run(store, card(), "one"), failure(run(store, card(), "two"))];
    store.cancel("two");
    expect((await second).name).toBe("AbortError");
    expect((await first).model.bytes).toBe(FILE.length);
  });

  test("a failing progress listener does no harm", async () => {
    server.behave((q, r) => serve(q, r, FILE));
    const model = await tab().fetch("job", "net", card(), () => {
      throw new Error("listener");
    });
    expect(model.bytes).toBe(FILE.length);
  });

  test("removed: gone from the list and from the disk; damaged: taken off the list and fetched again", async () => {
    server.behave((q, r) => serve(q, r, FILE));
    const store = tab();
    const { model } = await run(store);
    await store.remove(model.sha256);
    expect(await store.list()).toEqual([]);
    expect(await indexedDbVault().parts(model.sha256)).toEqual([]);
    await run(store);
    await indexedDbVault().dropParts(model.sha256);
    await expect(readModelBytes(model.sha256)).rejects.toThrow(
      "part 0 of its stored file has 0 bytes, where 1048576 were written",
    );
    expect(await store.list()).toEqual([]);
    expect((await run(store)).model.bytes).toBe(FILE.length);
  });
});

test("the two vaults behave alike", async () => {
  for (const vault of [indexedDbVault(), memoryVault()]) {
    const bytes = new Uint8Array([1, 2, 3]);
    await vault.putPart("a", 1, bytes);
    bytes[0] = 9; // a copy was kept
    await vault.putPart("a", 0, bytes);
    await vault.putPart("b", 0, bytes);
    expect(await vault.parts("a")).toEqual([0, 1]);
    expect([...(await vault.part("a", 1))!]).toEqual([1, 2, 3]);
    await vault.dropParts("a");
    expect([await vault.parts("a"), await vault.parts("b")]).toEqual([[], [0]]);
  }
});

/** Bytes that no compressor shortens, the same for the same seed. */
function seededBytes(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed * 2654435761;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
