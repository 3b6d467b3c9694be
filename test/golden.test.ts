/** GoogLeNet against activations that Caffe itself computed, and against the labels of real photos. Needs ../shared/data. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { PREPROCESSING } from "../bench/googlenet";
import { nodeRuntime } from "../src/engine/ortNode";
import { canonicalise } from "../src/onnx/canonicalise";
import type { Tensor } from "../src/onnx/graph";
import { readModel } from "../src/onnx/read";
import { f32 } from "../src/onnx/tensor";
import { hasSharedData, photo, photoNames, SHARED_DATA } from "./photos";
import { runGraph } from "./runGraph";

const reference = (name: string, dims: number[]): Tensor => {
  const bytes = new Uint8Array(readFileSync(join(SHARED_DATA, "golden", name)));
  return f32(new Float32Array(bytes.buffer), dims);
};

describe.skipIf(!hasSharedData)("GoogLeNet (needs ../shared/data)", () => {
  const graph = () => readModel(readFileSync(join(SHARED_DATA, "models", "googlenet.onnx")), "googlenet");

  test("agrees with Caffe's own activations to 2e-3 of their range", async () => {
    const { tensors } = JSON.parse(readFileSync(join(SHARED_DATA, "golden", "googlenet.json"), "utf8")) as {
      tensors: Record<string, { file: string; dims: number[] }>;
    };
    const names = Object.keys(tensors).filter((name) => name !== "data");
    const model = canonicalise(graph(), { shapes: { data: tensors.data!.dims }, until: names });
    const results = await runGraph(model, { data: reference(tensors.data!.file, tensors.data!.dims) });
    for (const name of names) {
      const expected = reference(tensors[name]!.file, tensors[name]!.dims);
      const [reference32, ours] = [expected.data as Float32Array, results[name]!.data as Float32Array];
      const range = reference32.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      const worst = reference32.reduce((m, v, i) => Math.max(m, Math.abs(v - ours[i]!)), 0);
      expect(results[name]!.shape).toEqual(expected.shape);
      expect(worst / range, name).toBeLessThan(2e-3);
    }
  });

  test("with the preprocessing folded in, classifies at least 35 of 50 photos rightly", { timeout: 180_000 }, async () => {
    const synsets = readFileSync(join(SHARED_DATA, "labels", "imagenet_synsets.txt"), "utf8").split("\n");
    const model = canonicalise(graph(), { size: [224, 224], batch: 1, preprocessing: PREPROCESSING, until: ["prob"] });
    const runtime = nodeRuntime(1);
    const program = await runtime.compile(model, { resident: [] });
    let right = 0;
    for (const name of photoNames().filter((_, i) => i % 2 === 0)) {
      const { data } = (await program.run({ image: photo(name, 224) }, ["prob"])).prob as Tensor;
      const best = (data as Float32Array).indexOf(Math.max(...(data as Float32Array)));
      if (synsets[best]?.startsWith(name.split("_")[0]!)) right++;
    }
    await runtime.dispose();
    expect(right).toBeGreaterThanOrEqual(35);
  });
});
