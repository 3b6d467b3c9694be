/** Whole Keras models, saved by TF.js: two small networks, models within models, shared layers, quantised shards, refusals. */
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { ours, saved, seedWeights, theirs, type SavedModel } from "../../../../test/kerasModels";
import { runGraph } from "../../../../test/runGraph";
import { randomTensor, relativeDifference } from "../../../../test/smallGraph";
import { gradient } from "../../../autodiff/gradient";
import { canonicalise, layersOf } from "../../../onnx/canonicalise";
import type { Tensor } from "../../../onnx/graph";
import { f32, floatToHalf, transposed } from "../../../onnx/tensor";
import { importTfjs, inspectTfjs } from "../import";

const { layers } = tf;
type Symbolic = tf.SymbolicTensor;

beforeAll(async () => {
  await tf.setBackend("cpu");
});

/** MobileNet v1 in small: a stem, separable blocks with batch normalisation, a head by convolution. */
function mobileNet(): tf.LayersModel {
  const block = (x: Symbolic, i: number, filters: number, strides: number): Symbolic =>
    [
      layers.zeroPadding2d({ padding: [[0, 1], [0, 1]], name: `conv_pad_${i}` }), // prettier-ignore
      layers.depthwiseConv2d({ kernelSize: 3, strides, padding: strides === 1 ? "same" : "valid", useBias: false, name: `conv_dw_${i}` }), // prettier-ignore
      layers.batchNormalization({ name: `conv_dw_${i}_bn` }),
      layers.reLU({ maxValue: 6, name: `conv_dw_${i}_relu` }),
      layers.conv2d({ filters, kernelSize: 1, padding: "same", useBias: false, name: `conv_pw_${i}` }),
      layers.batchNormalization({ name: `conv_pw_${i}_bn` }),
      layers.reLU({ maxValue: 6, name: `conv_pw_${i}_relu` }),
    ]
      .filter((layer) => strides === 2 || !layer.name.startsWith("conv_pad"))
      .reduce<Symbolic>((y, layer) => layer.apply(y) as Symbolic, x);
  const input = tf.input({ shape: [32, 32, 3], name: "input_1" });
  const stem = layers.conv2d({ filters: 8, kernelSize: 3, strides: 2, padding: "same", activation: "relu", name: "conv1" });
  let x = block(stem.apply(input) as Symbolic, 1, 12, 1);
  x = block(x, 2, 16, 2);
  x = layers.globalAveragePooling2d({ name: "global_average_pooling2d" }).apply(x) as Symbolic;
  x = layers.reshape({ targetShape: [1, 1, 16], name: "reshape_1" }).apply(x) as Symbolic;
  x = layers.dropout({ rate: 0.001, name: "dropout" }).apply(x) as Symbolic;
  x = layers.conv2d({ filters: 10, kernelSize: 1, padding: "same", name: "conv_preds" }).apply(x) as Symbolic;
  x = layers.flatten({ name: "reshape_2" }).apply(x) as Symbolic;
  return tf.model({ inputs: input, outputs: layers.activation({ activation: "softmax", name: "act_softmax" }).apply(x) as Symbolic, name: "mobilenet_0.25_32" }); // prettier-ignore
}

/** An Inception block between a stem and a dense head. */
function inception(): tf.LayersModel {
  const input = tf.input({ shape: [21, 19, 3], name: "image" });
  const conv = (x: Symbolic, filters: number, kernelSize: number | [number, number], name: string): Symbolic => {
    const y = layers.conv2d({ filters, kernelSize, padding: "same", useBias: false, name }).apply(x) as Symbolic;
    const normal = layers.batchNormalization({ scale: false, name: `${name}_bn` }).apply(y) as Symbolic;
    return layers.activation({ activation: "relu", name: `${name}_act` }).apply(normal) as Symbolic;
  };
  const stem = layers.maxPooling2d({ poolSize: 3, strides: 2 }).apply(conv(input, 8, 3, "stem")) as Symbolic;
  const pooled = layers.averagePooling2d({ poolSize: 3, strides: 1, padding: "same" }).apply(stem) as Symbolic;
  const mixed = layers
    .concatenate({ axis: 3, name: "mixed0" })
    .apply([
      conv(stem, 4, 1, "b1x1"),
      conv(conv(stem, 3, 1, "b5x5_1"), 4, 5, "b5x5_2"),
      conv(conv(conv(stem, 3, 1, "b7_1"), 4, [1, 7], "b7_2"), 5, [7, 1], "b7_3"),
      conv(pooled, 2, 1, "pool_proj"),
    ]) as Symbolic;
  const reduced = layers
    .concatenate({ name: "mixed1" })
    .apply([
      layers.conv2d({ filters: 5, kernelSize: 3, strides: 2, name: "reduce" }).apply(mixed) as Symbolic,
      layers.maxPooling2d({ poolSize: 3, strides: 2 }).apply(mixed) as Symbolic,
    ]) as Symbolic;
  const flat = layers.flatten({ name: "flatten" }).apply(reduced) as Symbolic;
  const output = layers.dense({ units: 7, activation: "softmax", name: "predictions" }).apply(flat) as Symbolic;
  return tf.model({ inputs: input, outputs: output, name: "inception" });
}

