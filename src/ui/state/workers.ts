/** The page's Machine: the engine's and the store's workers, through src/client. */
import { connectEngine, connectStore } from "../../client/connect";
import { type Connection, WorkerCrashed } from "../../client/connection";
import { runJob } from "../../client/runJob";
import type { Machine } from "./machine";

/** Longer than a cancelled job is waited for before its worker is replaced (client/runJob.ts). */
const AFTER_CANCEL_MS = 6000;

export function connectWorkers(): Machine {
  const engine = connectEngine();
  const store = connectStore();
  let cancelledAt = -Infinity;

  const ask = <Api, T>(connection: Connection<Api>, question: (api: Connection<Api>["api"]) => Promise<T>): Promise<T> =>
    Promise.race([question(connection.api), connection.crashed]);

  return {
    fetch: (id, file, task) => runJob(store, (api, job, report) => api.fetch(job, id, file, report), task),
    list: () => ask(store, (api) => api.list()),
    remove: (sha256) => ask(store, (api) => api.remove(sha256)),
    quota: () => ask(store, (api) => api.quota()),
    open: (weights, card, task) => runJob(engine, (api, job) => api.open(job, weights, card), task),
    async render(request, task) {
      task.signal.addEventListener("abort", () => (cancelledAt = performance.now()), { once: true });
      const start = () => runJob(engine, (api, job, report) => api.render(job, request, report), task);
      try {
        return await start();
      } catch (error) {
        // The job before this one would not stop, so the worker that both were in was replaced: this one did no wrong.
        const bystander = error instanceof WorkerCrashed && performance.now() - cancelledAt < AFTER_CANCEL_MS;
        if (!bystander || task.signal.aborted) throw error;
        return await start();
      }
    },
    device: (choice) => ask(engine, (api) => api.device(choice)),
  };
}
