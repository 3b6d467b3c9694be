/** What e2e/engine.spec.ts calls in the browser: pictures through src/client, with a fault in the middle when asked. */
import type { DeviceChoice, Picture, Progress } from "../../src/api/engine";
import { Connection } from "../../src/client/connection";
import { runJob } from "../../src/client/runJob";
import { lucid } from "../../src/vis/recipes";
import { LAYER, tinyCard } from "../../test/tinyModel";
import type { FaultyEngine } from "./engine.worker";

/** Few kinds of nodes: on a software adapter, making the shaders takes most of the time. */
const PLAIN = { size: 32, parametrization: { kind: "pixel", sd: 0.01 }, color: "plain", redirectSteps: 0 } as const;

let started = 0;
const engine = new Connection<FaultyEngine>("The engine", () => {
  started++;
  return new Worker(new URL("./engine.worker.ts", import.meta.url), { type: "module" });
});

export interface Outcome {
  /** "made", or the name of the error. */
  end: string;
  message: string;
  /** The last step that was reported, and how many events told of steps. */
  step: number;
  events: number;
  device: string;
  frames: number;
  /** Workers started so far. */
  workers: number;
  elapsedMs: number;
}

type Fault = "loseDevice" | "vanish" | "crash" | "hang" | "abort" | null;

/** One picture. The fault happens when `at` steps were reported; a hung worker is then aborted. */
async function draw(device: DeviceChoice, steps: number, fault: Fault = null, at = 2): Promise<Outcome> {
  const controller = new AbortController();
  const seen = { step: 0, events: 0, frames: 0, device: "" };
  let faulty = fault;
  const onProgress = (p: Progress) => {
    if (p.phase === "compile") seen.device = p.device.label;
    if (p.phase !== "step") return;
    seen.step = p.step;
    seen.events++;
    if (p.frames) seen.frames++;
    if (!faulty || p.step < at) return;
    if (faulty !== "abort") void engine.api[faulty]();
    if (faulty === "abort" || faulty === "hang") setTimeout(() => controller.abort(new Error("no longer wanted")), 100);
    faulty = null;
  };
  const begun = performance.now();
  const ended = (end: string, message: string): Outcome => ({
    end,
    message,
    ...seen,
    workers: started,
    elapsedMs: performance.now() - begun,
  });
  const recipe = { ...lucid, ...PLAIN, transforms: [], steps };
  const objective = { kind: "channel", layer: LAYER, channel: 3 } as const;
  try {
    const request = { weights: "tiny", card: tinyCard, objective, recipe, device };
    const made = await runJob(engine, (api, job, report) => api.render(job, request, report), {
      signal: controller.signal,
      onProgress,
    });
    const [{ width, height }] = made.pictures as [Picture];
    return ended("made", `${width} x ${height}, ${made.scores.length} steps on ${made.device.backend}`);
  } catch (error) {
    return ended((error as Error).name, (error as Error).message);
  }
}

const page = { draw, device: (choice: DeviceChoice) => engine.api.device(choice) };
export type EnginePage = typeof page;
Object.assign(window, { page });
