/** Jobs in a worker that is a MessageChannel here: finish, abort, crash, replacement, and no job left waiting. */
import * as Comlink from "comlink";
import { describe, expect, test } from "vitest";
import type { JobId, Progress } from "../api/engine";
import { Connection, WorkerCrashed, WorkerReplaced } from "./connection";
import { runJob } from "./runJob";

type Report = (p: Progress) => void;

/** What a test's worker does when asked for a picture. */
interface Inside {
  draw(job: JobId, report: Report): Promise<string>;
  cancel(job: JobId): void;
  hold(name: string): Promise<boolean>;
}

/** A Worker whose other end is in this thread. */
class ChannelWorker extends EventTarget {
  readonly #channel = new MessageChannel();
  terminated = false;
  constructor(inside: Inside) {
    super();
    Comlink.expose(inside, this.#channel.port1);
    this.#channel.port2.start();
  }
  postMessage(message: unknown, transfer: Transferable[] = []) {
    this.#channel.port2.postMessage(message, transfer as MessagePort[]);
  }
  override addEventListener(type: string, listener: EventListener) {
    if (type === "message") this.#channel.port2.addEventListener(type, listener);
    else super.addEventListener(type, listener);
  }
  terminate() {
    this.terminated = true;
    this.#channel.port1.close();
  }
}

const step = (n: number, stepsPerSecond = 100): Progress => ({
  phase: "step",
  step: n,
  steps: 9,
  score: n,
  stepsPerSecond,
  frames: null,
});
const forever = () => new Promise<never>(() => {});
const failure = (name: string, message: string) => Object.assign(new Error(message), { name });

/** A connection whose n-th worker draws as `draws[n]` says, the last one over again. */
function connection(...draws: ((job: JobId, report: Report) => Promise<string>)[]) {
  const workers: ChannelWorker[] = [];
  const cancelled: JobId[] = [];
  const made = new Connection<Inside>("The engine", () => {
    const draw = draws[Math.min(workers.length, draws.length - 1)]!;
    workers.push(new ChannelWorker({ draw, cancel: (job) => void cancelled.push(job), hold: async () => false }));
    return workers.at(-1) as unknown as Worker;
  });
  return { connection: made, workers, cancelled };
}

const draw = (c: Connection<Inside>, options: { signal?: AbortSignal; onProgress?: Report } = {}) =>
  runJob(c, (api, job, report) => api.draw(job, report), { signal: new AbortController().signal, ...options });

describe("runJob", () => {
  test("starts the worker when first needed, once; brings result and progress", async () => {
    const { connection: c, workers } = connection(async (job, report) => (report(step(1)), `picture ${job.length}`));
    expect(workers).toHaveLength(0);
    const seen: Progress[] = [];
    expect(await draw(c, { onProgress: (p) => seen.push(p) })).toBe("picture 36");
    await draw(c);
    expect(workers).toHaveLength(1);
    expect(seen.length).toBeLessThanOrEqual(1); // it may lag behind the result, and is then dropped
  });

  test("an abort rejects at once with the signal's reason, tells the worker, and leaves it running", async () => {
    let stop!: (reason: Error) => void;
    const stopped = new Promise<never>((_, reject) => (stop = reject));
    const { connection: c, workers, cancelled } = connection((_, report) => (report(step(1)), stopped));
    const controller = new AbortController();
    const job = draw(c, { signal: controller.signal, onProgress: () => controller.abort(new Error("another channel")) });
    await expect(job).rejects.toThrow("another channel");
    await expect.poll(() => cancelled).toHaveLength(1);
    stop(failure("AbortError", "stopped"));
    await new Promise((resolve) => setTimeout(resolve, 2300));
    expect(workers.map((w) => w.terminated)).toEqual([false]);
  });

  test("an aborted signal starts nothing", async () => {
    const { connection: c, workers } = connection(forever);
    await expect(draw(c, { signal: AbortSignal.abort(new Error("too late")) })).rejects.toThrow("too late");
    expect(workers).toHaveLength(0);
  });

  test("a stuck job is stopped by force after two seconds; the job beside it starts again by itself", async () => {
    const { connection: c, workers } = connection(
      (_, report) => (report(step(1)), forever()),
      async () => "fresh",
    );
    const controller = new AbortController();
    const stuck = draw(c, { signal: controller.signal, onProgress: () => controller.abort(new Error("enough")) });
    const bystander = draw(c);
    await expect(stuck).rejects.toThrow("enough");
    const since = performance.now();
    expect(await bystander).toBe("fresh");
    expect(performance.now() - since).toBeGreaterThan(1500);
    expect(workers.map((w) => w.terminated)).toEqual([true, false]);
  });

  test("a slow step is not a stuck one", async () => {
    const { connection: c, workers } = connection((_, report) => (report(step(1, 0.5)), forever()));
    const controller = new AbortController();
    await draw(c, { signal: controller.signal, onProgress: () => controller.abort() }).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 2500)); // patience is 3 steps of 2 s here
    expect(workers[0]!.terminated).toBe(false);
  });

