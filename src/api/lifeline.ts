/**
 * How a page notices that a worker died without a word (out of memory, killed by the browser): the worker holds a lock for as long
 * as it lives, and the page waits for it. Types and names only.
 */
export interface Lifeline {
  /** Takes the lock `name` and keeps it; resolves to false where locks cannot be had (opaque origins, old browsers). */
  hold(name: string): Promise<boolean>;
}
