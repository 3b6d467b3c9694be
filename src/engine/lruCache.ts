/** A small cache of promises that forgets the least recently used, and never remembers a failure. */
export class LruCache<P extends Promise<unknown>> {
  readonly #entries = new Map<string, P>();

  /** `dispose` is called with what is forgotten; its failures are ignored. */
  constructor(
    readonly limit: number,
    readonly dispose: (entry: P) => Promise<void>,
  ) {}

  /** The entry under `key`, made by `make` when it is not there. */
  get(key: string, make: () => P): P {
    const known = this.#entries.get(key);
    if (known) {
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return known;
    }
    const made = make();
    this.#entries.set(key, made);
    made.catch(() => {
      if (this.#entries.get(key) === made) this.#entries.delete(key);
    });
    for (const [oldest, entry] of this.#entries) {
      if (this.#entries.size <= this.limit) break;
      this.#entries.delete(oldest);
      this.dispose(entry).catch(() => {});
    }
    return made;
  }
}
