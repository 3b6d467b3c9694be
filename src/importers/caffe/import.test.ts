/** Whole small networks: names, versions, phases, preprocessing, weights that are there, wrong, or not there yet. */
import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { runGraph } from "../../../test/runGraph";
import { randomTensor, relativeDifference } from "../../../test/smallGraph";
import { blobOf, caffemodel, seededWeights, type LayerWeights } from "../../../test/tinyCaffe";
import { canonicalise, layersOf } from "../../onnx/canonicalise";
import { valueNamed } from "../../onnx/canonical/names";
import { inspect } from "../../models/inspect";
import { ModelFormatError, type Graph } from "../../onnx/graph";
import { importModel } from "../importModel";
import { importCaffe, type CaffeFiles } from "./import";
import { NetParameterSchema } from "./proto/caffe_pb";
import { readPrototxt } from "./prototxt";

const HEAD = `name: "tiny" input: "data" input_dim: 10 input_dim: 3 input_dim: 12 input_dim: 12\n`;
const V2 = `${HEAD}
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
layer { name: "norm1" type: "LRN" bottom: "pool1" top: "norm1" lrn_param { local_size: 3 alpha: 0.1 beta: 0.75 } }
layer { name: "fc2" type: "InnerProduct" bottom: "norm1" top: "fc2" inner_product_param { num_output: 5 } }
layer { name: "relu2" type: "ReLU" bottom: "fc2" top: "fc2" }
layer { name: "drop2" type: "Dropout" bottom: "fc2" top: "fc2" dropout_param { dropout_ratio: 0.5 } }
layer { name: "prob" type: "Softmax" bottom: "fc2" top: "prob" }
`;
const V1 = V2.replaceAll("layer {", "layers {")
  .replace('"Convolution"', "CONVOLUTION")
  .replaceAll('"ReLU"', "RELU")
  .replace('"Pooling"', "POOLING")
  .replace('"LRN"', "LRN")
  .replace('"InnerProduct"', "INNER_PRODUCT")
  .replace('"Dropout"', "DROPOUT")
  .replace('"Softmax"', "SOFTMAX");

const WEIGHTS: LayerWeights = {
  conv1: [randomTensor([4, 3, 3, 3], 1, 0.3), randomTensor([4], 2)],
  fc2: [randomTensor([5, 100], 3, 0.1), randomTensor([5], 4)],
};
const bytes = caffemodel(WEIGHTS);
const imported = (prototxt: string, caffemodel: Uint8Array | null = bytes) =>
  importCaffe({ prototxt, caffemodel, what: "net.prototxt", weightsWhat: "net.caffemodel" });
const refused = (files: CaffeFiles) => () => importCaffe({ what: "net.prototxt", weightsWhat: "net.caffemodel", ...files });
const answer = async (graph: Graph, until = graph.outputs) => {
  const outputs = await runGraph(canonicalise(graph, { batch: 1, until }), { data: randomTensor([1, 3, 12, 12], 7) });
  return outputs[until[0]!]!;
};

describe("names", () => {
  const { graph } = imported(V2);

  test("a blob's name means what it holds in the end; what it held before is named too", () => {
    expect(graph.nodes.map((node) => `${node.name}: ${node.outputs}`)).toEqual([
      "conv1: conv1/before_relu1",
      "relu1: conv1",
      "pool1: pool1",
      "norm1: norm1",
      "fc2~flat: fc2~flat",
      "fc2: fc2/before_relu2",
      "relu2: fc2",
      "prob: prob",
    ]);
    expect([...graph.constants.keys()]).toEqual(["conv1/weight", "conv1/bias", "fc2/weight", "fc2/bias"]);
  });

  test("a layer's name finds what it makes", () => {
    expect(valueNamed(graph, "relu1")).toBe("conv1");
    expect(valueNamed(graph, "conv1")).toBe("conv1");
  });

  test("layers are listed by their blobs", () => {
    expect(layersOf(canonicalise(graph, { batch: 1 })).map(({ name, shape }) => `${name} ${shape}`)).toEqual([
      "conv1 1,4,10,10",
      "pool1 1,4,5,5",
      "norm1 1,4,5,5",
      "fc2 1,5",
      "prob 1,5",
    ]);
  });

  test("an input keeps its name when a layer writes over it", () => {
    const net = `${HEAD}layer { name: "centre" type: "Power" bottom: "data" top: "data" power_param { shift: -1 } }
      layer { name: "r" type: "ReLU" bottom: "data" top: "r" }`;
    const { graph } = imported(net);
    expect(graph.nodes.map((node) => `${node.inputs[0]} -> ${node.outputs}`)).toEqual(["data -> centre", "centre -> r"]);
  });
});

