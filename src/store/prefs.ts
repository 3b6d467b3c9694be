/**
 * Small choices that the page remembers: last model, layer, unit, settings. localStorage where it works (it is there before the
 * first paint, which IndexedDB is not), else this visit's memory. What is read is checked, as anything may lie there.
 */
const PREFIX = "micrographia.";
const memory = new Map<string, string>();

/** The remembered value, or null when there is none or it is not what `isValid` wants. Never throws. */
export function readPref<T>(key: string, isValid: (value: unknown) => value is T): T | null {
  try {
    const text = memory.get(key) ?? localStorage.getItem(PREFIX + key);
    const value: unknown = text === null ? null : JSON.parse(text);
    return isValid(value) ? value : null;
  } catch {
    return null;
  }
}

/** Remembers `value` (plain JSON; undefined or null forgets it). Never throws. */
export function writePref(key: string, value: unknown): void {
  const text = value === undefined || value === null ? null : JSON.stringify(value);
  try {
    if (text === null) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, text);
    memory.delete(key);
  } catch {
    if (text === null) memory.delete(key);
    else memory.set(key, text);
  }
}
