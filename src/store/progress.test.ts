import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Progress } from "../api/engine";
import { meter } from "./progress";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

const loaded = (heard: Progress[]) => heard.map((p) => (p.phase === "download" ? p.loadedBytes : p.phase));

test("many arrivals are few events, and the last before a silence is told", () => {
  const heard: Progress[] = [];
  const { download } = meter(100, (p) => heard.push(p));
  for (const bytes of [1, 2, 3, 4]) download(bytes);
  expect(loaded(heard)).toEqual([1]);
  vi.advanceTimersByTime(50);
  expect(loaded(heard)).toEqual([1, 4]);
  vi.advanceTimersByTime(1000);
  expect(loaded(heard)).toEqual([1, 4]);
});

test("the whole, another phase and a restart are told at once; nothing follows them late", () => {
  const heard: Progress[] = [];
  const { download, verify, restart } = meter(100, (p) => heard.push(p));
  download(1);
  download(2);
  download(100);
  verify(5);
  verify(6);
  restart();
  vi.advanceTimersByTime(1000);
  expect(loaded(heard)).toEqual([1, 100, "verify", 0]);
});

test("progress does not fall, and a closed meter is silent", () => {
  const heard: Progress[] = [];
  const { download, close } = meter(100, (p) => heard.push(p));
  download(5);
  download(3);
  download(7);
  close();
  vi.advanceTimersByTime(1000);
  expect(loaded(heard)).toEqual([5]);
});

test("a listener that throws or rejects does no harm", () => {
  const { download } = meter(100, () => {
    throw new Error("no");
  });
  expect(() => download(1)).not.toThrow();
});
