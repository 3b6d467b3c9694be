/** A seeded network small enough for a software adapter: two convolutions, a pool, a join and an LRN, at 32 pixels. */
import type { ModelCard } from "../src/api/model";
import type { Attrs, Graph, Node, Tensor } from "../src/onnx/graph";
import { f32 } from "../src/onnx/tensor";
import { writeModel } from "../src/onnx/write";
import { seeded } from "../src/vis/random";

export const LAYER = "out";

const normal = (name: string, shape: readonly number[], scale: number): Tensor => {
  const random = seeded(7, name);
  const length = shape.reduce((a, b) => a * b, 1);
  return f32(
    Float32Array.from({ length }, () => scale * random.normal()),
    shape,
  );
};

const conv = (input: string, k: number, output: string, strides: number[]): Node =>
  node("Conv", [input, `W${k}`, `B${k}`], output, { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides });
const node = (op: string, inputs: string[], output: string, attrs: Attrs = {}): Node => ({
  name: output,
  op,
  domain: "",
  inputs,
  outputs: [output],
  attrs,
});

const graph: Graph = {
  name: "tiny",
  opset: 18,
  inputs: [{ name: "image", dtype: "float32", shape: [1, 3, "h", "w"] }],
  outputs: [LAYER],
  nodes: [
    conv("image", 1, "conv1", [2, 2]),
    node("Relu", ["conv1"], "relu1"),
    node("LRN", ["relu1"], "lrn", { size: 5, alpha: 0.01, beta: 0.75, bias: 1 }),
    conv("lrn", 2, "conv2", [1, 1]),
    node("MaxPool", ["lrn"], "pool", { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [1, 1] }),
    node("Concat", ["conv2", "pool"], LAYER, { axis: 1 }),
  ],
  constants: new Map([
    ["W1", normal("W1", [8, 3, 3, 3], 0.3)],
    ["B1", normal("B1", [8], 0.1)],
    ["W2", normal("W2", [8, 8, 3, 3], 0.2)],
    ["B2", normal("B2", [8], 0.1)],
  ]),
};

/** The file; `gain` scales its first weights, which makes it another network. */
export const tinyModel = (gain = 1): Uint8Array<ArrayBuffer> =>
  writeModel({ ...graph, constants: new Map(graph.constants).set("W1", normal("W1", [8, 3, 3, 3], 0.3 * gain)) });

export const tinyCard: ModelCard = {
  id: "tiny",
  title: "Tiny",
  architecture: "two convolutions",
  trainedOn: "nothing",
  year: 2026,
  licence: "MIT",
  citation: "",
  homepage: "",
  preprocessing: {
    input: "image",
    layout: "NCHW",
    channels: "RGB",
    range: 1,
    mean: [0.5, 0.5, 0.5],
    std: [0.25, 0.25, 0.25],
    size: 32,
  },
  labels: null,
  layers: [{ name: LAYER, title: "out", significant: true }],
  files: [],
};
