/** Every Keras layer that TF.js has, built, saved and predicted by TF.js, against our import of the file. */
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { ours, saved, seedWeights, theirs, type SavedModel } from "../../../../test/kerasModels";
import { randomTensor, relativeDifference } from "../../../../test/smallGraph";
import { f32, transposed } from "../../../onnx/tensor";

beforeAll(async () => {
  await tf.setBackend("cpu");
});

type Layer = tf.layers.Layer;
type DataFormat = "channelsFirst" | "channelsLast";

/** Both results for a model over one input, whose shape is in Keras's order; `first`: its channels come first. */
async function compare(model: tf.LayersModel, shape: number[], first = false): Promise<void> {
  seedWeights(model);
  const own = randomTensor([2, ...shape], 5);
  const x = own.shape.length === 4 && !first ? transposed(own, [0, 3, 1, 2]) : own;
  const result = Object.values(await ours(await saved(model), { [model.inputs[0]!.name]: x }));
  expect(result).toHaveLength(1);
  expect(relativeDifference(result[0]!, theirs(model, [x], first)[0]!)).toBeLessThan(1e-5);
}

const alone = (shape: number[], ...layers: Layer[]): tf.LayersModel => {
  const input = tf.input({ shape });
  const output = layers.reduce<tf.SymbolicTensor>((x, layer) => layer.apply(x) as tf.SymbolicTensor, input);
  return tf.model({ inputs: input, outputs: output });
};

const { layers } = tf;
const image = [9, 8, 6];

/** All combinations. */
function product<T extends Record<string, readonly unknown[]>>(axes: T): { [K in keyof T]: T[K][number] }[] {
  return Object.entries(axes).reduce<Record<string, unknown>[]>(
    (rows, [key, values]) => rows.flatMap((row) => values.map((value) => ({ ...row, [key]: value }))),
    [{}],
  ) as { [K in keyof T]: T[K][number] }[];
}

const paddings = ["same", "valid"] as const;
const formats: readonly DataFormat[] = ["channelsLast", "channelsFirst"];

describe("windows: padding, strides, dilation, data_format", () => {
  test.each([
    ...product({ padding: paddings, strides: [1, 2], dilationRate: [1], dataFormat: formats }),
    ...product({ padding: paddings, strides: [1], dilationRate: [2], dataFormat: formats }),
  ])("Conv2D %o", (c) =>
    compare(
      alone(image, layers.conv2d({ filters: 5, kernelSize: [3, 2], activation: "relu", ...c })),
      image,
      c.dataFormat === "channelsFirst",
    ),
  );
  test.each(product({ padding: paddings, strides: [1, 2], depthMultiplier: [1, 3], dataFormat: formats }))(
    "DepthwiseConv2D %o",
    (c) => compare(alone(image, layers.depthwiseConv2d({ kernelSize: 3, activation: "relu6", ...c })), image, c.dataFormat === "channelsFirst"), // prettier-ignore
  );
  test.each(product({ padding: paddings, strides: [1, 2], depthMultiplier: [1, 2], useBias: [true, false] }))(
    "SeparableConv2D %o",
    (c) => compare(alone(image, layers.separableConv2d({ filters: 5, kernelSize: 3, activation: "tanh", ...c })), image),
  );
  test.each([
    ...product({ padding: paddings, strides: [1, 2, 3], kernelSize: [2, 3, 4], dataFormat: formats.slice(0, 1) }),
    ...product({ padding: paddings, strides: [2], kernelSize: [3], dataFormat: formats.slice(1) }),
  ])("Conv2DTranspose %o", (c) =>
    compare(
      alone([4, 5, 6], layers.conv2dTranspose({ filters: 3, activation: "elu", ...c })),
      [4, 5, 6],
      c.dataFormat === "channelsFirst",
    ),
  );
  test.each(product({ padding: paddings, strides: [1, 2, undefined], poolSize: [2, 3], dataFormat: formats }))(
    "pools %o",
    async (c) => {
      const first = c.dataFormat === "channelsFirst";
      await compare(alone(image, layers.maxPooling2d(c)), image, first);
      await compare(alone(image, layers.averagePooling2d(c)), image, first);
    },
  );
  test.each(formats)("global pools, pads, crops, resizes, %s", async (dataFormat) => {
    const first = dataFormat === "channelsFirst";
    const cases: Layer[] = [
      layers.globalAveragePooling2d({ dataFormat }),
      layers.globalMaxPooling2d({ dataFormat }),
      layers.zeroPadding2d({ padding: [[1, 2], [3, 0]], dataFormat }), // prettier-ignore
      layers.zeroPadding2d({ padding: 2, dataFormat }),
      layers.cropping2D({ cropping: [[1, 2], [3, 0]], dataFormat }), // prettier-ignore
      layers.upSampling2d({ size: [2, 3], dataFormat }),
      layers.upSampling2d({ size: [2, 3], interpolation: "bilinear", dataFormat }),
    ];
    for (const layer of cases) await compare(alone(image, layer), image, first);
  });
});

