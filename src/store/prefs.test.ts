import { afterEach, expect, test, vi } from "vitest";
import { readPref, writePref } from "./prefs";

const isNumber = (v: unknown): v is number => typeof v === "number";
afterEach(() => vi.unstubAllGlobals());

test("without localStorage, choices last for the visit", () => {
  vi.stubGlobal("localStorage", undefined);
  writePref("unit", 7);
  expect(readPref("unit", isNumber)).toBe(7);
  writePref("unit", null);
  expect(readPref("unit", isNumber)).toBeNull();
});

test("what lies there is checked, and a full storage does no harm", () => {
  const kept = new Map([
    ["micrographia.unit", '"seven"'],
    ["micrographia.bad", "{"],
  ]);
  vi.stubGlobal("localStorage", {
    getItem: (k: string) => kept.get(k) ?? null,
    setItem: () => {
      throw new DOMException("full", "QuotaExceededError");
    },
    removeItem: (k: string) => kept.delete(k),
  });
  expect(readPref("unit", isNumber)).toBeNull();
  expect(readPref("bad", isNumber)).toBeNull();
  writePref("unit", 3);
  expect(readPref("unit", isNumber)).toBe(3);
});