async function compare(model: tf.LayersModel, x: Tensor, change: (file: SavedModel) => SavedModel = (f) => f): Promise<void> {
  const file = change(await saved(model));
  const input = importTfjs(file.json, file.shards).inputs[0]!.name;
  const result = Object.values(await ours(file, { [input]: x }))[0]!;
  expect(relativeDifference(result, theirs(model, [x])[0]!)).toBeLessThan(1e-5);
}

describe("whole networks", () => {
  test("a MobileNet: TF.js's predictions, the layers' names, no Transpose", async () => {
    const model = seedWeights(mobileNet());
    await compare(model, randomTensor([2, 3, 32, 32], 3));
    const file = await saved(model);
    const graph = importTfjs(file.json, file.shards);
    expect(graph.name).toBe("mobilenet_0.25_32");
    expect(graph.inputs).toEqual([{ name: "input_1", dtype: "float32", shape: ["N", 3, 32, 32] }]);
    expect(graph.outputs).toEqual(["act_softmax"]);
    expect(graph.nodes.some(({ op }) => op === "Transpose")).toBe(false);
    const made = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
    for (const layer of model.layers.slice(1)) expect(made, layer.name).toContain(layer.name);
    const canonical = canonicalise(graph, { size: [64, 48], until: ["conv_pw_2_relu"] });
    expect(canonical.types.get("conv_pw_2_relu")!.shape).toEqual([1, 16, 16, 12]);
    expect(layersOf(canonical).map(({ name }) => name)).toContain("conv_pw_1_relu");
  });

  test("a MobileNet's gradient is TF.js's", async () => {
    const model = seedWeights(mobileNet());
    const { json, shards } = await saved(model);
    const x = randomTensor([1, 3, 32, 32], 3);
    const cotangent = randomTensor([1, 10], 4);
    const canonical = canonicalise(importTfjs(json, shards), { batch: 1 });
    const { grad } = await runGraph(gradient(canonical, { of: "act_softmax", wrt: "input_1" }), { input_1: x, cotangent });
    const nhwc = tf.tensor(transposed(x, [0, 2, 3, 1]).data as Float32Array, [1, 32, 32, 3]);
    const dy = tf.tensor(cotangent.data as Float32Array, [1, 10]);
    const expected = tf
      .grad((v) => model.apply(v) as tf.Tensor)(nhwc, dy)
      .transpose([0, 3, 1, 2]);
    expect(relativeDifference(grad!, f32(expected.dataSync() as Float32Array, expected.shape))).toBeLessThan(1e-5);
  });

  test("an Inception block and a dense head, its shards cut anywhere", async () => {
    const model = seedWeights(inception());
    const x = randomTensor([2, 3, 21, 19], 3);
    await compare(model, x);
    const file = await saved(model, 1001);
    expect(file.shards.size).toBeGreaterThan(5);
    const result = await ours(file, { image: x }, { until: ["mixed0", "predictions"] });
    const upTo = tf.model({ inputs: model.inputs, outputs: [model.getLayer("mixed0").output as Symbolic, model.outputs[0]!] });
    for (const [i, expected] of theirs(upTo, [x]).entries())
      expect(relativeDifference(result[["mixed0", "predictions"][i]!]!, expected)).toBeLessThan(1e-5);
  });

  test("channels first all through", async () => {
    const dataFormat = "channelsFirst";
    const model = tf.sequential({
      layers: [
        layers.conv2d({ inputShape: [3, 12, 10], filters: 4, kernelSize: 3, strides: 2, padding: "same", activation: "relu", dataFormat }), // prettier-ignore
        layers.maxPooling2d({ poolSize: 2, dataFormat }),
        layers.flatten({ dataFormat }),
        layers.dense({ units: 5 }),
      ],
    });
    seedWeights(model);
    const file = await saved(model);
    const x = randomTensor([2, 3, 12, 10], 3);
    const result = Object.values(await ours(file, { [importTfjs(file.json, file.shards).inputs[0]!.name]: x }))[0]!;
    expect(relativeDifference(result, theirs(model, [x], true)[0]!)).toBeLessThan(1e-5);
  });
});

