/** The pictures' worth on GoogLeNet at reduced cost: `npm run quality` makes the whole table. */
import { describe, expect, test } from "vitest";
import { LAYER, PREPROCESSING } from "../bench/googlenet";
import { nodeRuntime } from "../src/engine/ortNode";
import { compileGoal } from "../src/engine/goal";
import { renderPicture } from "../src/engine/render";
import type { Stepper } from "../src/engine/stepper";
import { lucid } from "../src/vis/recipes";
import { FACTOR, readGooglenet } from "./googlenet";
import { hasSharedData } from "./photos";

/** Highest mean of each channel over 100 photos, 224 px, centre square, as `npm run quality` printed it; 2 and 300 start dead. */
const BEST_PHOTO: readonly (readonly [channel: number, mean: number, startsDead: boolean])[] = [
  [2, 26.5, true],
  [300, 22.1, true],
  [9, 19.7, false],
  [100, 25.2, false],
];

describe.skipIf(!hasSharedData)("Lucid's recipe on GoogLeNet's inception_4c_output", () => {
  test("48 steps at 128 px excite channels far more than the best photo, dead ones included", async () => {
    const recipe = { ...lucid, steps: 48 };
    const runtime = nodeRuntime(1);
    const graph = readGooglenet();
    const { signal } = new AbortController();
    let stepper: Promise<Stepper> | undefined; // one compiled step serves every channel
    for (const [channel, best, startsDead] of BEST_PHOTO) {
      const objective = { kind: "channel", layer: LAYER, channel } as const;
      const goal = await compileGoal(
        runtime,
        { graph, preprocessing: PREPROCESSING, objective, recipe },
        (_, make) => (stepper ??= make()),
      );
      const { scores } = await renderPicture(goal, { recipe, signal });
      const last = scores.slice(-8).reduce((a, b) => a + b, 0) / 8; // the transforms make single steps jump
      if (startsDead) expect(scores[0], `channel ${channel} at the start`).toBe(0);
      expect(last / best, `channel ${channel} against the best photo`).toBeGreaterThan(FACTOR);
    }
    await runtime.dispose();
  }, 300_000);
});
