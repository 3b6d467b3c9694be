/** The two networks that Places365 ships as Caffe files: AlexNet and GoogLeNet, by their own prototxts. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { SHARED_DATA } from "../../../test/photos";
import { runGraph } from "../../../test/runGraph";
import { relativeDifference, uniformTensor } from "../../../test/smallGraph";
import { caffemodel, seededWeights, type LayerWeights } from "../../../test/tinyCaffe";
import { canonicalise, layersOf } from "../../onnx/canonicalise";
import type { Graph, Tensor } from "../../onnx/graph";
import { readModel } from "../../onnx/read";
import { f32 } from "../../onnx/tensor";
import { importCaffe } from "./import";

const path = (name: string) => join(SHARED_DATA, "prototxt", `deploy_${name}_places365.prototxt`);
const text = (name: string) => readFileSync(path(name), "utf8");
const there = existsSync(path("alexnet"));
const golden = join(SHARED_DATA, "golden", "googlenet.json");
const googlenet = join(SHARED_DATA, "models", "googlenet.onnx");

describe.skipIf(!there)("Places365's networks (need ../shared/data/prototxt)", () => {
  test("AlexNet with seeded weights: layers, groups, and dense layers that cost nothing until they are looked at", async () => {
    const prototxt = text("alexnet");
    const file = caffemodel(seededWeights(importCaffe({ prototxt, caffemodel: null }).graph));
    const start = performance.now();
    const { graph, missing, leftOut } = importCaffe({ prototxt, caffemodel: file });
    expect(performance.now() - start).toBeLessThan(2000);
    expect([graph.name, missing, leftOut]).toEqual(["CaffeNet-Places365", [], []]);
    expect(graph.inputs).toEqual([{ name: "data", dtype: "float32", shape: ["N", 3, 227, 227] }]);
    expect(graph.constants.get("conv2/weight")!.shape).toEqual([256, 48, 5, 5]);
    const layers = layersOf(canonicalise(graph, { batch: 1 }));
    expect(layers.map(({ name, shape }) => `${name} ${shape.slice(1).join("x")}`)).toEqual(
      ("conv1 96x55x55,pool1 96x27x27,norm1 96x27x27,conv2 256x27x27,pool2 256x13x13,norm2 256x13x13,conv3 384x13x13," +
        "conv4 384x13x13,conv5 256x13x13,pool5 256x6x6,fc6 4096,fc7 4096,fc8 365,prob 365").split(","),
    ); // prettier-ignore
    const upToConv5 = canonicalise(graph, { batch: 1, until: ["relu5"] });
    expect([...upToConv5.constants.keys()].some((name) => name.startsWith("fc"))).toBe(false);
    const run = await runGraph(upToConv5, { data: uniformTensor([1, 3, 227, 227], 1) });
    expect(run.conv5!.shape).toEqual([1, 256, 13, 13]);
    expect((run.conv5!.data as Float32Array).every((x) => x >= 0 && Number.isFinite(x))).toBe(true);
  });

  describe.skipIf(!existsSync(googlenet))("GoogLeNet with the weights of googlenet.onnx", () => {
    const until = ["conv1/7x7_s2", "conv2/norm2", "inception_3a/output", "inception_4c/output", "inception_5b/output"];
    const picture = uniformTensor([1, 3, 224, 224], 5);
    const data: Tensor = f32(
      Float32Array.from(picture.data as Float32Array, (x) => 255 * x - 117),
      picture.shape,
    );
    let original: Graph;
    let graph: Graph;

    beforeAll(() => {
      original = readModel(new Uint8Array(readFileSync(googlenet)));
      const prototxt = text("googlenet");
      const weights = borrowed(original, seededWeights(importCaffe({ prototxt, caffemodel: null }).graph));
      ({ graph } = importCaffe({ prototxt, caffemodel: caffemodel(weights) }));
    });

    test("the same activations, by Caffe's names", async () => {
      const [ours, theirs] = [graph, original].map((g) => canonicalise(g, { size: [224, 224], batch: 1, until }));
      const mine = await runGraph(ours!, { data });
      const known = await runGraph(theirs!, { data });
      until.forEach((name, i) => expect(relativeDifference(mine[name]!, known[theirs!.outputs[i]!]!), name).toBeLessThan(1e-4));
    });

    test.skipIf(!existsSync(golden))("the activations that Caffe itself gave (needs ../shared/data/golden)", async () => {
      const { tensors } = JSON.parse(readFileSync(golden, "utf8")) as { tensors: Record<string, { file: string; dims: number[] }> }; // prettier-ignore
      const read = (name: string): Tensor => {
        const { file, dims } = tensors[name]!;
        return f32(new Float32Array(new Uint8Array(readFileSync(join(SHARED_DATA, "golden", file))).buffer), dims);
      };
      const names = ["conv1/7x7_s2", "conv2/3x3", "inception_3a/output", "inception_4d/output", "inception_5b/output"];
      const run = await runGraph(canonicalise(graph, { size: [227, 227], batch: 1, until: names }), { data: read("data") });
      for (const name of names) expect(relativeDifference(run[name]!, read(name.replace("/", "_"))), name).toBeLessThan(1e-4);
    });

    test("the layers by Microscope's names, at 224 pixels", () => {
      const shapes = new Map(layersOf(canonicalise(graph, { batch: 1 })).map(({ name, shape }) => [name, shape.slice(1)]));
      expect(shapes.get("inception_4c/output")).toEqual([512, 14, 14]);
      expect(shapes.get("inception_5b/output")).toEqual([1024, 7, 7]);
      expect(shapes.get("loss3/classifier")).toEqual([365]);
      expect(graph.outputs).toEqual(["prob"]);
    });
  });
});

/** `weights` with those of `original`'s convolutions in the places of the same names. */
function borrowed(original: Graph, weights: LayerWeights): LayerWeights {
  const plain = (name: string) => name.replaceAll(/[/.]/g, "_");
  const convs = new Map(original.nodes.filter(({ op }) => op === "Conv").map((node) => [plain(node.name), node]));
  const byOutput = new Map(original.nodes.map((node) => [plain(node.outputs[0]!), node]));
  let found = 0;
  const made = Object.fromEntries(
    Object.entries(weights).map(([layer, own]) => {
      const node = convs.get(plain(layer)) ?? byOutput.get(plain(layer));
      const conv = node?.op === "Relu" ? original.nodes.find(({ outputs }) => outputs[0] === node.inputs[0]) : node;
      if (conv?.op !== "Conv") return [layer, own];
      found++;
      return [layer, conv.inputs.slice(1).map((name) => original.constants.get(name)!)];
    }),
  );
  expect(found).toBe(57);
  return made;
}
