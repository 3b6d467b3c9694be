/** Asks the browser to keep what is stored even when space runs short. For the page: workers cannot ask. */
import { readPref, writePref } from "./prefs";

/**
 * To be called after a model has been verified. Asks at most once per browser, as some show a question to the reader.
 * Resolves to whether storage is persistent; never rejects.
 */
export async function persistOnce(): Promise<boolean> {
  try {
    if (typeof navigator === "undefined" || !navigator.storage?.persist) return false;
    if (await navigator.storage.persisted()) return true;
    if (readPref("persistAsked", isTrue)) return false;
    writePref("persistAsked", true);
    return await navigator.storage.persist();
  } catch {
    return false;
  }
}

const isTrue = (value: unknown): value is true => value === true;
