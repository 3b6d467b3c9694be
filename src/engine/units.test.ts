/** The engine's jobs on units, over WASM: a tiny network against plain loops, and GoogLeNet against what is known of its first layer. */
import { describe, expect, test } from "vitest";
import { runGraph } from "../../test/runGraph";
import { LAYER, tinyCard, tinyModel } from "../../test/tinyModel";
import type { Picture, Progress } from "../api/engine";
import { canonicalise } from "../onnx/canonicalise";
import { readModel } from "../onnx/read";
import { seeded } from "../vis/random";
import { networkInput } from "../vis/resample";
import { Engine } from "./engine";
import { nodeRuntime } from "./ortNode";

const runtime = nodeRuntime(1);
let compiled = 0;
const engine = new Engine({
  readWeights: async () => tinyModel(),
  readLabels: async () => "",
  device: async () => ({ backend: "wasm", label: "WASM", reason: null }),
  makeRuntime: async () => ({ ...runtime, compile: (...args) => (compiled++, runtime.compile(...args)) }),
});
const random = seeded(3, "pictures");
const picture = (width: number, height: number): Picture => ({
  width,
  height,
  rgba: Uint8ClampedArray.from({ length: 4 * width * height }, () => random.integer(256)),
});
const pictures = [picture(40, 32), picture(32, 32), picture(20, 60), picture(64, 64), picture(32, 32)];
const base = { weights: "tiny", card: tinyCard, device: "auto" } as const;
const quiet = () => {};

describe("examine", () => {
  test("maximum, its place and mean of every unit, as loops over the activations find them", async () => {
    const { size, layers } = await engine.examine("1", { ...base, layers: ["relu1", LAYER], pictures }, quiet);
    expect(size).toEqual([32, 32]);
    expect(layers.map(({ layer, channels, grid }) => [layer, channels, grid])).toEqual([
      ["relu1", 8, [16, 16]],
      [LAYER, 16, [16, 16]],
    ]);
    const model = canonicalise(readModel(tinyModel(), "tiny"), {
      size: [32, 32],
      batch: 1,
      preprocessing: tinyCard.preprocessing,
      until: [LAYER],
    });
    for (const [n, { width, height, rgba }] of pictures.entries()) {
      const image = networkInput({ width, height, data: rgba, channels: 4 }, [32, 32]);
      const act = (await runGraph(model, { [model.inputs[0]!.name]: image }))[LAYER]!.data as Float32Array;
      for (let c = 0; c < 16; c++) {
        const own = [...act.subarray(c * 256, (c + 1) * 256)];
        const at = n * 16 + c;
        expect(layers[1]!.max[at]).toBeCloseTo(Math.max(...own), 4);
        expect(own[layers[1]!.argmax[at]!]).toBeCloseTo(Math.max(...own), 4);
        expect(layers[1]!.mean[at]).toBeCloseTo(own.reduce((a, b) => a + b) / 256, 4);
      }
    }
  });

  test("what was compiled is kept; progress counts pictures; a cancel is heard", async () => {
    const before = compiled;
    const events: Progress[] = [];
    await engine.examine("2", { ...base, layers: ["relu1", LAYER], pictures }, (p) => events.push(p));
    expect(compiled).toBe(before);
    expect(events.at(-1)).toEqual({ phase: "compare", done: 5, of: 5 });
    const many = engine.examine("3", { ...base, layers: ["relu1", LAYER], pictures: Array(400).fill(pictures[0]) }, (p) => {
      if (p.phase === "compare") engine.cancel("3");
    });
    await expect(many).rejects.toMatchObject({ name: "AbortError" });
  });
});
