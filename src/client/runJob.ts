/** A job in a worker, with cancel, crash and progress in one place. */
import * as Comlink from "comlink";
import type { JobId, Progress } from "../api/engine";
import { WorkerReplaced, type Connection, type Life } from "./connection";

export interface JobOptions {
  signal: AbortSignal;
  onProgress?: (p: Progress) => void;
}

/** Starts the job: the callback must be passed on as a top-level argument, which is all that Comlink proxies. */
export type Start<Api, T> = (api: Life<Api>["api"], job: JobId, report: (p: Progress) => void) => Promise<T>;

/** How long a cancelled job may take to stop before its worker is stopped for it: a stuck shader never yields. */
const PATIENCE_MS = 2000;
/** A step of a big picture on a small machine is not stuck; it may take this many times what the job's steps took on average. */
const PATIENCE_STEPS = 3;
/** Loading and compiling cannot be interrupted, and what they make is kept for the next job. */
const PATIENCE_COMPILING_MS = 10_000;

/** Errors after which a worker's runtime is of no more use. */
const BROKEN = new Set(["DeviceLostError", "EngineBrokenError"]);

/**
 * Runs one job. Rejects with the signal's reason at once when aborted, with WorkerCrashed when the worker ends, else as the job does.
 * After an error that leaves the worker unusable it is replaced, so that trying again works.
 *
 * A job is started a second time, once and by itself, when it did no wrong: its worker was replaced for another job's sake, or the
 * graphics device turned out to be lost (a laptop that slept) before the job made its first step.
 */
export async function runJob<Api extends { cancel(job: JobId): void }, T>(
  connection: Connection<Api>,
  start: Start<Api, T>,
  options: JobOptions,
): Promise<T> {
  const first = new Attempt(connection, start, options);
  try {
    return await first.run();
  } catch (error) {
    if (options.signal.aborted || !first.isBlameless(error)) throw error;
    return await new Attempt(connection, start, options).run();
  }
}

class Attempt<Api extends { cancel(job: JobId): void }, T> {
  readonly #job = crypto.randomUUID();
  #last: Progress | null = null;
  /** Nothing is reported after the end: what an aborted job said last may still be on its way. */
  #over = false;

  constructor(
    readonly connection: Connection<Api>,
    readonly start: Start<Api, T>,
    readonly options: JobOptions,
  ) {}

  async run(): Promise<T> {
    const { signal } = this.options;
    signal.throwIfAborted();
    const { life } = this.connection;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let onAbort = () => {};
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => {
        reject(signal.reason as Error);
        void Promise.resolve((life.api as unknown as Pick<Api, "cancel">).cancel(this.#job)).catch(() => {}); // polite: between steps
        timer = setTimeout(() => life.replace(`${this.connection.what} did not stop in time`), this.#patienceMs()); // firm
      };
    });
    signal.addEventListener("abort", onAbort, { once: true });
    const work = this.start(life.api, this.#job, Comlink.proxy(this.#report));
    const settled = () => clearTimeout(timer);
    work.then(settled, (error: unknown) => {
      settled();
      if (error instanceof Error && BROKEN.has(error.name)) life.replace(`${this.connection.what} was of no more use`);
    });
    try {
      return await Promise.race([work, aborted, life.crashed]);
    } finally {
      this.#over = true;
      signal.removeEventListener("abort", onAbort);
    }
  }

  isBlameless(error: unknown): boolean {
    if (error instanceof WorkerReplaced) return true;
    return error instanceof Error && error.name === "DeviceLostError" && this.#last?.phase !== "step";
  }

  readonly #report = (progress: Progress): void => {
    this.#last = progress;
    if (!this.#over) this.options.onProgress?.(progress);
  };

  #patienceMs(): number {
    switch (this.#last?.phase) {
      case "step":
        return Math.max(PATIENCE_MS, (PATIENCE_STEPS * 1000) / this.#last.stepsPerSecond);
      case "download":
      case "verify":
        return PATIENCE_MS;
      default: // it, or the job it waits for, loads and compiles
        return PATIENCE_COMPILING_MS;
    }
  }
}
