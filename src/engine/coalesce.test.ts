import { describe, expect, test } from "vitest";
import type { Picture, Progress } from "../api/engine";
import { coalesce } from "./coalesce";

const step = (n: number, frames: Picture[] | null = null): Progress => ({
  phase: "step",
  step: n,
  steps: 100,
  score: n,
  stepsPerSecond: 1,
  frames,
});
const picture = (): Picture => ({ width: 1, height: 1, rgba: new Uint8ClampedArray(4) });

function recorder() {
  const sent: Progress[] = [];
  let now = 0;
  const { report, flush } = coalesce((p) => void sent.push(p), undefined, () => now); // prettier-ignore
  return {
    sent,
    report,
    flush,
    wait: (ms: number) => (now += ms),
    steps: () => sent.map((p) => (p.phase === "step" ? p.step : p.phase)),
  };
}

describe("coalesce", () => {
  test("one step event per 50 ms, and the last always", () => {
    const { report, flush, wait, steps } = recorder();
    for (let n = 1; n <= 20; n++) {
      report(step(n));
      wait(10);
    }
    void flush();
    expect(steps()).toEqual([1, 6, 11, 16, 20]);
  });

  test("a change of phase is never swallowed, and comes after the last step of the one before", () => {
    const { report, steps } = recorder();
    report({ phase: "load" });
    report(step(1));
    report(step(2));
    report({ phase: "load" });
    expect(steps()).toEqual(["load", 2, "load"]);
  });

  test("frames go out at once, with its own step", () => {
    const { report, sent } = recorder();
    report(step(1));
    report(step(2));
    const frames = [picture()];
    report(step(3, frames));
    expect(sent.at(-1)).toMatchObject({ step: 3, frames });
  });

  test("nothing held, nothing sent twice", async () => {
    const { report, flush, sent } = recorder();
    report(step(1));
    await flush();
    await flush();
    expect(sent).toHaveLength(1);
  });

  test("a page that no longer listens does no harm", async () => {
    const { report, flush } = coalesce(() => Promise.reject(new Error("port closed")));
    report({ phase: "load" });
    await flush();
  });
});