describe("what has no window", () => {
  const cases: Record<string, { layer: () => Layer; shape?: number[] }> = {
    Dense: { layer: () => layers.dense({ units: 4, activation: "softmax" }), shape: [7] },
    "Dense without a bias": { layer: () => layers.dense({ units: 4, useBias: false }), shape: [7] },
    "Dense over sequences": { layer: () => layers.dense({ units: 4, activation: "tanh" }), shape: [3, 7] },
    "Dense over pictures": { layer: () => layers.dense({ units: 4, activation: "relu" }) },
    BatchNormalization: { layer: () => layers.batchNormalization({}) },
    "BatchNormalization without scale and centre": { layer: () => layers.batchNormalization({ scale: false, center: false }) },
    "BatchNormalization without scale, of vectors": { layer: () => layers.batchNormalization({ scale: false }), shape: [7] },
    "BatchNormalization of sequences": { layer: () => layers.batchNormalization({}), shape: [3, 7] },
    LayerNormalization: { layer: () => layers.layerNormalization({}), shape: [3, 7] },
    "LayerNormalization of pictures": { layer: () => layers.layerNormalization({ epsilon: 1e-6 }) },
    "LayerNormalization over the whole picture, no scale": { layer: () => layers.layerNormalization({ axis: [1, 2, 3], scale: false }) }, // prettier-ignore
    ReLU: { layer: () => layers.reLU({}) },
    "ReLU up to 1.5": { layer: () => layers.reLU({ maxValue: 1.5 }) },
    LeakyReLU: { layer: () => layers.leakyReLU({}) },
    "LeakyReLU 0.1": { layer: () => layers.leakyReLU({ alpha: 0.1 }) },
    PReLU: { layer: () => layers.prelu({}) },
    "PReLU shared over rows and columns": { layer: () => layers.prelu({ sharedAxes: [1, 2] }) },
    ELU: { layer: () => layers.elu({}) },
    ThresholdedReLU: { layer: () => layers.thresholdedReLU({ theta: 0.5 }) },
    Softmax: { layer: () => layers.softmax({ axis: -1 }) },
    "Softmax of vectors": { layer: () => layers.softmax({}), shape: [7] },
    Flatten: { layer: () => layers.flatten({}) },
    "Flatten of one row": { layer: () => layers.flatten({}), shape: [1, 1, 6] },
    "Reshape to a picture": { layer: () => layers.reshape({ targetShape: [4, 3, 2] }), shape: [24] },
    "Reshape of a picture to a sequence": { layer: () => layers.reshape({ targetShape: [-1, 6] }) },
    "Reshape of a picture to another": { layer: () => layers.reshape({ targetShape: [4, 18, 6] }) },
    Permute: { layer: () => layers.permute({ dims: [3, 1, 2] }) },
    "Permute of sequences": { layer: () => layers.permute({ dims: [2, 1] }), shape: [3, 7] },
    Dropout: { layer: () => layers.dropout({ rate: 0.5 }) },
    GaussianNoise: { layer: () => layers.gaussianNoise({ stddev: 1 }) },
    AlphaDropout: { layer: () => layers.alphaDropout({ rate: 0.5 }) },
    GlobalAveragePooling1D: { layer: () => layers.globalAveragePooling1d({}), shape: [3, 7] },
    GlobalMaxPooling1D: { layer: () => layers.globalMaxPooling1d({}), shape: [3, 7] },
    Rescaling: { layer: () => layers.rescaling({ scale: 1 / 127.5, offset: -1 }) },
  };
  test.each(Object.entries(cases))("%s", (_, { layer, shape = image }) => compare(alone(shape, layer()), shape));

  test.each([
    "elu",
    "gelu",
    "gelu_new",
    "hardSigmoid",
    "linear",
    "logSoftmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "softmax",
    "softplus",
    "softsign",
    "swish",
    "tanh",
  ])(
    // prettier-ignore
    "activation %s, as a layer and at the end of a convolution",
    async (activation) => {
      const name = activation as "relu";
      const conv = layers.conv2d({ filters: 5, kernelSize: 1, activation: name });
      await compare(alone(image, conv, layers.activation({ activation: name })), image);
    },
  );

  test.each(["add", "multiply", "average", "maximum", "minimum"] as const)("%s of three", async (merge) => {
    const input = tf.input({ shape: image });
    const conv = (seed: number) =>
      layers.conv2d({ filters: 6, kernelSize: 1, name: `${merge}_${seed}` }).apply(input) as tf.SymbolicTensor;
    const output = layers[merge]().apply([conv(1), input, conv(2)]) as tf.SymbolicTensor;
    await compare(tf.model({ inputs: input, outputs: output }), image);
  });
  test.each([1, 2, 3, -1])("concatenation along %i", async (axis) => {
    const input = tf.input({ shape: image });
    const output = layers.concatenate({ axis }).apply([input, layers.reLU({}).apply(input) as tf.SymbolicTensor]);
    await compare(tf.model({ inputs: input, outputs: output as tf.SymbolicTensor }), image);
  });
  test("a vector times a picture", async () => {
    const input = tf.input({ shape: image });
    const pooled = layers.globalAveragePooling2d({}).apply(input) as tf.SymbolicTensor;
    const gate = layers.reshape({ targetShape: [1, 1, 6] }).apply(pooled) as tf.SymbolicTensor;
    const output = layers.multiply().apply([input, gate]) as tf.SymbolicTensor;
    await compare(tf.model({ inputs: input, outputs: output }), image);
  });
  test.each(["channelsFirst", undefined] as const)("Flatten of channels first, %s", (dataFormat) =>
    compare(
      alone([3, 5, 4], layers.conv2d({ filters: 2, kernelSize: 1, dataFormat: "channelsFirst" }), layers.flatten({ ...(dataFormat ? { dataFormat } : {}) })), // prettier-ignore
      [3, 5, 4],
      true,
    ),
  );
});

