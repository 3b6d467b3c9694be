/** Damaged and contradictory TF.js models of both kinds: refused in words, soon, and without taking more memory than a few times the file. */
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { saved, seedWeights } from "../../../test/kerasModels";
import { injured, injuredText } from "../../../test/mutate";
import { int32, ints, random as weights, s, scalarInt, small, type NodeSpec } from "../../../test/tfGraphs";
import { canonicalise } from "../../onnx/canonicalise";
import { ModelFormatError, OpError } from "../../onnx/graph";
import { seeded, type Random } from "../../vis/random";
import { importTfjs, inspectTfjs } from "./import";

interface Files {
  json: string;
  shards: Map<string, Uint8Array>;
}

/** A graph with a window, a reshape, shapes computed from shapes, a split, a fill and a dilation written out. */
function graphModel(): Files {
  const n = (value: number) => ({ i: String(value) });
  const nodes: NodeSpec[] = [
    ["Conv2D", "conv", ["x", "w"], { strides: ints(1, 2, 2, 1), dilations: ints(1, 1, 1, 1), padding: s("SAME") }],
    ["BiasAdd", "bias", ["conv", "b"]],
    ["SpaceToBatchND", "spread", ["bias", "block", "pads"]],
    ["DepthwiseConv2dNative", "deep", ["spread", "d"], { strides: ints(1, 1, 1, 1), padding: s("VALID") }],
    ["BatchToSpaceND", "back", ["deep", "block", "pads"]],
    ["Split", "split", ["axis", "back"], { num_split: n(2) }],
    ["ConcatV2", "joined", ["split:1", "split", "axis"], { N: n(2) }],
    ["ResizeBilinear", "large", ["joined", "size"], { half_pixel_centers: { b: true } }],
    ["Pad", "padded", ["large", "border"]],
    ["Mean", "mean", ["padded", "grid"], { keep_dims: { b: false } }],
    ["Shape", "shape", ["mean"]],
    ["StridedSlice", "rows", ["shape", "zero", "one", "one"], { shrink_axis_mask: n(1) }],
    ["Pack", "to", ["rows", "four"], { N: n(2), axis: n(0) }],
    ["Reshape", "flat", ["mean", "to"]],
    ["Fill", "ones", ["to", "half"]],
    ["Mul", "scaled", ["flat", "ones"]],
    ["MatMul", "product", ["scaled", "m"]],
    ["Softmax", "y", ["product"]],
  ];
  const matrix = (rows: number, ...data: number[]) => ({ shape: [rows, 2], data, dtype: "int32" });
  const { model, shard } = small([1, 8, 8, 3], nodes, {
    w: weights(1, 3, 3, 3, 4),
    b: weights(2, 4),
    d: weights(3, 1, 1, 4, 1),
    m: weights(4, 4, 5),
    block: int32(2, 2),
    pads: matrix(2, 0, 0, 0, 0),
    border: matrix(4, 0, 0, 1, 1, 1, 1, 0, 0),
    axis: scalarInt(3),
    size: int32(8, 8),
    grid: int32(1, 2),
    zero: int32(0),
    one: int32(1),
    four: scalarInt(4),
    half: { shape: [], data: [0.5] },
  });
  return { json: JSON.stringify(model), shards: new Map([["w.bin", shard]]) };
}

/** Convolutions, normalisations, a model within, a shared layer, two merges, a dense head. */
async function layersModel(): Promise<Files> {
  const { layers } = tf;
  const input = tf.input({ shape: [8, 8, 3], name: "in" });
  const inner = tf.sequential({
    name: "inner",
    layers: [layers.conv2d({ inputShape: [8, 8, 4], filters: 4, kernelSize: 3, padding: "same", name: "c" }), layers.prelu({ name: "p", sharedAxes: [1, 2] })], // prettier-ignore
  });
  const stem = layers.conv2d({ filters: 4, kernelSize: 3, padding: "same", name: "stem" }).apply(input) as tf.SymbolicTensor;
  const shared = layers.batchNormalization({ name: "shared" });
  const once = shared.apply(inner.apply(stem) as tf.SymbolicTensor) as tf.SymbolicTensor;
  const twice = shared.apply(layers.depthwiseConv2d({ kernelSize: 3, padding: "same", name: "deep" }).apply(once)) as tf.SymbolicTensor; // prettier-ignore
  const joined = layers.concatenate({ name: "joined" }).apply([once, twice]) as tf.SymbolicTensor;
  const rest = [
    layers.conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2, name: "up" }),
    layers.zeroPadding2d({ padding: [[1, 2], [0, 1]], name: "pad" }), // prettier-ignore
    layers.averagePooling2d({ poolSize: 3, padding: "same", name: "pool" }),
    layers.layerNormalization({ name: "norm" }),
    layers.reshape({ targetShape: [21, 6], name: "shape" }),
    layers.flatten({ name: "flat" }),
    layers.dense({ units: 5, activation: "softmax", name: "head" }),
  ];
  const output = rest.reduce<tf.SymbolicTensor>((x, layer) => layer.apply(x) as tf.SymbolicTensor, joined);
  const { json, shards } = await saved(seedWeights(tf.model({ inputs: input, outputs: output })));
  return { json: JSON.stringify(json), shards };
}