describe("models within models, shared layers", () => {
  const backbone = () =>
    tf.sequential({
      name: "backbone",
      layers: [layers.conv2d({ inputShape: [8, 8, 3], filters: 4, kernelSize: 3, name: "c1" }), layers.reLU({ name: "r1" })],
    });

  test("a Sequential of a model and a head, by the inner names and the model's own", async () => {
    const model = tf.sequential({ layers: [backbone(), layers.flatten({ name: "flat" }), layers.dense({ units: 3, name: "head" })] }); // prettier-ignore
    seedWeights(model);
    const x = randomTensor([1, 3, 8, 8], 4);
    await compare(model, x);
    const file = await saved(model);
    const until = importTfjs(file.json, file.shards, { until: ["backbone"] });
    expect(until.outputs).toEqual(["r1"]);
    expect(until.inputs[0]!.name).toBe("backbone_input");
  });

  test("a layer and a model that are called twice", async () => {
    const input = tf.input({ shape: [8, 8, 3], name: "in" });
    const shared = layers.conv2d({ filters: 3, kernelSize: 3, padding: "same", name: "shared" });
    const once = shared.apply(input) as Symbolic;
    const twice = shared.apply(once) as Symbolic;
    const inner = backbone();
    const sum = layers.add({ name: "sum" }).apply([inner.apply(once) as Symbolic, inner.apply(twice) as Symbolic]) as Symbolic;
    const model = seedWeights(tf.model({ inputs: input, outputs: sum }));
    await compare(model, randomTensor([1, 3, 8, 8], 4));
    const { json, shards } = await saved(model);
    const made = importTfjs(json, shards).nodes.flatMap(({ outputs }) => outputs);
    expect(made.sort()).toEqual(["c1", "c1_1", "r1", "r1_1", "shared", "shared_1", "sum"]);
  });

  test("a layer within a model that is called as one outside", async () => {
    const model = seedWeights(tf.sequential({ layers: [backbone(), layers.reLU({ name: "other" })] }));
    const file = await saved(model);
    const { layers: outer } = file.json.modelTopology.config as { layers: { config: { name: string } }[] };
    outer[1]!.config.name = "c1"; // TF.js writes no such file, Keras does
    const graph = importTfjs(file.json, file.shards);
    expect(graph.nodes.flatMap(({ outputs }) => outputs)).toEqual(["backbone/c1", "r1", "c1"]);
  });
});