describe("forms of one network", () => {
  test.each([
    ["V1 text", V1, bytes],
    ["V1 weights, shapes as four numbers", V2, caffemodel(WEIGHTS, { version: "V1", shapes: "four" })],
    ["both V1", V1, caffemodel(WEIGHTS, { version: "V1" })],
    ["weights in double precision", V2, caffemodel(WEIGHTS, { numbers: "double" })],
    ["input_shape", V2.replace(/input_dim.*/, "input_shape { dim: 1 dim: 3 dim: 12 dim: 12 }"), bytes],
    ["an Input layer", V2.replace(/input: .*/, 'layer { name: "in" type: "Input" top: "data" input_param { shape { dim: [1, 3, 12, 12] } } }'), bytes],
    ["weights at an odd place of the buffer", V2, new Uint8Array([0, ...bytes]).subarray(1)],
    ["weights of layers that are not asked for", V2, caffemodel({ ...WEIGHTS, other: [randomTensor([9], 1)] })],
  ])("%s: the same answer", async (_, prototxt, weights) => {
    const expected = await answer(imported(V2).graph);
    expect(expected.shape).toEqual([1, 5]);
    expect(relativeDifference(await answer(imported(prototxt, weights).graph), expected)).toBe(0);
  }); // prettier-ignore

  test("a .caffemodel alone: the network as it was trained", async () => {
    const text = V2.replace(/input: .*/, `layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN }
      transform_param { crop_size: 12 mean_value: 104 mean_value: 117 mean_value: 123 mirror: true } data_param { source: "x" backend: LMDB } }`)
      .replace('type: "Softmax" bottom: "fc2"', 'type: "SoftmaxWithLoss" bottom: "fc2" bottom: "label"'); // prettier-ignore
    const net = readPrototxt(text, "t");
    const layer = net.layer.map((l) => ({ ...l, blobs: (WEIGHTS[l.name] ?? []).map((t) => blobOf(t)) }));
    const file = toBinary(NetParameterSchema, create(NetParameterSchema, { name: "tiny", layer }));
    const { graph, preprocessing } = importCaffe({ prototxt: null, caffemodel: file });
    expect(graph.outputs).toEqual(["fc2"]);
    expect(preprocessing).toEqual({ input: "data", layout: "NCHW", channels: "BGR", range: 255, mean: [104, 117, 123], std: [1, 1, 1], size: 12 }); // prettier-ignore
    expect(relativeDifference(await answer(graph), await answer(imported(V2).graph, ["fc2"]))).toBe(0);
  });

  test("BatchNorm and Scale become one, and convolutions take them in", async () => {
    const net = `${HEAD}
      layer { name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param { num_output: 2 kernel_size: 3 bias_term: false } }
      layer { name: "bn" type: "BatchNorm" bottom: "c" top: "c" batch_norm_param { use_global_stats: true } }
      layer { name: "scale" type: "Scale" bottom: "c" top: "c" scale_param { bias_term: true } }
      layer { name: "relu" type: "ReLU" bottom: "c" top: "c" }`;
    const [mean, gamma, beta] = [1, 2, 3].map((seed) => randomTensor([2], seed));
    const variance = { ...randomTensor([2], 4), data: Float32Array.of(2, 3) };
    const count = { ...randomTensor([1], 5), data: Float32Array.of(4) };
    const weights = caffemodel({ c: [randomTensor([2, 3, 3, 3], 6)], bn: [mean!, variance, count], scale: [gamma!, beta!] });
    const { graph } = imported(net, weights);
    const canonical = canonicalise(graph, { batch: 1 });
    expect(canonical.nodes.map(({ op }) => op)).toEqual(["Conv", "Relu"]);
    const raw = await answer(imported(net.replaceAll(/layer { name: "(bn|scale|relu)".*/g, ""), weights).graph);
    const y = await answer(graph);
    const plane = 100;
    const expected = Float32Array.from(raw.data as Float32Array, (x, i) => {
      const c = Math.floor(i / plane);
      const normal = (x - Number(mean!.data[c]) / 4) / Math.sqrt(Number(variance.data[c]) / 4 + 1e-5);
      return Math.max(0, normal * Number(gamma!.data[c]) + Number(beta!.data[c]));
    });
    expect(relativeDifference(y, { ...raw, data: expected })).toBeLessThan(1e-5);
  });
});

describe("what takes part", () => {
  const data = (phase: string, size: number, more = "") =>
    `layer { name: "d" type: "Data" top: "data" top: "label" include { phase: ${phase} } transform_param { crop_size: ${size} ${more} } }\n`;
  const body = `layer { name: "r" type: "ReLU" bottom: "data" top: "r" }\n`;

  test("layers of training and measures are left out, and who reads them", () => {
    const net = `name: "tiny" ${data("TRAIN", 8)} ${data("TEST", 16, "mean_value: 100 scale: 0.5")} ${body}
      layer { name: "noise" type: "Dropout" bottom: "r" top: "n" exclude { phase: TEST } }
      layer { name: "loss" type: "SoftmaxWithLoss" bottom: "r" bottom: "label" top: "loss" }
      layer { name: "accuracy" type: "Accuracy" bottom: "r" bottom: "label" top: "accuracy" include { phase: TEST } }
      layer { name: "more" type: "Scale" bottom: "r" bottom: "label" top: "more" }`;
    const { graph, preprocessing, leftOut } = imported(net);
    expect(graph.inputs).toEqual([{ name: "data", dtype: "float32", shape: ["N", 3, 16, 16] }]);
    expect(graph.outputs).toEqual(["r"]);
    expect(leftOut).toEqual([]);
    expect(preprocessing).toMatchObject({ mean: [100, 100, 100], std: [2, 2, 2], size: 16 });
  });

  test("stages: the file's own, else deploy", () => {
    const one = (stage: string) => `layer { name: "${stage}" type: "ReLU" bottom: "data" top: "${stage}" include { stage: "${stage}" } }\n`; // prettier-ignore
    const others = `layer { name: "x" type: "ReLU" bottom: "data" top: "x" include { not_stage: "deploy" } }`;
    expect(imported(`${HEAD}${one("train")}${one("deploy")}${others}`).graph.outputs).toEqual(["deploy"]);
    expect(imported(`${HEAD}state { stage: "train" } ${one("train")}${one("deploy")}${others}`).graph.outputs).toEqual(["train", "x"]); // prettier-ignore
    const levels = `layer { name: "y" type: "ReLU" bottom: "data" top: "y" include { min_level: 1 } }`;
    expect(imported(`${HEAD}${levels}${body}`).graph.outputs).toEqual(["r"]);
    expect(imported(`${HEAD}state { level: 2 } ${levels}${body}`).graph.outputs).toEqual(["y", "r"]);
  });

  test("what is not understood is named, and what comes before it stays", () => {
    const net = `${HEAD}${body}
      layer { name: "priors" type: "PriorBox" bottom: "r" bottom: "data" top: "priors" prior_box_param { min_size: 30 } }
      layer { name: "s" type: "Sigmoid" bottom: "r" top: "s" }
      layer { name: "both" type: "Concat" bottom: "s" bottom: "priors" top: "both" }
      layer { name: "p" type: "Pooling" bottom: "r" top: "p" pooling_param { pool: STOCHASTIC kernel_size: 2 } }`;
    const { graph, leftOut } = imported(net);
    expect(leftOut).toEqual([{ node: "priors", op: "PriorBox" }, { node: "p", op: "Pooling" }]); // prettier-ignore
    expect(graph.outputs).toEqual(["s"]);
  });

  test("preprocessing that is told in part is not told", () => {
    expect(imported(data("TEST", 16, 'mean_file: "mean.binaryproto"') + body).preprocessing).toBeNull();
    expect(imported(`${HEAD}${body}`).preprocessing).toBeNull();
    const open = imported(`layer { name: "d" type: "Data" top: "data" } ${body}`);
    expect(open.preprocessing).toBeNull();
    expect(open.graph.inputs[0]!.shape).toEqual(["N", 3, "height", "width"]);
    const gray = imported(data("TEST", 16, "force_gray: true scale: 0.00390625") + body);
    expect(gray.preprocessing).toMatchObject({ channels: "gray", mean: [0], std: [256] });
    const oblong = data("TEST", 0, "crop_h: 10 crop_w: 20");
    expect(imported(oblong + body).preprocessing).toMatchObject({ size: [10, 20] });
  });

  test("the channels of a data base are those of the convolution that reads it", () => {
    const conv = `layer { name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param { num_output: 2 kernel_size: 1 } }`;
    const weights = caffemodel({ c: [randomTensor([2, 1, 1, 1], 1), randomTensor([2], 2)] });
    expect(imported(data("TEST", 28) + conv, weights).graph.inputs[0]!.shape).toEqual(["N", 1, 28, 28]);
  });
});

describe("weights", () => {
  const big = `name: "big" input: "data" input_dim: [1, 256, 6, 6]
    layer { name: "fc6" type: "InnerProduct" bottom: "data" top: "fc6" inner_product_param { num_output: 100 } }
    layer { name: "fc7" type: "InnerProduct" bottom: "fc6" top: "fc7" inner_product_param { num_output: 4096 } }`;

  test("not there: shapes are known, nothing large is allocated, and reading says what is missing", () => {
    const { graph, missing } = imported(big.replace("100 }", "100000 }"), null);
    expect(missing).toEqual(["its .caffemodel"]);
    expect(canonicalise(graph, { batch: 1 }).types.get("fc7")!.shape).toEqual([1, 4096]);
    expect(() => graph.constants.get("fc6/weight")!.data).toThrow(
      'The weights [100000,9216] of the layer "fc6" are not there. Choose the .caffemodel as well.',
    );
    expect((graph.constants.get("fc6/bias")!.data as Float32Array).every((x) => x === 0)).toBe(true);
  });

  test("there: they stay where they lie in the file, or are copied when they are read", () => {
    const file = caffemodel(seededWeights(imported(big, null).graph));
    const buffers = [0, 1, 2, 3].map((shift) => {
      const moved = new Uint8Array(new ArrayBuffer(file.length + 4), shift, file.length);
      moved.set(file);
      const { data } = imported(big, moved).graph.constants.get("fc6/weight")!;
      return { own: data.buffer === moved.buffer, first: data[0] };
    });
    expect(buffers.filter(({ own }) => own)).toHaveLength(1);
    expect(new Set(buffers.map(({ first }) => first)).size).toBe(1);
  });

  test("there, in a file that may be changed: never copied, wherever they lie", () => {
    const weights = seededWeights(imported(big, null).graph);
    const file = caffemodel(weights);
    for (const shift of [0, 1, 2, 3]) {
      const caffemodel = new Uint8Array(new ArrayBuffer(file.length + 4), shift, file.length);
      caffemodel.set(file);
      const { graph } = importCaffe({ prototxt: big, caffemodel, mayMove: true });
      for (const layer of ["fc6", "fc7"]) {
        const { data } = graph.constants.get(`${layer}/weight`)!;
        expect(data.buffer).toBe(caffemodel.buffer);
        expect((data as Float32Array).every((x, i) => x === weights[layer]![0]!.data[i])).toBe(true);
      }
    }
  });

  test.each<[string, CaffeFiles, string]>([
    [
      "another shape",
      { prototxt: V2.replace("kernel_size: 3 }", "kernel_size: 5 }"), caffemodel: bytes },
      'net.caffemodel: weight 0 of the layer "conv1" is [4,3,3,3], but the .prototxt makes it [4,3,5,5]. Choose the .caffemodel that belongs to the .prototxt.',
    ],
    [
      "a dense layer after another size",
      { prototxt: V2.replaceAll("input_dim: 12", "input_dim: 20"), caffemodel: bytes },
      'net.caffemodel: weight 0 of the layer "fc2" is [5,100], but the .prototxt makes it [5,324]. Choose the .caffemodel that belongs to the .prototxt.',
    ],
    [
      "none for a layer",
      { prototxt: V2, caffemodel: caffemodel({ conv1: WEIGHTS.conv1!, fc3: WEIGHTS.fc2! }) },
      'net.caffemodel has no weights for the layer "fc2"; it has them for "conv1", "fc3". They are of another network; choose the .caffemodel that belongs to the .prototxt.',
    ],
    [
      "no bias",
      { prototxt: V2, caffemodel: caffemodel({ ...WEIGHTS, conv1: WEIGHTS.conv1!.slice(0, 1) }) },
      'net.caffemodel: weight 1 of the layer "conv1" [4] is missing; it has 1. Choose the .caffemodel that belongs to the .prototxt.',
    ],
    [
      "fewer numbers than the shape says",
      { prototxt: V2, caffemodel: caffemodel({ ...WEIGHTS, conv1: [{ ...WEIGHTS.conv1![0]!, data: new Float32Array(7) }, WEIGHTS.conv1![1]!] }) },
      'net.caffemodel: weight 0 of the layer "conv1" is [4,3,3,3], which takes 432 bytes, but 28 are there. The file is damaged; download it again.',
    ],
    [
      "none at all",
      { prototxt: V2, caffemodel: caffemodel({ conv1: [] }) },
      "net.caffemodel holds no weights. Choose the .caffemodel that belongs to the .prototxt.",
    ],
    [
      "cut short",
      { prototxt: V2, caffemodel: bytes.subarray(0, 300) },
      "net.caffemodel starts like a .caffemodel, but cannot be read to its end (300 bytes): it is cut short or damaged. Download it again. (premature EOF)",
    ],
    [
      "no .caffemodel",
      { prototxt: V2, caffemodel: new TextEncoder().encode("<!DOCTYPE html><html></html>") },
      "net.caffemodel is not a .caffemodel: it is a web page (HTML), perhaps an error page or a page to click through. Choose the file with the network's weights.",
    ],
    ["no file", { prototxt: null, caffemodel: null }, "Neither a .prototxt nor a .caffemodel was given. Choose both files of a Caffe model."],
  ])("%s", (_, files, message) => {
    expect(refused(files)).toThrow(new ModelFormatError(message));
  }); // prettier-ignore
});

describe("contradictions, word by word", () => {
  const relu = (bottom: string, top: string, name = top) => `layer { name: "${name}" type: "ReLU" bottom: "${bottom}" top: "${top}" }\n`; // prettier-ignore
  const layer = (rest: string) => `${HEAD}layer { name: "l" bottom: "data" top: "l" ${rest} }`;
  test.each([
    ["a circle", HEAD + relu("b", "a") + relu("a", "b"), 'net.prototxt: ReLU "a" reads "b", which no layer before it makes. The file contradicts itself.'],
    ["a blob made twice", HEAD + relu("data", "a") + relu("data", "a", "z"), 'net.prototxt: ReLU "z" makes "a", which another layer has made. The file contradicts itself.'],
    ["an input twice", `input: "data" ${HEAD}${relu("data", "a")}`, 'net.prototxt: "data" is an input twice. The file is damaged.'],
    ["an input of nothing", `input: "data" input_dim: [1, 3, 0, 5] ${relu("data", "a")}`, 'net.prototxt: input "data" has the shape [1,3,0,5]. Correct its input_dim or input_param.'],
    ["nothing to look at", HEAD, "net.prototxt: no layer of it makes anything that could be looked at. Choose a network's deploy.prototxt."],
    ["nothing understood", layer(`type: "Python"`), `net.prototxt: no layer of it makes anything that could be looked at (Python "l" is not supported, and what follows needs it). Choose a network's deploy.prototxt.`],
    ["both versions at once", `${V2}\nlayers { name: "x" type: RELU }`, 'net.prototxt has both "layer" and "layers", which Caffe refuses. It is damaged; download it again.'],
    ["the oldest form", `${HEAD}layers { layer { name: "conv1" type: "conv" } bottom: "data" top: "c" }`, "net.prototxt is written in Caffe's oldest form (layers { layer { ... } }). Convert it with Caffe's upgrade_net_proto_text or upgrade_net_proto_binary."],
    ["a group that does not divide", layer(`type: "Convolution" convolution_param { num_output: 4 kernel_size: 1 group: 2 }`), 'net.prototxt: Convolution "l": 3 channels to 4 in 2 groups. The file contradicts itself.'],
    ["no parameters", layer(`type: "Convolution"`), 'net.prototxt: Convolution "l": it has no convolution_param. The file contradicts itself.'],
    ["no kernel", layer(`type: "Convolution" convolution_param { num_output: 4 }`), 'net.prototxt: Convolution "l": kernel_size [] for 2 spatial axes. The file contradicts itself.'],
    ["a window larger than the picture", layer(`type: "Pooling" pooling_param { kernel_size: 20 }`), 'net.prototxt: Pooling "l": a window of 20 does not fit into 12 + 0 + 0 padding. Choose a larger picture size or an earlier layer.'],
    ["a weight of 10^15 numbers", layer(`type: "InnerProduct" inner_product_param { num_output: 4000000000 }`), 'net.prototxt: InnerProduct "l": its weight 0 would be [4000000000,432]. The file contradicts itself.'],
    ["a stride of nothing", layer(`type: "Pooling" pooling_param { kernel_size: 2 stride: 0 }`), 'net.prototxt: Pooling "l": kernel [2, 2], strides [0, 0], dilations [1, 1]: all must be 1 or more. The file contradicts itself; export it again.'],
    ["statistics of the batch", layer(`type: "BatchNorm" batch_norm_param { use_global_stats: false }`), 'net.prototxt: BatchNorm "l": it uses the statistics of the batch (use_global_stats: false). Take that line out and open it again.'],
    ["blobs that are not alike", `${layer(`type: "Pooling" pooling_param { kernel_size: 2 }`)}\nlayer { name: "e" type: "Eltwise" bottom: "l" bottom: "data" top: "e" }`, 'net.prototxt: Eltwise "e": its bottoms are [10,3,11,11] and [10,3,12,12], but must be alike. The file contradicts itself.'],
    ["an axis too many", layer(`type: "Softmax" softmax_param { axis: 4 }`), 'net.prototxt: Softmax "l": axis 4, but its bottom has 4 axes. The file contradicts itself.'],
    ["too few tops", layer(`type: "Slice" slice_param { slice_point: 1 }`), 'net.prototxt: Slice "l": slice_point [1] does not cut 3 into 1 tops. The file contradicts itself.'],
  ])("%s", (_, prototxt, message) => {
    expect(refused({ prototxt, caffemodel: null })).toThrow(new ModelFormatError(message));
  }); // prettier-ignore
});

test("by the one door: both files in any order, one of them alone, labels beside", () => {
  const named = (name: string, content: string | Uint8Array) => ({
    name,
    bytes: typeof content === "string" ? new TextEncoder().encode(content) : content,
  });
  const [text, weights] = [named("a/net.prototxt", V2), named("a/net.caffemodel", bytes)];
  const whole = importModel([weights, text, named("labels.txt", "cat\ndog\n")]);
  expect(whole).toMatchObject({ format: "caffe", title: "net", missing: [], leftOut: [], labels: ["cat", "dog"] });
  expect(whole.graph.constants.get("conv1/weight")!.data[0]).toBe(WEIGHTS.conv1![0]!.data[0]);
  expect(importModel([text, weights], { until: ["relu1"] }).graph.outputs).toEqual(["conv1"]);
  expect(importModel([text], { inspecting: true }).missing).toEqual(["its .caffemodel"]);
  const looked = inspect(importModel([text], { inspecting: true }));
  expect(looked.layers.map(({ name, channels }) => [name, channels])).toEqual([["conv1", 4], ["pool1", 4], ["norm1", 4], ["fc2", 5], ["prob", 5]]); // prettier-ignore
  expect([looked.unsupported, looked.asksForSize, looked.guess!.preprocessing.channels]).toEqual([[], false, "BGR"]);
  expect(() => importModel([text])).toThrow('net.prototxt also needs "its .caffemodel". Choose that file as well.');
  expect(() => importModel([weights])).toThrow('net.caffemodel also needs "its .prototxt". Choose that file as well.');
});