/** Where TF.js errs, or has no such layer: what Keras documents, in TF.js's own ops. */
describe("beside TF.js", () => {
  const x = randomTensor([2, ...image], 5);
  const own = () => tf.tensor4d(x.data as Float32Array, [2, 9, 8, 6]);
  /** Our result for one layer over an image, whose class, config, weights and writer are replaced in the saved file. */
  async function check(change: (file: SavedModel) => void, layer: Layer, expected: tf.Tensor): Promise<void> {
    const model = seedWeights(alone(image, layer));
    const file = await saved(model);
    change(file);
    const result = Object.values(await ours(file, { [model.inputs[0]!.name]: transposed(x, [0, 3, 1, 2]) }))[0]!;
    const values = f32(expected.dataSync() as Float32Array, expected.shape);
    expect(relativeDifference(result, expected.rank === 4 ? transposed(values, [0, 3, 1, 2]) : values)).toBeLessThan(1e-5);
  }
  /** Puts a layer of another class in the place of the model's last. */
  const become =
    (className: string, config: Record<string, unknown>, keras = "2.15.0") =>
    ({ json }: SavedModel): void => {
      const layers = (json.modelTopology.config as { layers: Record<string, unknown>[] }).layers;
      Object.assign(layers.at(-1)!, { class_name: className, config: { ...(layers.at(-1)!.config as object), ...config } });
      json.modelTopology.keras_version = keras;
    };
  const anything = () => layers.reLU({});

  test("BatchNormalization along rows, which TF.js's plain backend does not broadcast", async () => {
    const model = seedWeights(alone(image, layers.batchNormalization({ axis: 1, epsilon: 0.1 })));
    const [gamma, beta, mean, variance] = model.getWeights().map((w) => w.reshape([9, 1, 1]));
    const normal = own().sub(mean!).div(variance!.add(0.1).sqrt());
    await check(() => {}, layers.batchNormalization({ axis: 1, epsilon: 0.1 }), normal.mul(gamma!).add(beta!));
  });
  test.each(["tfjs-layers 4.22.0", "2.15.0"])("Resizing by %s", async (keras) => {
    const resizing = (config: object) => become("Resizing", { height: 5, width: 7, ...config }, keras);
    const isTfjs = keras.startsWith("tfjs");
    await check(resizing({}), anything(), tf.image.resizeBilinear(own(), [5, 7], isTfjs, !isTfjs));
    const nearest = tf.image.resizeNearestNeighbor(own(), [5, 7], isTfjs, !isTfjs);
    await check(resizing({ interpolation: "nearest" }), anything(), nearest);
  });
  test("UpSampling2D by Keras", () =>
    check(
      become("UpSampling2D", { size: [2, 2], interpolation: "bilinear", data_format: "channels_last" }),
      anything(),
      tf.image.resizeBilinear(own(), [18, 16], false, true),
    ));
  test("DepthwiseConv2D with a dilation", async () => {
    const layer = () => layers.depthwiseConv2d({ kernelSize: 3, useBias: false });
    const [W] = seedWeights(alone(image, layer())).getWeights();
    await check(become("DepthwiseConv2D", { dilation_rate: [2, 2] }), layer(), tf.depthwiseConv2d(own(), W as tf.Tensor4D, 1, "valid", "NHWC", 2)); // prettier-ignore
  });
  test("Conv2D in groups", async () => {
    const layer = () => layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 1 });
    const [W, b] = seedWeights(alone(image, layer())).getWeights();
    const grouped = (file: SavedModel) => {
      become("Conv2D", { filters: 6, groups: 6 })(file);
      const kernel = file.json.weightsManifest[0]!.weights.find((w) => w.name.endsWith("kernel"))!;
      Object.assign(kernel, { name: kernel.name.replace("/depthwise_", "/"), shape: [3, 3, 1, 6] });
    };
    await check(grouped, layer(), tf.depthwiseConv2d(own(), W as tf.Tensor4D, 1, "valid").add(b!));
  });
  test("ReLU with all that it can have", async () => {
    const bent = tf.where(own().greaterEqual(0.5), own(), own().sub(0.5).mul(0.2));
    await check(become("ReLU", { negative_slope: 0.2, threshold: 0.5, max_value: 1 }), anything(), tf.minimum(bent, 1));
    await check(become("ReLU", { negative_slope: 0.2, max_value: 1 }), anything(), tf.minimum(tf.leakyRelu(own(), 0.2), 1));
    await check(become("LeakyReLU", { negative_slope: 0.4 }, "3.3.0"), anything(), tf.leakyRelu(own(), 0.4));
  });
  test("Normalization with its statistics in the config, and Rescaling by channel", async () => {
    const six = [1, 2, 3, 4, 5, 6];
    const normal = own().sub(six).div(tf.sqrt(six));
    await check(become("Normalization", { axis: [-1], mean: [[[six]]], variance: [[[six]]] }), anything(), normal);
    await check(become("Normalization", { axis: null, mean: 0.5, variance: 4 }), anything(), own().sub(0.5).div(2));
    await check(become("Rescaling", { scale: six, offset: -1 }), anything(), own().mul(six).sub(1));
  });
  test("global pools that keep their axes", () =>
    check(
      become("GlobalAveragePooling2D", { keepdims: true, data_format: "channels_last" }),
      anything(),
      own().mean([1, 2], true),
    ));
  test("hard_sigmoid of Keras 3, and its activations as objects", async () => {
    const gate = own().add(3).div(6).clipByValue(0, 1) as tf.Tensor;
    const activation = { module: "builtins", class_name: "function", config: "hard_sigmoid", registered_name: "function" };
    await check(become("Activation", { activation }, "3.3.0"), anything(), gate);
    await check(become("Activation", { activation: "hard_silu" }, "3.3.0"), anything(), own().mul(gate));
  });
});