  test("what a job's cancel leaves behind never stops a later worker", async () => {
    const { connection: c, workers } = connection(
      (_, report) => (report(step(1)), forever()),
      async () => "fresh",
    );
    const controller = new AbortController();
    await draw(c, { signal: controller.signal, onProgress: () => controller.abort() }).catch(() => {});
    workers[0]!.dispatchEvent(new Event("error"));
    expect(await draw(c)).toBe("fresh");
    await new Promise((resolve) => setTimeout(resolve, 2300));
    expect(workers.map((w) => w.terminated)).toEqual([true, false]);
  });
});

describe("a worker that dies", () => {
  test.each([
    [
      "error",
      Object.assign(new Event("error", { cancelable: true }), { message: "boom" }),
      "The engine stopped (boom). Start again; what was stored is kept.",
    ],
    [
      "messageerror",
      new Event("messageerror"),
      "The engine sent something that cannot be read. Start again; what was stored is kept.",
    ],
  ])("by %s: every job is told, and a retry works", async (_, event, message) => {
    const { connection: c, workers } = connection(forever, async () => "fresh");
    const jobs = [draw(c), draw(c)];
    workers[0]!.dispatchEvent(event);
    for (const job of jobs) await expect(job).rejects.toMatchObject({ name: "WorkerCrashed", message });
    expect(workers).toHaveLength(1);
    expect(await draw(c)).toBe("fresh");
  });

  test("is told to whoever asks something short, too", async () => {
    const { connection: c, workers } = connection(forever);
    const crashed = expect(c.crashed).rejects.toBeInstanceOf(WorkerCrashed);
    workers[0]!.dispatchEvent(new Event("error"));
    await crashed;
  });

  test("twice for others' sake: the message says what happened", async () => {
    const { connection: c } = connection(forever);
    const job = draw(c);
    c.life.replace("The engine did not stop in time");
    await new Promise((resolve) => setTimeout(resolve));
    c.life.replace("The engine did not stop in time");
    await expect(job).rejects.toBeInstanceOf(WorkerReplaced);
    await expect(job).rejects.toThrow("The engine did not stop in time. Start again; what was stored is kept.");
  });
});

describe("a job that leaves the worker unusable", () => {
  const lost = () => Promise.reject(failure("DeviceLostError", "the graphics device was lost"));

  test("mid-run: its own message, a fresh worker for the retry", async () => {
    const { connection: c, workers } = connection(
      async (_, report) => {
        report(step(1));
        await new Promise((resolve) => setTimeout(resolve, 50));
        return lost();
      },
      async () => "fresh",
    );
    await expect(draw(c)).rejects.toMatchObject({ name: "DeviceLostError", message: "the graphics device was lost" });
    expect(workers[0]!.terminated).toBe(true);
    expect(await draw(c)).toBe("fresh");
  });

  test("a device found lost before the first step: the job starts again by itself, once", async () => {
    const healed = connection(lost, async () => "fresh");
    expect(await draw(healed.connection)).toBe("fresh");
    const hopeless = connection(lost);
    await expect(draw(hopeless.connection)).rejects.toThrow("the graphics device was lost");
    expect(hopeless.workers).toHaveLength(2);
  });

  test("any other error leaves the worker as it is", async () => {
    const { connection: c, workers } = connection(() => Promise.reject(failure("ObjectiveError", "no such channel")));
    await expect(draw(c)).rejects.toMatchObject({ name: "ObjectiveError", message: "no such channel" });
    expect(workers[0]!.terminated).toBe(false);
  });
});
