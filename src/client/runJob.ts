/** A job in a worker, with cancel, crash and progress in one place. */
import * as Comlink from "comlink";
import type { JobId, Progress } from "../api/engine";
import type { Connection } from "./connection";

export interface JobOptions {
  signal: AbortSignal;
  onProgress?: (p: Progress) => void;
}

/** Starts the job: the callback must be passed on as a top-level argument, which is all that Comlink proxies. */
export type Start<Api, T> = (api: Connection<Api>["api"], job: JobId, report: (p: Progress) => void) => Promise<T>;

/** How long a cancelled job may take to stop before its worker is stopped for it: a stuck shader never yields. */
const PATIENCE_MS = 2000;

/** Errors after which a worker's runtime is of no more use. */
const BROKEN = new Set(["DeviceLostError", "EngineBrokenError"]);

/**
 * Runs one job. Rejects with the signal's reason at once when aborted, with WorkerCrashed when the worker ends, else as the job does;
 * after an error that leaves the worker unusable it is replaced, so that trying again works.
 */
export async function runJob<Api extends { cancel(job: JobId): void }, T>(
  connection: Connection<Api>,
  start: Start<Api, T>,
  { signal, onProgress = () => {} }: JobOptions,
): Promise<T> {
  signal.throwIfAborted();
  const job = crypto.randomUUID();
  const { api, crashed } = connection;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => {
      void Promise.resolve((api as unknown as Pick<Api, "cancel">).cancel(job)).catch(() => {});
      timer = setTimeout(() => connection.restart(`${connection.what} did not stop in time`), PATIENCE_MS);
      reject(signal.reason as Error);
    };
  });
  signal.addEventListener("abort", onAbort, { once: true });
  const report = Comlink.proxy((p: Progress) => void (signal.aborted || onProgress(p)));
  const work = start(api, job, report);
  work.catch((error: unknown) => {
    if (error instanceof Error && BROKEN.has(error.name)) connection.restart(error.message);
  }).finally(() => clearTimeout(timer)); // prettier-ignore
  return Promise.race([work, aborted, crashed]).finally(() => signal.removeEventListener("abort", onAbort));
}
