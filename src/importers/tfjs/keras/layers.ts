/** Keras layers that have no window: dense ones, normalisations, activations, merges, shapes. */
import { sizeOf, type Tensor, type Value } from "../../../onnx/graph";
import { f32, numbers } from "../../../onnx/tensor";
import { activate, alignedConstant, convolve, multiply, standardise, VALID } from "../emit";
import { shaped, turned } from "../site";
import type { KerasRule, KerasSite } from "./site";
import { windows } from "./windows";

/** Normalization divides by no less than this, as Keras's own. */
const SMALLEST_DEVIATION = 1e-7;

/** Over the last axis in Keras's order, which in a stored picture is the channel: a convolution of one pixel. */
const dense: KerasRule = (s) => {
  const { x } = s;
  const units = s.count("units");
  const width = s.shape.at(-1)!;
  const { name, tensor } = s.weight("kernel", 0, [width, units]);
  if (s.rank < 2) s.fail(`its input has the shape [${s.shape}]; two axes or more are expected.`);
  const pixel = s.rank === 4 && !s.channelsFirst;
  const W = s.hold(pixel ? shaped(turned(tensor, [1, 0]), [units, width, 1, 1]) : tensor, name);
  const bias = s.bias(1, units);
  const activation = s.activation();
  if (!pixel) return multiply(s, x, W, bias, activation);
  return convolve(s, x, { strides: [1, 1], dilations: [1, 1], padding: VALID, W, group: 1, bias, activation });
};

/** A vector over one axis, as it broadcasts against the input. */
function along(s: KerasSite, axes: readonly number[], tensor: Tensor): Tensor {
  return s.stored(
    shaped(
      tensor,
      s.shape.map((size, i) => (axes.includes(i) ? size : 1)),
    ),
  );
}

const batchNorm: KerasRule = (s) => {
  const [axis, ...more] = s.axes("axis", -1);
  if (more.length) s.fail(`it normalises along ${1 + more.length} axes; one is supported.`);
  const size = s.shape[axis!]!;
  const epsilon = s.number("epsilon", 1e-3);
  let index = 0;
  const vector = (key: string, there: boolean, fallback: number): { name: string; tensor: Tensor } =>
    there ? s.weight(key, index++, [size]) : { name: `${s.node.name}~${key}`, tensor: s.filled(fallback, [size]) };
  const vectors = [
    vector("gamma", s.flag("scale", true), 1),
    vector("beta", s.flag("center", true), 0),
    vector("moving_mean", true, 0),
    vector("moving_variance", true, 1),
  ];
  if (s.storedAxis(axis!, s.rank) === 1)
    return s.last("BatchNormalization", [s.x, ...vectors.map((v) => s.held(v))], { epsilon });
  const [gamma, beta, mean, variance] = vectors.map(({ tensor }) => numbers(tensor)) as [number[], number[], number[], number[]];
  const factor = gamma.map((g, i) => g / Math.sqrt(variance[i]! + epsilon));
  const offset = beta.map((b, i) => b - mean[i]! * factor[i]!);
  const held = (name: string, values: number[]) => s.hold(along(s, [axis!], f32(values)), `${s.node.name}~${name}`);
  return s.last("Add", [s.step("scaled", "Mul", [s.x, held("factor", factor)]), held("offset", offset)]);
};

const layerNorm: KerasRule = (s) => {
  if (s.flag("rms_scaling", false)) s.fail("its rms_scaling is not supported. Cut the model before this layer.");
  const axes = s.axes("axis", -1);
  if (axes.some((axis, i) => i > 0 && axis <= axes[i - 1]!))
    s.fail(`its axes [${axes}] are not in order, which is not supported.`);
  const epsilon = s.number("epsilon", 1e-3);
  const sizes = axes.map((axis) => s.shape[axis]!);
  const hasScale = s.flag("scale", true);
  const gamma = hasScale ? s.weight("gamma", 0, sizes) : { name: `${s.node.name}~gamma`, tensor: s.filled(1, sizes) };
  const beta = s.flag("center", true)
    ? s.weight("beta", hasScale ? 1 : 0, sizes)
    : { name: `${s.node.name}~beta`, tensor: s.filled(0, sizes) };
  const trailing = axes[0] === s.rank - axes.length;
  if (trailing && (s.rank !== 4 || s.channelsFirst))
    return s.last("LayerNormalization", [s.x, s.held(gamma), s.held(beta)], { axis: axes[0]!, epsilon });
  const vectors = [gamma, beta].map(({ name, tensor }) => s.hold(along(s, axes, tensor), name));
  return standardise(s, s.x, axes.map((axis) => s.storedAxis(axis, s.rank)), epsilon, vectors[0]!, vectors[1]!); // prettier-ignore
};

