/** Our gradient of GoogLeNet against TF.js's, an independent implementation, on one photo. Needs ../shared/data. */
import * as tf from "@tensorflow/tfjs";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LAYER, PREPROCESSING } from "../bench/googlenet";
import { tfjsNetwork } from "../bench/tfjs";
import { gradient } from "../src/autodiff/gradient";
import { canonicalise } from "../src/onnx/canonicalise";
import { readModel } from "../src/onnx/read";
import { hasSharedData, photo, photoNames, SHARED_DATA } from "./photos";
import { runGraph } from "./runGraph";
import { randomTensor } from "./smallGraph";

const SIZE = 64;

test.skipIf(!hasSharedData)(
  "GoogLeNet's gradient at inception_4c_output equals TF.js's to 1e-4 (needs ../shared/data)",
  async () => {
    const graph = readModel(readFileSync(join(SHARED_DATA, "models", "googlenet.onnx")), "googlenet");
    const model = canonicalise(graph, { size: [SIZE, SIZE], batch: 1, until: [LAYER], preprocessing: PREPROCESSING });
    const image = photo(photoNames()[0]!, SIZE);
    const shape = model.types.get(LAYER)!.shape;
    const cotangent = randomTensor(shape, 1);
    const ours = await runGraph(gradient(model, { of: LAYER, wrt: "image" }), { image, cotangent });

    await tf.setBackend("cpu");
    const network = tfjsNetwork(tf, graph, LAYER, PREPROCESSING);
    const x = tf.tensor4d(image.data as Float32Array, image.shape as [number, number, number, number]);
    const dy = tf.tensor4d(cotangent.data as Float32Array, [...shape] as [number, number, number, number]);
    const theirs = { value: await network.forward(x).data(), grad: await network.gradient(x, dy).data() };

    expect(relative(ours[LAYER]!.data as Float32Array, theirs.value as Float32Array)).toBeLessThan(1e-4);
    expect(relative(ours.grad!.data as Float32Array, theirs.grad as Float32Array)).toBeLessThan(1e-4);
  },
);

/** |a - b| / |b|, Euclidean. */
function relative(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  let [difference, size] = [0, 0];
  a.forEach((v, i) => {
    difference += (v - b[i]!) ** 2;
    size += b[i]! ** 2;
  });
  return Math.sqrt(difference / size);
}
