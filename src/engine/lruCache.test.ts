import { describe, expect, test } from "vitest";
import { LruCache } from "./lruCache";

function cacheOf(limit: number) {
  const disposed: string[] = [];
  const made: string[] = [];
  const cache = new LruCache<Promise<string>>(limit, async (entry) => void disposed.push(await entry));
  const get = (key: string) =>
    cache.get(key, async () => {
      made.push(key);
      return key;
    });
  return { cache, get, made, disposed };
}

describe("LruCache", () => {
  test("makes an entry once, for callers at the same time too", async () => {
    const { get, made } = cacheOf(2);
    await Promise.all([get("a"), get("a")]);
    expect(made).toEqual(["a"]);
  });

  test("forgets the least recently used, and disposes of it", async () => {
    const { get, made, disposed } = cacheOf(2);
    for (const key of ["a", "b", "a", "c"]) await get(key);
    await get("a");
    await get("b");
    expect(made).toEqual(["a", "b", "c", "b"]);
    await expect.poll(() => disposed).toEqual(["b", "c"]);
  });

  test("a failure is not remembered", async () => {
    const { cache, get } = cacheOf(2);
    await expect(cache.get("a", () => Promise.reject(new Error("no memory")))).rejects.toThrow("no memory");
    expect(await get("a")).toBe("a");
  });
});
