/** Downloads against a server that fails in every way at hand, over a real (in-memory) IndexedDB. */
import { describe, expect, test } from "vitest";
import { faultServer, serve } from "../../test/faultServer";
import {
  card,
  failure,
  FILE,
  freshBrowser,
  hashOf,
  hasty,
  rising,
  run,
  seededBytes,
  server,
  tab,
  useServer,
} from "../../test/storeKit";
import { readModelBytes } from "./models";
import { indexedDbVault, PART_BYTES } from "./vault";

useServer();

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
    server.behave((q, r, n) => (n === 0 ? serve(q, r, FILE, { cutAfter: 2 * PART_BYTES + 9, linger: 200 }) : r.destroy()));
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
    const impatient = { ...hasty, stallMs: 150 };
    await run(tab({ patience: impatient }));
    expect(server.ranges.length).toBeGreaterThan(2);

    freshBrowser();
    server.behave((q, r) => (q.headers.range ? undefined : serve(q, r, FILE, { cutAfter: 1000, stall: true })));
    const { message } = await failure(run(tab({ patience: { ...impatient, tries: 2 } })));
    expect(message).toMatch(/stopped sending: no byte for 0.15 s, 2 times, with 1.00 kB of 3.27 MB downloaded/);
  });

  test("busy at first (503), then well", async () => {
    server.behave((q, r, n) => (n < 2 ? void r.writeHead(503).end() : serve(q, r, FILE)));
    await run(tab());
    server.behave((_, r) => void r.writeHead(503).end());
    freshBrowser();
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
