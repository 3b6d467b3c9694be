/**
 * Whole networks: our gradient against a directional difference of the network itself.
 *
 * f(x) = <layer(x), u> for a random u, accumulated in double. ReLU networks are piecewise linear, and a deep one has thousands of kinks
 * near any point, so a wide difference measures another function and a narrow one drowns in float32's rounding. Two things help:
 * the direction is our gradient itself with a seeded half of its pixels left out, along which f changes most against its rounding
 * (a wrong pixel changes the inner product all the same), and differences are taken at halving widths and compared where three
 * neighbours agree best: there neither kinks nor rounding decide. Directions are tried until one has such a place.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { PREPROCESSING } from "../bench/googlenet";
import { nodeRuntime } from "../src/engine/ortNode";
import { gradient } from "../src/autodiff/gradient";
import { canonicalise } from "../src/onnx/canonicalise";
import type { StaticGraph, Tensor } from "../src/onnx/graph";
import type { Preprocessing } from "../src/onnx/preprocessing";
import { readModel } from "../src/onnx/read";
import { f32 } from "../src/onnx/tensor";
import { seeded } from "../src/vis/random";
import { hasSharedData, photo, photoNames, SHARED_DATA } from "./photos";
import { randomTensor } from "./smallGraph";

const EMBEDDED = resolve(import.meta.dirname, "../public/models/mobilenetv3-centernet.onnx");
const UNIT: Preprocessing = {
  ...PREPROCESSING,
  channels: "RGB",
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
  range: 1,
  input: "image",
};
const shared = (name: string) => join(SHARED_DATA, "models", name);

const cases = [
  { title: "GoogLeNet", file: shared("googlenet.onnx"), layer: "inception_4c_output", preprocessing: PREPROCESSING, size: 96 },
  { title: "SqueezeNet", file: shared("squeezenet1_0.onnx"), layer: "conv10", preprocessing: PREPROCESSING, size: 99 },
  { title: "MobileNet v2", file: shared("mobilenet_v2.onnx"), layer: null, preprocessing: UNIT, size: 224 },
  {
    title: "the embedded network",
    file: EMBEDDED,
    layer: "tower_0/CenternetHead/centernet_cls_output/BiasAdd",
    preprocessing: { ...UNIT, input: "tower_0/images", range: 255 as const, mean: [0, 0, 0], std: [1, 1, 1] },
    size: 96,
  },
];

describe("gradients of whole networks", () => {
  for (const { title, file, layer, preprocessing, size } of cases)
    test.skipIf(!existsSync(file))(
      `${title} (needs ${file.startsWith(SHARED_DATA) ? "../shared/data" : "npm run models"})`,
      async () => {
        const graph = readModel(new Uint8Array(readFileSync(file)), title);
        const of = layer ?? graph.outputs[0]!;
        const model = canonicalise(graph, { size: [size, size], batch: 1, until: [of], preprocessing });
        expect(await bestAgreement(model, of, size)).toBeLessThan(1e-2);
      },
    );
});

/** Three neighbouring differences that agree to this are trusted at once. */
const STEADY = 1e-3;

/** Relative difference between the gradient and the steadiest directional difference, over up to eight directions. */
async function bestAgreement(model: StaticGraph, of: string, size: number): Promise<number> {
  const runtime = nodeRuntime(1);
  const forward = await runtime.compile(model, { resident: [] });
  const backward = await runtime.compile(gradient(model, { of, wrt: "image" }), { resident: [] });
  const at = startingPicture(size);
  const u = randomTensor(model.types.get(of)!.shape, 11);
  const grad = (await backward.run({ image: at, cotangent: u }, ["grad"])).grad as Tensor;
  const f = async (along: Tensor, by: number) => {
    const image = f32((at.data as Float32Array).map((v, i) => v + by * Number(along.data[i])), at.shape); // prettier-ignore
    return dot(((await forward.run({ image }, [of]))[of] as Tensor).data, u.data);
  };
  let found = { spread: Infinity, error: Infinity };
  for (let seed = 1; seed <= 8 && found.spread > STEADY; seed++) {
    const along = halfOf(grad, seed);
    const slope = dot(grad.data, along.data);
    const differences: number[] = [];
    for (let eps = 2e-3; eps > 1e-6; eps /= 2) differences.push(((await f(along, eps)) - (await f(along, -eps))) / (2 * eps));
    for (let i = 2; i < differences.length; i++) {
      const [a, b, c] = differences.slice(i - 2, i + 1) as [number, number, number];
      const spread = (Math.max(a, b, c) - Math.min(a, b, c)) / Math.abs(b);
      if (spread < found.spread) found = { spread, error: Math.abs(b - slope) / Math.abs(b) };
    }
  }
  await runtime.dispose();
  return found.error;
}

/** The gradient with each element kept or dropped by a seeded coin, scaled so that the largest is 1. */
function halfOf(grad: Tensor, seed: number): Tensor {
  const random = seeded(seed, "coin");
  const kept = (grad.data as Float32Array).map((v) => (random.uniform() < 0.5 ? v : 0));
  const largest = kept.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  return f32(kept.map((v) => v / largest), grad.shape); // prettier-ignore
}

/** A photo where there is one, else smooth waves of colour. */
function startingPicture(size: number): Tensor {
  if (hasSharedData) return photo(photoNames()[3]!, size);
  const wave = (i: number) => 0.5 + 0.3 * Math.sin((i % size) / 7 + Math.floor(i / size) / 11);
  return f32(Float32Array.from({ length: 3 * size * size }, (_, i) => wave(i)), [1, 3, size, size]); // prettier-ignore
}

function dot(a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Number(a[i]!) * Number(b[i]!);
  return sum;
}
