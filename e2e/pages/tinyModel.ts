/** A seeded network small enough for a software adapter: two convolutions, a pool, a join and an LRN, at 32 pixels. */
import type { ModelCard } from "../../src/api/model";
import type { Graph, Tensor } from "../../src/onnx/graph";
import { f32 } from "../../src/onnx/tensor";
import { writeModel } from "../../src/onnx/write";
import { seeded } from "../../src/vis/random";

export const LAYER = "out";

const normal = (name: string, shape: readonly number[], scale: number): Tensor => {
  const random = seeded(7, name);
  const length = shape.reduce((a, b) => a * b, 1);
  return f32(
    Float32Array.from({ length }, () => scale * random.normal()),
    shape,
  );
};

const window3 = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };

const graph: Graph = {
  name: "tiny",
  opset: 18,
  inputs: [{ name: "image", dtype: "float32", shape: [1, 3, "h", "w"] }],
  outputs: [LAYER],
  nodes: [
    { op: "Conv", inputs: ["image", "W1", "B1"], outputs: ["conv1"], attrs: { ...window3, strides: [2, 2] } },
    { op: "Relu", inputs: ["conv1"], outputs: ["relu1"], attrs: {} },
    { op: "LRN", inputs: ["relu1"], outputs: ["lrn"], attrs: { size: 5, alpha: 0.01, beta: 0.75, bias: 1 } },
    { op: "Conv", inputs: ["lrn", "W2", "B2"], outputs: ["conv2"], attrs: window3 },
    { op: "MaxPool", inputs: ["lrn"], outputs: ["pool"], attrs: { ...window3, strides: [1, 1] } },
    { op: "Concat", inputs: ["conv2", "pool"], outputs: [LAYER], attrs: { axis: 1 } },
  ].map((node) => ({ name: node.outputs[0]!, domain: "", ...node })),
  constants: new Map([
    ["W1", normal("W1", [8, 3, 3, 3], 0.3)],
    ["B1", normal("B1", [8], 0.1)],
    ["W2", normal("W2", [8, 8, 3, 3], 0.2)],
    ["B2", normal("B2", [8], 0.1)],
  ]),
};

export const tinyModel = (): Uint8Array<ArrayBuffer> => writeModel(graph);

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