/** Statistics of the training set, out of the config or among the weights. */
const normalization: KerasRule = (s) => {
  if (s.flag("invert", false)) s.fail("its inversion is not supported. Cut the model before this layer.");
  const given = s.node.config.axis;
  const axes = given === null ? [] : s.axes("axis", -1);
  const sizes = axes.map((axis) => s.shape[axis]!);
  const statistic = (key: "mean" | "variance", index: number): number[] => {
    const listed = s.numbers(key);
    const values = listed ?? numbers(s.weight(key, index, sizes).tensor);
    if (values.length === 1) return numbers(s.filled(values[0]!, sizes));
    return values.length === sizeOf(sizes) ? values : s.fail(`its ${key} has ${values.length} numbers for [${sizes}].`);
  };
  const mean = statistic("mean", 0);
  const factor = statistic("variance", 1).map((v) => 1 / Math.max(Math.sqrt(v), SMALLEST_DEVIATION));
  const held = (name: string, values: number[]) => s.hold(along(s, axes, f32(values)), `${s.node.name}~${name}`);
  return s.last("Mul", [s.step("centred", "Sub", [s.x, held("mean", mean)]), held("factor", factor)]);
};

const rescaling: KerasRule = (s) => {
  const factor = (key: string, fallback: number) => {
    const list = s.numbers(key) ?? [fallback];
    if (list.length === 1) return s.b.scalar(list[0]!);
    if (list.length !== s.shape.at(-1))
      s.fail(`its ${key} has ${list.length} numbers for [${s.shape}]. The file contradicts itself.`);
    return s.hold(alignedConstant(s, f32(list), s.rank), `${s.node.name}~${key}`);
  };
  return s.last("Add", [s.step("scaled", "Mul", [s.x, factor("scale", 1)]), factor("offset", 0)]);
};

/** f(x) = max_value from there on, x from the threshold on, negative_slope * (x - threshold) below. */
const relu: KerasRule = (s) => {
  const { b, x } = s;
  const [top] = s.numbers("max_value") ?? [];
  const slope = s.number("negative_slope", 0);
  const threshold = s.number("threshold", 0);
  if (threshold === 0 && slope === 0)
    return top === undefined ? activate(s, { name: "Relu" }, x) : s.last("Clip", [x, b.scalar(0), b.scalar(top)]);
  const site = top === undefined ? s : s.at("uncapped");
  const bent =
    threshold === 0
      ? activate(site, { name: "LeakyRelu", alpha: slope }, x)
      : site.last("Where", [
          s.step("above", "GreaterOrEqual", [x, b.scalar(threshold)]),
          x,
          s.step("below", "Mul", [s.step("shifted", "Sub", [x, b.scalar(threshold)]), b.scalar(slope)]),
        ]);
  return top === undefined ? bent : s.last("Min", [bent, b.scalar(top)]);
};

const thresholded: KerasRule = (s) =>
  s.last("Where", [s.step("above", "Greater", [s.x, s.b.scalar(s.number("theta", 1))]), s.x, s.b.scalar(0)]);

/** Keras 3 calls the slope negative_slope. */
const leaky: KerasRule = (s) =>
  activate(s, { name: "LeakyRelu", alpha: s.number("alpha", s.number("negative_slope", 0.3)) }, s.x);

const prelu: KerasRule = (s) => {
  const shared = (s.numbers("shared_axes") ?? []).map((axis) => s.axisOf(axis, s.rank));
  const sizes = s.shape.slice(1).map((size, i) => (shared.includes(i + 1) ? 1 : size));
  const { name, tensor } = s.weight("alpha", 0, sizes);
  return activate(s, { name: "Prelu", slope: s.hold(alignedConstant(s, tensor, s.rank), name) }, s.x);
};

const softmax: KerasRule = (s) => {
  const axes = s.axes("axis", -1);
  if (axes.length !== 1) s.fail(`it works over ${axes.length} axes at once; one is supported.`);
  return s.last("Softmax", [s.x], { axis: s.storedAxis(axes[0]!, s.rank) });
};

