/** Whole networks with their real weights: our gradient by the adjoint test (adjoint.ts). */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { PREPROCESSING } from "../bench/googlenet";
import { canonicalise } from "../src/onnx/canonicalise";
import type { Preprocessing } from "../src/onnx/preprocessing";
import { readModel } from "../src/onnx/read";
import { disagreement, TOLERANCE } from "./adjoint";
import { SHARED_DATA } from "./photos";

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
