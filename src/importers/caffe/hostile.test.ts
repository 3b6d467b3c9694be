/** Damaged prototxts and caffemodels: refused in words, soon, and without taking memory for what they claim. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { injured, injuredText } from "../../../test/mutate";
import { SHARED_DATA } from "../../../test/photos";
import { randomTensor } from "../../../test/smallGraph";
import { caffemodel } from "../../../test/tinyCaffe";
import { canonicalise } from "../../onnx/canonicalise";
import { ModelFormatError } from "../../onnx/graph";
import { seeded } from "../../vis/random";
import { importCaffe, type CaffeFiles } from "./import";

const TINY = `name: "tiny"
input: "data"
input_dim: [10, 3, 12, 12]
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1" convolution_param { num_output: 4 kernel_size: 3 pad: 1 } }
layer { name: "bn1" type: "BatchNorm" bottom: "conv1" top: "conv1" }
layer { name: "scale1" type: "Scale" bottom: "conv1" top: "conv1" scale_param { bias_term: true } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 } }
layer { name: "halves" type: "Slice" bottom: "pool1" top: "left" top: "right" slice_param { axis: 1 slice_point: 2 } }
layer { name: "join" type: "Concat" bottom: "left" bottom: "right" bottom: "pool1" top: "join" concat_param { axis: 1 } }
layer { name: "big" type: "Interp" bottom: "join" top: "big" interp_param { zoom_factor: 2 } }
layer { name: "shape" type: "Reshape" bottom: "join" top: "shape" reshape_param { shape { dim: 0 dim: -1 dim: 7 } } }
layer { name: "norm" type: "LRN" bottom: "big" top: "norm" lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 } }
layer { name: "fc" type: "InnerProduct" bottom: "join" top: "fc" inner_product_param { num_output: 5 } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
`;
const weights = caffemodel({
  conv1: [randomTensor([4, 3, 3, 3], 1), randomTensor([4], 2)],
  bn1: [randomTensor([4], 3), randomTensor([4], 4), randomTensor([1], 5)],
  scale1: [randomTensor([4], 6), randomTensor([4], 7)],
  fc: [randomTensor([5, 392], 8), randomTensor([5], 9)],
});

/** Imports injured files: either the injury is harmless, or it is refused as what it is, within the time allowed. */
function refusedOrRead(files: CaffeFiles): "refused" | "read" {
  const start = performance.now();
  try {
    const { graph } = importCaffe({ what: "m.prototxt", weightsWhat: "m.caffemodel", ...files });
    try {
      canonicalise(graph, { size: [16, 16], batch: 1 });
    } catch (error) {
      expect(error).not.toBeInstanceOf(TypeError);
    }
    return "read";
  } catch (error) {
    if (!(error instanceof ModelFormatError)) throw error;
    expect(error.message).toMatch(/m\.prototxt|m\.caffemodel/);
    return "refused";
  } finally {
    expect(performance.now() - start).toBeLessThan(2000);
  }
}

describe("injuries", () => {
  test("none: the files are sound", () => {
    expect(refusedOrRead({ prototxt: TINY, caffemodel: weights })).toBe("read");
    expect(refusedOrRead({ prototxt: TINY, caffemodel: null })).toBe("read");
  });

  test.each([
    ["with weights", weights],
    ["alone", null],
  ])("200 of a prototxt %s", (_, caffemodel) => {
    const random = seeded(1, "injuries");
    const results = Array.from({ length: 200 }, () => refusedOrRead({ prototxt: injuredText(TINY, random), caffemodel }));
    expect(results.filter((r) => r === "refused").length).toBeGreaterThan(80);
  });

  test("200 of a caffemodel", () => {
    const random = seeded(2, "injuries");
    const results = Array.from({ length: 200 }, () => refusedOrRead({ prototxt: TINY, caffemodel: injured(weights, random) }));
    expect(results.filter((r) => r === "refused").length).toBeGreaterThan(60);
  });

  const real = join(SHARED_DATA, "prototxt", "deploy_googlenet_places365.prototxt");
  test.skipIf(!existsSync(real))("60 of a real prototxt (needs ../shared/data/prototxt)", () => {
    const text = readFileSync(real, "utf8");
    const random = seeded(3, "injuries");
    const results = Array.from({ length: 60 }, () => refusedOrRead({ prototxt: injuredText(text, random), caffemodel: null }));
    expect(results.filter((r) => r === "refused").length).toBeGreaterThan(20);
  });
});

describe("claims without end, soon", () => {
  const head = `input: "d" input_dim: [1, 3, 8, 8]\n`;
  const many = (count: number, text: (i: number) => string) => Array.from({ length: count }, (_, i) => text(i)).join(" ");
  test.each<[string, string, string | null]>([
    ["tops", `layer { type: "Split" bottom: "d" ${many(40_000, (i) => `top: "${i}"`)} }`, 'Split "" has 40000 tops; at most 1000 are understood.'],
    ["bottoms", `layer { type: "Eltwise" ${'bottom: "d" '.repeat(40_000)} top: "x" }`, 'Eltwise "" has 40000 bottoms; at most 1000 are understood.'],
    ["outputs", many(5000, (i) => `layer { type: "ReLU" bottom: "d" top: "${i}" }`), "makes 5000 blobs that no layer reads; at most 1000 are understood."],
    ["layers in place", `layer { type: "ReLU" bottom: "d" top: "x" }${'layer { type: "ReLU" bottom: "x" top: "x" }'.repeat(10_000)}`, null],
    ["layers in a row", many(10_000, (i) => `layer { type: "ReLU" bottom: "${i ? i - 1 : "d"}" top: "${i}" }`), null],
    ["axes", `layer { type: "Permute" bottom: "d" top: "x" permute_param { ${"order: 1 ".repeat(50_000)} } }`, "[1,1,1,1"],
    ["a tensor", `layer { type: "Tile" bottom: "d" top: "x" tile_param { tiles: 2000000000 } }`, "would have 384000000000 elements"],
    ["a window", `layer { type: "Pooling" bottom: "d" top: "x" pooling_param { kernel_size: 4000000000 } }`, "does not fit"],
  ])("%s", (_, layers, message) => {
    const files = { prototxt: head + layers, caffemodel: null, what: "m.prototxt" };
    expect(refusedOrRead(files)).toBe(message ? "refused" : "read");
    if (message) expect(() => importCaffe(files)).toThrow(message);
  }); // prettier-ignore
});
