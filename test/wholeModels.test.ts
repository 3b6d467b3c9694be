/**
 * Whole networks: our gradient, in ORT's float32, against directional differences of the network in double (float64.ts).
 *
 * f(x) = <layer(x), u> for a random u; the slope of f along random directions v of unit-variance noise is compared with <grad, v>.
 * ReLU networks are piecewise linear with thousands of kinks near any point: float32 has no width of the difference that is
 * narrow enough for them and wide enough for its rounding (1e-2 at best, measured). In double, a width of 1e-8 crosses none, and
 * agreement is about 1e-6. Where float32's rounding puts one unit on the other side of its kink, gradients truly differ by that
 * unit's share, up to 1e-2: then another starting picture is taken. A wrong rule is wrong at each.
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
import { runInDouble } from "./float64";
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
  { title: "MobileNet v2", file: shared("mobilenet_v2.onnx"), layer: null, preprocessing: UNIT, size: 96 },
  {
    title: "the embedded network",
    file: EMBEDDED,
    layer: "tower_0/CenternetHead/centernet_cls_output/BiasAdd",
    preprocessing: { ...UNIT, input: "tower_0/images", range: 255 as const, mean: [0, 0, 0], std: [1, 1, 1] },
    size: 96,
  },
];

const TOLERANCE = 1e-3;

describe("gradients of whole networks", () => {
  for (const { title, file, layer, preprocessing, size } of cases)
    test.skipIf(!existsSync(file))(
      `${title} (needs ${file.startsWith(SHARED_DATA) ? "../shared/data" : "npm run models"})`,
      async () => {
        const graph = readModel(new Uint8Array(readFileSync(file)), title);
        const of = layer ?? graph.outputs[0]!;
        const model = canonicalise(graph, { size: [size, size], batch: 1, until: [of], preprocessing });
        expect(await disagreement(model, of, size)).toBeLessThan(TOLERANCE);
      },
    );
});

const STARTS = 4;
const DIRECTIONS = 2;
const EPS = 1e-8;

/** |slopes - <grad, v>| / |slopes| over the directions, at the first starting picture where it is below TOLERANCE, else the least. */
async function disagreement(model: StaticGraph, of: string, size: number): Promise<number> {
  const runtime = nodeRuntime(1);
  const network = await runtime.compile(gradient(model, { of, wrt: "image" }), { resident: [] });
  const cotangent = randomTensor(model.types.get(of)!.shape, 11);
  let least = Infinity;
  for (let start = 0; start < STARTS && least >= TOLERANCE; start++) {
    const image = startingPicture(start, size);
    const grad = (await network.run({ image, cotangent }, ["grad"])).grad as Tensor;
    let [wrong, size2] = [0, 0];
    for (let seed = 1; seed <= DIRECTIONS; seed++) {
      const along = randomTensor(image.shape, seed).data;
      const f = (by: number) => {
        const moved = Float64Array.from(image.data as Float32Array, (v, i) => v + by * Number(along[i]));
        return dot(runInDouble(model, { image: moved }, of), cotangent.data);
      };
      const slope = (f(EPS) - f(-EPS)) / (2 * EPS);
      wrong += (slope - dot(grad.data, along)) ** 2;
      size2 += slope ** 2;
    }
    least = Math.min(least, Math.sqrt(wrong / size2));
  }
  await runtime.dispose();
  return least;
}

/** A photo where there is one, else smooth waves of colour. */
function startingPicture(start: number, size: number): Tensor {
  if (hasSharedData) return photo(photoNames()[3 + start]!, size);
  const wave = (i: number) => 0.5 + 0.3 * Math.sin(start + (i % size) / 7 + Math.floor(i / size) / 11);
  return f32(Float32Array.from({ length: 3 * size * size }, (_, i) => wave(i)), [1, 3, size, size]); // prettier-ignore
}

function dot(a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Number(a[i]!) * Number(b[i]!);
  return sum;
}
