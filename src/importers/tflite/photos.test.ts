/** Real .tflite classifiers over real photos, and what a gradient needs of them. Local data only: it is not ours to ship. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hasSharedData, photo, photoNames, SHARED_DATA } from "../../../test/photos";
import { runGraph, runModelBytes } from "../../../test/runGraph";
import { randomTensor, uniformTensor } from "../../../test/smallGraph";
import { gradient, unsupported } from "../../autodiff/gradient";
import { lower } from "../../autodiff/lower";
import { canonicalise } from "../../onnx/canonicalise";
import type { Graph, Tensor } from "../../onnx/graph";
import { sidesOf, type Preprocessing } from "../../onnx/preprocessing";
import { readModel } from "../../onnx/read";
import { f32 } from "../../onnx/tensor";
import { writeModel } from "../../onnx/write";
import { importTflite } from "./import";

const bytesOf = (file: string) => new Uint8Array(readFileSync(join(SHARED_DATA, "models", file)));
const imported = (file: string) => importTflite(bytesOf(file), file);
const V1 = "mobilenet_v1_0.75_192_quant.tflite";
const V2 = "mobilenet_v2_1.0_224_quant.tflite";
const V2_TF2 = "tf2_mobilenet_v2_1.0_224_ptq.tflite";

/** Every photo: MICROGRAPHIA_PHOTOS=100. */
const count = Number(process.env.MICROGRAPHIA_PHOTOS ?? 25);
const chosen = () => photoNames().filter((_, i, all) => i % Math.max(1, Math.floor(all.length / count)) === 0);

/** The first choice of a classifier for each photo, so many at a time. */
async function choices(graph: Graph, preprocessing: Preprocessing, batch = 25): Promise<number[]> {
  const [side] = sidesOf(preprocessing);
  const photos = chosen().map((name) => photo(name, side).data as Float32Array);
  const made: number[] = [];
  while (made.length < photos.length) {
    const part = photos.slice(made.length, made.length + batch);
    const image = f32(new Float32Array(part.length * 3 * side * side), [part.length, 3, side, side]);
    part.forEach((p, i) => (image.data as Float32Array).set(p, i * p.length));
    const model = canonicalise(graph, { batch: part.length, preprocessing, size: [side, side] });
    const scores = (await runGraph(model, { image }))[model.outputs[0]!]!;
    const classes = scores.shape[1]!;
    made.push(...part.map((_, i) => largest((scores.data as Float32Array).subarray(i * classes, (i + 1) * classes))));
  }
  return made;
}

const largest = (row: Float32Array): number => row.indexOf(row.reduce((a, b) => Math.max(a, b)));

/** The right class of each photo among 1001, 0 being the background: files are named by their synset. */
function truth(): number[] {
  const synsets = readFileSync(join(SHARED_DATA, "labels", "imagenet_synsets.txt"), "utf8").trim().split("\n"); // prettier-ignore
  return chosen().map((name) => 1 + synsets.findIndex((line) => line.startsWith(name.slice(0, 9))));
}

const same = (a: readonly number[], b: readonly number[]) => a.filter((x, i) => x === b[i]).length;

describe.skipIf(!hasSharedData)("real classifiers (needs ../shared/data)", () => {
  test("MobileNet v2, uint8, chooses as the same network in ONNX does", async () => {
    const { graph, preprocessing } = imported(V2);
    expect(preprocessing).toEqual({ input: "input", layout: "NCHW", channels: "RGB", range: 255, mean: [128, 128, 128], std: [128, 128, 128], size: 224 }); // prettier-ignore
    const reference = readModel(bytesOf("mobilenet_v2.onnx"), "mobilenet_v2.onnx");
    const ours = await choices(graph, preprocessing!);
    const theirs = await choices(reference, { ...preprocessing!, input: "image" });
    expect(same(ours, theirs) / ours.length, `${same(ours, theirs)} of ${ours.length} agree`).toBeGreaterThanOrEqual(0.98);
  });

  test.each([V2_TF2, V1])("%s classifies rightly", async (file) => {
    const { graph, preprocessing } = imported(file);
    const right = same(await choices(graph, preprocessing!), truth());
    expect(right / chosen().length, `${right} of ${chosen().length} right`).toBeGreaterThanOrEqual(0.75);
  });

  test("as ONNX, they are no larger than they were, and ONNX Runtime runs them as they are", async () => {
    for (const file of [V1, V2, V2_TF2]) {
      const { graph, picture } = imported(file);
      const bytes = writeModel(graph);
      expect(bytes.length).toBeLessThan(1.01 * bytesOf(file).length);
      const x = randomTensor([1, 3, ...picture!.size], 1);
      const [direct, canonical] = [await runModelBytes(bytes, { input: x }), await runGraph(canonicalise(readModel(bytes), { size: picture!.size }), { input: x })]; // prettier-ignore
      const [a, b] = [direct, canonical].map((r) => r[graph.outputs[0]!]!.data as Float32Array);
      expect(Math.max(...a!.map((v, i) => Math.abs(v - b![i]!)))).toBeLessThan(1e-4);
    }
  });

  test("every layer, up to the last, has a gradient, at another size than their own", () => {
    for (const file of [V1, V2, V2_TF2]) {
      const { graph, preprocessing } = imported(file);
      const model = canonicalise(graph, { preprocessing: preprocessing!, size: [128, 160] });
      expect(unsupported(model, { of: model.outputs[0]!, wrt: "image" })).toEqual([]);
      expect(model.types.get(model.outputs[0]!)!.shape).toEqual([1, 1001]);
    }
  });

  test("the gradient is the adjoint of the network's derivative", async () => {
    const { graph, preprocessing } = imported(V2);
    const of = "MobilenetV2/expanded_conv_4/add";
    const model = canonicalise(graph, { preprocessing: preprocessing!, size: [64, 64], until: [of] });
    const image = uniformTensor([1, 3, 64, 64], 3);
    const cotangent = randomTensor(model.types.get(of)!.shape, 4);
    const { grad } = await runModelBytes(writeModel(lower(gradient(model, { of, wrt: "image" }), "wasm")), { image, cotangent });
    // Along the gradient itself the difference is far above rounding; ReLU6's kinks ask for a small step.
    const g = grad!.data as Float32Array;
    const norm = Math.sqrt(dot(g, g));
    const moved = (by: number): Tensor =>
      f32((image.data as Float32Array).map((v, i) => v + (by * g[i]!) / norm), image.shape); // prettier-ignore
    const f = async (by: number) => dot((await runGraph(model, { image: moved(by) }))[of]!.data, cotangent.data);
    const slopes = await Promise.all([0.1, 0.05, 0.02].map(async (h) => ((await f(h)) - (await f(-h))) / (2 * h)));
    expect(Math.min(...slopes.map((slope) => Math.abs(slope / norm - 1)))).toBeLessThan(1e-2);
  });
});

const dot = (a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint>): number =>
  Array.from(a).reduce<number>((sum, x, i) => sum + Number(x) * Number(b[i]), 0);