describe("other writers", () => {
  /** The same topology as Keras 3 writes it: batch_shape, build_config, dtype policies, keras_history, numbered weights. */
  function asKeras3(file: SavedModel): SavedModel {
    const topology = file.json.modelTopology as { config: { layers: Json[]; input_layers: unknown[]; output_layers: unknown[] } };
    const shapes = { dtype: "float32", shape: [null] };
    for (const layer of topology.config.layers) {
      const config = layer.config as Record<string, unknown>;
      Object.assign(layer, { module: "keras.layers", registered_name: null });
      if ("batch_input_shape" in config) {
        config.batch_shape = config.batch_input_shape;
        delete config.batch_input_shape;
      }
      config.dtype = { module: "keras", class_name: "DTypePolicy", config: { name: "float32" }, registered_name: null };
      if ("axis" in config && layer.class_name === "BatchNormalization") config.axis = 3;
      layer.inbound_nodes = (layer.inbound_nodes as unknown[][][]).map((refs) => {
        const args = refs.map((ref) => ({
          class_name: "__keras_tensor__",
          config: { ...shapes, keras_history: ref.slice(0, 3) },
        }));
        return { args: args.length > 1 ? [args] : args, kwargs: { training: false } };
      });
    }
    topology.config.input_layers = topology.config.input_layers[0] as unknown[];
    topology.config.output_layers = topology.config.output_layers[0] as unknown[];
    const counts = new Map<string, number>();
    for (const weight of file.json.weightsManifest[0]!.weights) {
      const layer = weight.name.split("/")[0]!;
      const i = counts.get(layer) ?? 0;
      counts.set(layer, i + 1);
      weight.name = `${layer}/${i}`;
    }
    const model_config = { class_name: "Functional", config: topology.config };
    return { ...file, json: { ...file.json, modelTopology: { keras_version: "3.3.3", backend: "tensorflow", model_config } } };
  }
  type Json = Record<string, unknown>;

  test("names in TF.js's own spelling, as hand-made files have them", async () => {
    const camel = (text: string) => text.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    const change = (file: SavedModel): SavedModel => {
      const { config } = file.json.modelTopology as { config: { layers: Json[] } };
      for (const layer of config.layers) {
        const entries = Object.entries(layer.config as Json).map(([key, value]) => [camel(key), key === "data_format" ? camel(value as string) : value]); // prettier-ignore
        layer.config = Object.fromEntries(entries);
      }
      return file;
    };
    await compare(seedWeights(inception()), randomTensor([1, 3, 21, 19], 3), change);
  });

  test("Keras 3's form", () => compare(seedWeights(inception()), randomTensor([1, 3, 21, 19], 3), asKeras3));

  test("the converter's: model_config, weights with a cell's name or the model's", async () => {
    const change = (file: SavedModel): SavedModel => {
      const [group] = file.json.weightsManifest;
      group!.weights.forEach((w, i) => (w.name = i % 2 ? `inception/${w.name}` : w.name.replace("/", "/cell/")));
      const modelTopology = { keras_version: "2.11.0", backend: "tensorflow", model_config: file.json.modelTopology };
      delete (modelTopology.model_config as Json).keras_version;
      return { ...file, json: { ...file.json, modelTopology } };
    };
    await compare(seedWeights(inception()), randomTensor([1, 3, 21, 19], 3), change);
  });
});

describe("quantised shards", () => {
  test.each(["uint8", "uint16", "float16"] as const)("%s: what TF.js reads from them", async (dtype) => {
    const file = await saved(seedWeights(inception()));
    const [group] = file.json.weightsManifest;
    const floats = new Float32Array(file.shards.values().next().value!.slice().buffer);
    const parts: Uint8Array[] = [];
    let offset = 0;
    for (const w of group!.weights) {
      const values = floats.subarray(offset, (offset += w.shape.reduce((n, d) => n * d, 1)));
      const min = Math.min(...values);
      const steps = dtype === "uint8" ? 255 : 65535;
      const scale = Math.max(1e-6, (Math.max(...values) - min) / steps);
      const codes = Array.from(values, (v) => Math.round((v - min) / scale));
      if (dtype === "float16") parts.push(new Uint8Array(Uint16Array.from(values, floatToHalf).buffer));
      else parts.push(new Uint8Array((dtype === "uint8" ? Uint8Array.from(codes) : Uint16Array.from(codes)).buffer));
      w.quantization = dtype === "float16" ? { dtype, original_dtype: "float32" } as never : { dtype, scale, min }; // prettier-ignore
    }
    const bytes = Uint8Array.from(parts.flatMap((part) => [...part]));
    const shards = new Map([[group!.paths[0]!, bytes]]);
    const artifacts = { modelTopology: file.json.modelTopology, weightSpecs: group!.weights, weightData: bytes.buffer };
    const loaded = await tf.loadLayersModel(tf.io.fromMemory(artifacts as tf.io.ModelArtifacts));
    const x = randomTensor([1, 3, 21, 19], 3);
    const result = Object.values(await ours({ json: file.json, shards }, { image: x }))[0]!;
    expect(relativeDifference(result, theirs(loaded, [x])[0]!)).toBeLessThan(1e-5);
  });
});

