/**
 * One worker and its lives: started when first needed, watched while it lives, replaced when it dies or must be stopped by force.
 *
 * A life's `crashed` rejects when it ends in any way: an uncaught error, a silent death (its lock comes free), or by force.
 * Whoever waits for the worker races with it, so nothing waits for ever. Where there are no locks (a page without https, a sandboxed
 * frame), silent deaths go unseen; deaths with an error event, and jobs that do not stop when told, are still dealt with.
 */
import * as Comlink from "comlink";
import type { Lifeline } from "../api/lifeline";

/** The worker ended before it answered. */
export class WorkerCrashed extends Error {
  override readonly name: string = "WorkerCrashed";
}

/** The worker was replaced by force, because a job in it did not stop or left it unusable. */
export class WorkerReplaced extends WorkerCrashed {
  override readonly name = "WorkerReplaced";
}

/** One run of the worker, from its start to its end. */
export interface Life<Api> {
  readonly api: Comlink.Remote<Api & Lifeline>;
  /** Rejects with WorkerCrashed when this worker ends. */
  readonly crashed: Promise<never>;
  /** Ends this worker at once, and no other: the next use starts a fresh one. */
  replace(reason: string): void;
}

const KEPT = "Start again; what was stored is kept.";

export class Connection<Api> {
  #life: Life<Api> | null = null;

  /** `start` makes the worker; `what` names it in messages. */
  constructor(
    readonly what: string,
    readonly start: () => Worker,
  ) {}

  /** The worker that runs now; starts one when none does. */
  get life(): Life<Api> {
    return (this.#life ??= this.#begin());
  }

  get api(): Life<Api>["api"] {
    return this.life.api;
  }

  get crashed(): Promise<never> {
    return this.life.crashed;
  }

  #begin(): Life<Api> {
    const worker = this.start();
    const api = Comlink.wrap<Api & Lifeline>(worker);
    let fail!: (reason: WorkerCrashed) => void;
    const crashed = new Promise<never>((_, reject) => (fail = reject));
    crashed.catch(() => {}); // a death while nobody waits is no unhandled rejection
    const end = (reason: WorkerCrashed) => {
      worker.terminate();
      if (this.#life === life) this.#life = null;
      fail(reason);
    };
    const life: Life<Api> = { api, crashed, replace: (reason) => end(new WorkerReplaced(`${reason}. ${KEPT}`)) };
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      end(new WorkerCrashed(`${this.what} stopped${event.message ? ` (${event.message})` : ""}. ${KEPT}`));
    });
    worker.addEventListener("messageerror", () =>
      end(new WorkerCrashed(`${this.what} sent something that cannot be read. ${KEPT}`)),
    );
    void this.#watch(life, end);
    return life;
  }

  /** Waits for the lock that the worker holds: it comes free when the worker is gone, whatever ended it. */
  async #watch({ api, crashed }: Life<Api>, end: (reason: WorkerCrashed) => void): Promise<void> {
    const name = `micrographia ${this.what} ${crypto.randomUUID()}`;
    try {
      if (!(await Promise.race([api.hold(name), crashed]))) return;
      await navigator.locks.request(name, () => {});
      end(
        new WorkerCrashed(
          `${this.what} ended without a word, perhaps out of memory. Start again, perhaps with a smaller picture; what was stored is kept.`,
        ),
      );
    } catch {
      // ended before it held the lock: its error event has told
    }
  }
}