let models: Record<"graph" | "layers", Files>;
beforeAll(async () => {
  await tf.setBackend("cpu");
  models = { graph: graphModel(), layers: await layersModel() };
});

const size = ({ json, shards }: Files) => [...shards.values()].reduce((sum, { length }) => sum + length, json.length);

/** Imports injured files: either the injury is harmless, or it is refused as what it is, within the time and memory allowed. */
function refusedOrRead(files: Files): "refused" | "read" {
  const start = performance.now();
  try {
    const json: unknown = JSON.parse(files.json);
    inspectTfjs(json);
    const graph = importTfjs(json, files.shards);
    const buffers = new Set([...graph.constants.values()].map(({ data }) => data.buffer));
    expect([...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThan(2 ** 26 + 64 * size(files));
    try {
      canonicalise(graph, { size: [64, 64] });
    } catch (error) {
      for (const kind of [TypeError, RangeError]) expect(error, String((error as Error).stack)).not.toBeInstanceOf(kind);
    }
    return "read";
  } catch (error) {
    const known = error instanceof ModelFormatError || error instanceof OpError || error instanceof SyntaxError;
    if (!known) throw error;
    expect(error.message.length).toBeLessThan(1000);
    return "refused";
  } finally {
    expect(performance.now() - start).toBeLessThan(2000);
  }
}

const WILD: unknown[] = [0, 1, -1, 1.5, 1e9, 2 ** 31, 1e308, null, "", "x", [], {}, [1e9, 1e9], [[]], true, "constructor", "__proto__", "1000000000"]; // prettier-ignore

/** One seeded injury to what the JSON says: a value made wild, another's value, taken out, or told twice. */
function injuredJson(text: string, random: Random): string {
  const root = JSON.parse(text) as object;
  const places: [holder: Record<string, unknown>, key: string][] = [];
  const visit = (x: object) => {
    for (const [key, value] of Object.entries(x)) {
      places.push([x as Record<string, unknown>, key]);
      if (typeof value === "object" && value !== null) visit(value as object);
    }
  };
  visit(root);
  const [holder, key] = random.pick(places);
  const [other, otherKey] = random.pick(places);
  switch (random.integer(4)) {
    case 0:
      holder[key] = random.pick(WILD);
      break;
    case 1:
      holder[key] = JSON.parse(JSON.stringify(other[otherKey])) as unknown;
      break;
    case 2:
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else Reflect.deleteProperty(holder, key);
      break;
    default:
      if (Array.isArray(holder)) holder.push(JSON.parse(JSON.stringify(holder[Number(key)])));
      else holder[key] = [holder[key], holder[key]];
  }
  return JSON.stringify(root);
}

describe.each(["graph", "layers"] as const)("%s models", (kind) => {
  test("whole, it is read", () => {
    expect(refusedOrRead(models[kind])).toBe("read");
  });
  test.each<[string, number, (files: Files, random: Random) => Files]>([
    ["what the JSON says", 60, ({ json, shards }, random) => ({ json: injuredJson(json, random), shards })],
    ["the JSON's text", 60, ({ json, shards }, random) => ({ json: injuredText(json, random), shards })],
    [
      "the weights",
      20,
      ({ json, shards }, random) => ({
        json,
        shards: new Map([...shards].map(([path, bytes]) => [path, injured(bytes, random)])),
      }),
    ],
  ])("200 injuries to %s", (_, least, injure) => {
    const random = seeded(1, `injuries to ${kind} models`);
    const results = Array.from({ length: 200 }, () => refusedOrRead(injure(models[kind], random)));
    expect(results.filter((r) => r === "refused").length).toBeGreaterThan(least);
  });
});

describe("attacks", () => {
  const refuse = (json: unknown, shards: Map<string, Uint8Array>, message: string) => {
    const start = performance.now();
    expect(() => importTfjs(json, shards)).toThrow(message);
    expect(performance.now() - start).toBeLessThan(2000);
  };
  const graph = (nodes: NodeSpec[], constants: Parameters<typeof small>[2], shape = [1, 8, 8, 3]) => {
    const { model, shard } = small(shape, nodes, constants);
    return [model, new Map([["w.bin", shard]])] as const;
  };

  test("a weight of 10^9 elements", () => {
    const { json, shards } = models.layers;
    const file = JSON.parse(json) as { weightsManifest: { weights: { shape: number[] }[] }[] };
    file.weightsManifest[0]!.weights[0]!.shape = [1000, 1000, 1000];
    refuse(file, shards, "model.json: the manifest takes 40000");
  });
  test("an input of 10^9 channels, statistics of one number", () => {
    const config = (name: string, more: object) => ({ class_name: name, config: { name, ...more } });
    const normal = { axis: [-1], mean: 0, variance: 1 };
    const layers = [config("InputLayer", { batch_input_shape: [null, 1, 1, 1e9] }), config("Normalization", normal)];
    const json = { modelTopology: { class_name: "Sequential", config: { layers } }, weightsManifest: [] };
    refuse(json, new Map(), 'Normalization "Normalization": [1000000000] would have 1000000000 elements, more than 4194304.');
  });
  test("constants that grow", () => {
    const fills = Array.from({ length: 400 }, (_, i): NodeSpec => ["Fill", `f${i}`, ["shape", "one"]]);
    const sums = fills.map(([, name], i): NodeSpec => ["Add", `s${i}`, [i ? `s${i - 1}` : "x", name]]);
    const constants = { shape: int32(1, 1000, 1000, 3), one: { shape: [], data: [1] } };
    const [json, shards] = graph([...fills, ...sums], constants, [1, 1000, 1000, 3]);
    refuse(json, shards, "what constants determine takes");
  });
  test("one large weight used a thousand times is held once", () => {
    const nodes = Array.from({ length: 1000 }, (_, i): NodeSpec => ["Mul", `m${i}`, [i ? `m${i - 1}` : "x", "w"]]);
    const [json, shards] = graph(nodes, { w: weights(1, 1, 8, 8, 64) }, [1, 8, 8, 64]);
    expect(importTfjs(json, shards).constants.size).toBe(1);
  });
  test("a split into 10^9 parts", () => {
    const [json, shards] = graph([["Unpack", "u", ["x"], { axis: { i: "3" }, num: { i: "1000000000" } }]], {}, [1, 1, 1, 1e9]);
    refuse(json, shards, 'Unpack "u": it makes 1000000000 outputs');
  });
  test("a shard that is named again and again", () => {
    const [model, shards] = graph([["Relu", "y", ["x"]]], { w: weights(1, 2) });
    model.weightsManifest[0]!.paths = Array<string>(1000).fill("w.bin");
    refuse(model, shards, 'model.json: the manifest names "w.bin" twice.');
  });
  test("models within models that double at every level", () => {
    const leaf = { class_name: "ReLU", name: "r", config: { name: "r" } };
    const input = { class_name: "InputLayer", name: "i", config: { name: "i", batch_input_shape: [null, 8] }, inbound_nodes: [] };
    const nest = (depth: number): object => ({
      class_name: "Functional",
      name: "m",
      config: {
        name: "m",
        layers: [input, { ...(depth ? nest(depth - 1) : leaf), inbound_nodes: [[["i", 0, 0]], [["m", 1, 0]]] }],
        input_layers: [["i", 0, 0]],
        output_layers: [[depth ? "m" : "r", 2, 0]],
      },
    });
    const json = (depth: number) => ({ modelTopology: nest(depth), weightsManifest: [] });
    refuse(json(15), new Map(), "model.json: it unfolds into more than 20000 layers, which is not supported.");
    refuse(json(40), new Map(), "models lie within models more than 16 deep, which is not supported.");
  });
  test("a chain of 20,000 nodes, and a node with as many inputs", () => {
    const chain = Array.from({ length: 20_000 }, (_, i): NodeSpec => ["Relu", `r${i}`, [i ? `r${i - 1}` : "x"]]);
    const wide: NodeSpec = ["AddN", "sum", chain.map(([, name]) => name)];
    const start = performance.now();
    expect(importTfjs(...graph([...chain, wide], { w: weights(1, 2) })).nodes).toHaveLength(20_001);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