/** Inputs of fewer axes get axes of 1 behind the batch, as Keras has it. */
function broadcast(s: KerasSite): Value[] {
  if (!s.inputs.length) s.fail("it has no inputs. The file contradicts itself.");
  const rank = Math.max(...s.inputs.map(({ shape }) => shape.length));
  return s.inputs.map((x, i) => {
    const own = s.ownOrder(x.shape);
    if (own.length === rank || own.length < 1) return x;
    const full = [own[0]!, ...Array.from({ length: rank - own.length }, () => 1), ...own.slice(1)];
    return s.at(`input${i}`).reshaped(s.inOwnOrder(x), full);
  });
}

const merge =
  (op: string): KerasRule =>
  (s) =>
    s.last(op, broadcast(s));

const chained =
  (op: "Mul" | "Add"): KerasRule =>
  (s) => {
    const [first, ...rest] = broadcast(s);
    if (!rest.length) return s.last("Identity", [first!]);
    return rest.reduce((x, y, i) => (i === rest.length - 1 ? s.last(op, [x, y]) : s.step(`part${i}`, op, [x, y])), first!);
  };

const subtract: KerasRule = (s) =>
  s.inputs.length === 2 ? s.last("Sub", broadcast(s)) : s.fail(`it has ${s.inputs.length} inputs; two are expected.`);

const concatenate: KerasRule = (s) => {
  const rank = s.inputs[0]?.shape.length ?? s.fail("it has no inputs. The file contradicts itself.");
  const axis = s.axisOf(s.number("axis", -1), rank);
  return s.last("Concat", s.inputs, { axis: s.storedAxis(axis, rank) });
};

/** Keras counts elements with the channel last, so a picture is turned first. */
const flatten: KerasRule = (s) => {
  const own = s.inOwnOrder(s.x);
  const turn = s.text("data_format", "channels_last") === "channels_first" && s.rank > 2;
  const axes = s.shape.map((_, i) => i);
  const ready = turn ? s.step("channels_last", "Transpose", [own], { perm: [0, ...axes.slice(2), 1] }) : own;
  return s.reshaped(ready, [s.shape[0]!, sizeOf(s.shape.slice(1))]);
};

const reshape: KerasRule = (s) => {
  const wanted = s.numbers("target_shape", -1) ?? s.fail("its target_shape is missing. The file is damaged.");
  const size = sizeOf(s.shape.slice(1));
  const known = sizeOf(wanted.filter((d) => d >= 0));
  const shape = wanted.map((d) => (d < 0 ? size / known : d));
  if (sizeOf(shape) !== size || shape.some((d) => !Number.isInteger(d)))
    s.fail(`[${s.shape.slice(1)}] has ${size} elements and cannot become [${wanted}]. The file contradicts itself.`);
  return s.reshaped(s.inOwnOrder(s.x), [s.shape[0]!, ...shape]);
};

const permute: KerasRule = (s) => {
  const dims = s.numbers("dims") ?? [];
  const perm = [0, ...dims];
  if ([...perm].sort((a, b) => a - b).join() !== s.shape.map((_, i) => i).join())
    s.fail(`its dims [${dims}] do not fit [${s.shape}]. The file contradicts itself.`);
  return s.last("Transpose", [s.x], { perm: s.storedOrder(perm).map((axis) => s.storedAxis(axis, s.rank)) });
};

const identity: KerasRule = (s) => s.last("Identity", [s.x]);

/** What does something to training pictures only. */
const ONLY_IN_TRAINING = [
  ...["ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "Identity"],
  ...["SpatialDropout1D", "SpatialDropout2D"],
  ...["RandomBrightness", "RandomContrast", "RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom"],
];

/** Every layer that is understood, by its class. */
export const kerasRules: Readonly<Record<string, KerasRule>> = {
  ...windows,
  ...Object.fromEntries(ONLY_IN_TRAINING.map((name) => [name, identity])),
  Dense: dense,
  BatchNormalization: batchNorm,
  BatchNormalizationV1: batchNorm,
  LayerNormalization: layerNorm,
  Normalization: normalization,
  Rescaling: rescaling,
  Activation: (s) => activate(s, s.activation(), s.x),
  ReLU: relu,
  LeakyReLU: leaky,
  PReLU: prelu,
  ELU: (s) => activate(s, { name: "Elu", alpha: s.number("alpha", 1) }, s.x),
  ThresholdedReLU: thresholded,
  Softmax: softmax,
  Add: chained("Add"),
  Subtract: subtract,
  Multiply: chained("Mul"),
  Average: merge("Mean"),
  Maximum: merge("Max"),
  Minimum: merge("Min"),
  Concatenate: concatenate,
  Flatten: flatten,
  Reshape: reshape,
  Permute: permute,
};
