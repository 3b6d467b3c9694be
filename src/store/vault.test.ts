/** Where the bytes lie: a browser without room, without IndexedDB, with several tabs; cancelled, removed and damaged downloads. */
import { describe, expect, test } from "vitest";
import { serve } from "../../test/faultServer";
import { card, failure, FILE, run, server, tab, useServer } from "../../test/storeKit";
import type { Progress } from "../api/engine";
import { localLocks } from "./locks";
import { readModelBytes } from "./models";
import { indexedDbVault, memoryVault, openVault, PART_BYTES, type Vault } from "./vault";

useServer();

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
    const locks = localLocks();
    const works = tab({ locks });
    const going = failure(run(works));
    const events: Progress[] = [];
    const waits = tab({ locks });
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
    const store = tab();
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