describe("before the weights", () => {
  test("what the file says, and all that is not understood, at once", async () => {
    const { json } = await saved(seedWeights(inception()));
    const said = inspectTfjs(json);
    const { layers: all, ...rest } = said;
    expect(all.slice(0, 3)).toEqual([
      { name: "stem", op: "Conv2D" },
      { name: "stem_bn", op: "BatchNormalization" },
      { name: "stem_act", op: "Activation" },
    ]);
    expect(rest).toEqual({
      kind: "layers",
      title: "inception",
      inputs: [{ name: "image", dtype: "float32", shape: ["N", 3, 21, 19] }],
      unsupported: [],
      outputs: ["predictions"],
      shards: ["group1-shard1of1.bin"],
      bytes: json.weightsManifest[0]!.weights.reduce((sum, w) => sum + 4 * w.shape.reduce((n, d) => n * d, 1), 0),
    });
    const { layers: list } = json.modelTopology.config as { layers: { name: string; class_name: string }[] };
    list.find(({ name }) => name === "mixed1")!.class_name = "Lambda";
    list.find(({ name }) => name === "flatten")!.class_name = "Fold";
    const cut = inspectTfjs(json);
    expect(cut.unsupported).toEqual([
      { node: "mixed1", op: "Lambda" },
      { node: "flatten", op: "Fold" },
    ]);
    expect(cut.outputs.toSorted()).toEqual([expect.stringMatching(/^max_pooling2d/), "reduce"]);
  });
});

describe("refusals", () => {
  type Config = { layers: { name: string; class_name: string; config: Record<string, unknown>; inbound_nodes: unknown[] }[] };
  const refused = async (change: (config: Config, file: SavedModel) => void, message: string | RegExp) => {
    const file = await saved(seedWeights(inception()));
    change(file.json.modelTopology.config as Config, file);
    expect(() => importTfjs(file.json, file.shards)).toThrow(message);
  };
  const at = (config: Config, name: string) => config.layers.find((layer) => layer.name === name)!;

  test.each<[string, (config: Config, file: SavedModel) => void, string]>([
    [
      "layers that are not understood, all of them",
      (c) => {
        at(c, "stem_act").class_name = "Lambda";
        at(c, "flatten").class_name = "Fold";
      },
      'Lambda "stem_act": this Keras layer is not supported, nor is Fold "flatten". Name an earlier layer as the output and what follows is left out.',
    ],
    [
      "a circle",
      (c) => (at(c, "stem").inbound_nodes = [[["stem_act", 0, 0, {}]]]),
      'model.json: "stem_act" depends on its own output. Such a circle cannot be run; convert the model again.',
    ],
    [
      "a layer that is not there",
      (c) => (at(c, "stem").inbound_nodes = [[["sten", 0, 0, {}]]]),
      'model.json: "stem" reads output 0 of call 0 of the layer "sten", which is not there. The file is damaged; save it again.',
    ],
    [
      "a name used twice",
      (c) => (at(c, "stem_act").name = "stem"),
      'model.json: two layers are called "stem". The file contradicts itself; save it again.',
    ],
    [
      "a weight of another shape",
      (c) => (at(c, "stem").config.filters = 9),
      'Conv2D "stem": its weight "stem/kernel" is float32 [3,3,3,8]; float32 [3,3,3,9] is expected. The file contradicts itself.',
    ],
    [
      "a weight that is missing",
      (_, f) => (f.json.weightsManifest[0]!.weights[0]!.name = "other"),
      'Conv2D "stem": its weight "stem/kernel" is not among those of the manifest. The file contradicts itself; save it again.',
    ],
    [
      "an activation that is not known",
      (c) => (at(c, "reduce").config.activation = "wave"),
      'Conv2D "reduce": the activation "wave" is not supported. Save the model without it, or cut it before this layer.',
    ],
    [
      "a stride of nothing",
      (c) => (at(c, "reduce").config.strides = [0, 2]),
      'Conv2D "reduce": its strides is 0; a count of 1 or more is expected.',
    ],
    [
      "channels now first, now last",
      (c) => (at(c, "reduce").config.data_format = "channels_first"),
      'Conv2D "reduce": it has channels_first, but Conv2D "stem" has channels_last; a model with both is not supported. Save it with one of them.',
    ],
    ["a model without layers", (c) => (c.layers = []), "model.json: Model has no layers. Choose another file."],
    [
      "a subclassed model",
      (c) => delete (c as Partial<Config>).layers,
      "model.json: the config of Model lists no layers, so it cannot be rebuilt. Save it as a Sequential or functional model.",
    ],
  ])("%s", (_, change, message) => refused(change, message));
});
