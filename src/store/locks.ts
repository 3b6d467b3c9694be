/**
 * One download of a file at a time, over all tabs of the page: the second waits, and then finds it stored.
 * Web Locks where the browser has them (secure contexts), else a queue within this worker, where two tabs at worst do the work twice:
 * parts have fixed borders, so they write the same bytes to the same keys.
 */
import { abortable } from "./abort";

export type Exclusive = <T>(name: string, signal: AbortSignal, work: () => Promise<T>) => Promise<T>;

/** The browser's locks, shared by all tabs. */
export const webLocks =
  (locks: LockManager): Exclusive =>
  (name, signal, work) =>
    // the signal ends the waiting; work that holds the lock watches it itself
    locks.request(`micrographia ${name}`, { mode: "exclusive", signal }, work) as ReturnType<typeof work>;

/** A queue by name within this context. A failure does not poison it. */
export function localLocks(): Exclusive {
  const tails = new Map<string, Promise<unknown>>();
  return async (name, signal, work) => {
    const before = tails.get(name) ?? Promise.resolve();
    const turn = abortable(before, signal).then(work);
    const tail = Promise.all([before, turn.catch(() => {})]);
    tails.set(name, tail);
    void tail.then(() => tails.get(name) === tail && tails.delete(name));
    return turn;
  };
}

/** The best there is here. */
export const exclusive = (): Exclusive =>
  typeof navigator !== "undefined" && "locks" in navigator && navigator.locks ? webLocks(navigator.locks) : localLocks();
