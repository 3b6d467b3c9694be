/**
 * One worker and its life: started when first needed, watched while it lives, replaced when it dies or must be stopped by force.
 *
 * `crashed` rejects when the worker ends in any way: an uncaught error, a silent death (its lock comes free), or a restart.
 * Whoever waits for the worker races with it, so nothing waits for ever.
 */
import * as Comlink from "comlink";
import type { Lifeline } from "../api/lifeline";

/** The worker ended before it answered. */
export class WorkerCrashed extends Error {
  override readonly name = "WorkerCrashed";
}

interface Life<Api> {
  worker: Worker;
  api: Comlink.Remote<Api & Lifeline>;
  crashed: Promise<never>;
  end: (reason: Error) => void;
}

export class Connection<Api> {
  #life: Life<Api> | null = null;

  /** `start` makes the worker; `what` names it in messages. */
  constructor(
    readonly what: string,
    readonly start: () => Worker,
  ) {}

  /** The worker's interface; starts it when it is not running. */
  get api(): Comlink.Remote<Api & Lifeline> {
    return this.#alive().api;
  }

  /** Rejects with WorkerCrashed when the worker that is now running ends. */
  get crashed(): Promise<never> {
    return this.#alive().crashed;
  }

  /** Ends the worker at once; the next use starts a fresh one. */
  restart(reason = `${this.what} was stopped`): void {
    this.#life?.end(new WorkerCrashed(`${reason}. Start again; what was stored is kept.`));
  }

  #alive(): Life<Api> {
    return (this.#life ??= this.#begin());
  }

  #begin(): Life<Api> {
    const worker = this.start();
    let end!: (reason: Error) => void;
    const crashed = new Promise<never>((_, reject) => {
      end = (reason) => {
        worker.terminate();
        if (this.#life === life) this.#life = null;
        reject(reason);
      };
    });
    crashed.catch(() => {});
    const life: Life<Api> = { worker, api: Comlink.wrap<Api & Lifeline>(worker), crashed, end };
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      end(
        new WorkerCrashed(
          `${this.what} stopped${event.message ? ` (${event.message})` : ""}. Start again; what was stored is kept.`,
        ),
      );
    });
    worker.addEventListener("messageerror", () =>
      end(new WorkerCrashed(`${this.what} sent something that cannot be read. Start again.`)),
    );
    void this.#watch(life);
    return life;
  }

  /** Waits for the lock that the worker holds: it comes free when the worker is gone, whatever ended it. */
  async #watch({ api, end }: Life<Api>): Promise<void> {
    const name = `micrographia ${this.what} ${crypto.randomUUID()}`;
    try {
      if (!(await api.hold(name))) return;
      await navigator.locks.request(name, () => {});
      end(
        new WorkerCrashed(
          `${this.what} ended without a word, perhaps out of memory. Start again, perhaps with a smaller picture.`,
        ),
      );
    } catch {
      // no locks here: crashes that raise an error event are still seen
    }
  }
}
