/** Layers that normalise, scale and shift: LRN, BatchNorm, Scale, Bias, Normalize, MVN, PReLU. */
import type { Value } from "../../onnx/graph";
import { f32, numbers } from "../../onnx/tensor";
import { LRNParameter_NormRegion as Region } from "./proto/caffe_pb";
import type { CaffeRule, CaffeSite } from "./site";

/**
 * Across channels: y = x (k + alpha / n * sum of x^2 over n channels around)^-beta, which is ONNX's LRN.
 * Within a channel: y = x (1 + alpha * mean of x^2 over n x n places around, padding counted)^-beta; Caffe leaves k out there.
 */
const lrn: CaffeRule = (s) => {
  const x = s.x();
  const { localSize = 5, alpha = 1, beta = 0.75, k = 1, normRegion = Region.ACROSS_CHANNELS } = s.layer.lrnParam ?? {};
  if (localSize % 2 !== 1) s.fail(`local_size is ${localSize}, but must be odd. Caffe refuses it too.`);
  if (x.shape.length !== 4) s.fail(`its bottom is [${x.shape}], but it needs four axes. The file contradicts itself.`);
  if (normRegion === Region.ACROSS_CHANNELS) return s.last("LRN", [x], { size: localSize, alpha, beta, bias: k });
  const pad = (localSize - 1) / 2;
  const square = s.step("square", "Mul", [x, x]);
  const mean = s.step("mean", "AveragePool", [square], {
    kernel_shape: [localSize, localSize],
    strides: [1, 1],
    pads: [pad, pad, pad, pad],
    count_include_pad: 1,
  });
  const energy = s.step("energy", "Add", [s.step("weighted", "Mul", [mean, s.b.scalar(alpha)]), s.b.scalar(1)]);
  return s.last("Mul", [x, s.step("factor", "Pow", [energy, s.b.scalar(-beta)])]);
};

/** y = (x - mean) / sqrt(variance + eps); the file's mean and variance are sums, to be divided by its third number. */
const batchNorm: CaffeRule = (s) => {
  const x = s.x();
  const { eps = 1e-5, useGlobalStats = true } = s.layer.batchNormParam ?? {};
  if (!useGlobalStats)
    s.fail("it uses the statistics of the batch (use_global_stats: false). Take that line out and open it again.");
  const C = s.channels(x);
  const [mean, variance, count] = [s.tensor([C]), s.tensor([C]), s.tensor([1])];
  const by = numbers(count)[0]! === 0 ? 0 : 1 / numbers(count)[0]!;
  const divided = (what: string, sums: number[]): Value =>
    s.hold(f32(sums.map((sum) => sum * by), [C]), what); // prettier-ignore
  const norm = { x, mean: divided("mean", numbers(mean)), variance: divided("variance", numbers(variance)), epsilon: eps };
  const one = s.hold(f32(1, [C]), "one");
  const zero = s.hold(f32(0, [C]), "zero");
  const y = s.last("BatchNormalization", [x, one, zero, norm.mean, norm.variance], { epsilon: eps });
  s.around.norms.set(y.name, norm);
  return y;
};

/** What Scale and Bias multiply by or add: the second bottom, or a weight over `numAxes` axes from `axis` on. */
function operand(s: CaffeSite, what: string, axis: number, numAxes: number): Value {
  const [x, second] = s.all();
  const rank = x.shape.length;
  if (second) return s.spread(second, second.shape.length ? s.axis(axis, rank) : 0, rank);
  const { shape, as } = learned(s, x, axis, numAxes);
  return s.weight(what, shape, as);
}

/** Shape of a weight over `numAxes` axes of x from `axis` on (-1: all of them), and the shape that lines it up with x. */
function learned(s: CaffeSite, x: Value, axis: number, numAxes: number): { shape: number[]; as: number[] } {
  const rank = x.shape.length;
  const from = numAxes === 0 ? rank : s.axis(axis, rank);
  if (numAxes < -1 || from + numAxes > rank)
    s.fail(`axis ${axis} and num_axes ${numAxes} for [${x.shape}]. The file contradicts itself.`);
  const shape = x.shape.slice(from, numAxes === -1 ? rank : from + numAxes);
  return { shape, as: [...shape, ...x.shape.slice(from + shape.length).map(() => 1)] };
}

/** y = x * scale (+ bias). After a BatchNorm both are one BatchNormalization, which convolutions can take in. */
const scale: CaffeRule = (s) => {
  const [x, second] = s.all();
  const { axis = 1, numAxes = 1, biasTerm = false } = s.layer.scaleParam ?? {};
  const norm = s.around.norms.get(x.name);
  if (norm && !second && numAxes === 1 && s.axis(axis, x.shape.length) === 1) {
    const C = s.channels(x);
    const gamma = s.weight("scale", [C]);
    const beta = biasTerm ? s.weight("bias", [C]) : s.hold(f32(0, [C]), "zero");
    return s.last("BatchNormalization", [norm.x, gamma, beta, norm.mean, norm.variance], { epsilon: norm.epsilon });
  }
  const factor = operand(s, "scale", axis, numAxes);
  if (!biasTerm) return s.last("Mul", [x, factor]);
  const product = s.step("product", "Mul", [x, factor]);
  const { shape, as } = learned(s, x, axis, second ? second.shape.length : numAxes);
  return s.last("Add", [product, s.weight("bias", shape, as)]);
};

const bias: CaffeRule = (s) => {
  const { axis = 1, numAxes = 1 } = s.layer.biasParam ?? {};
  return s.last("Add", [s.all()[0], operand(s, "bias", axis, numAxes)]);
};

/** SSD's: y = scale x / sqrt(sum of x^2 + eps), the sum over channels or over the whole picture. */
const normalize: CaffeRule = (s) => {
  const x = s.x();
  const { acrossSpatial = true, channelShared = true, eps = 1e-10 } = s.layer.normParam ?? {};
  const rank = x.shape.length;
  const axes = acrossSpatial ? x.shape.map((_, i) => i).slice(1) : [1];
  const square = s.step("square", "Mul", [x, x]);
  const sum = s.step("sum", "ReduceSum", [square, s.b.ints(axes)], { keepdims: 1 });
  const norm = s.step("norm", "Sqrt", [s.step("stable", "Add", [sum, s.b.scalar(eps)])]);
  const C = s.channels(x);
  const ones = new Array<number>(rank - 2).fill(1);
  const by = channelShared ? s.weight("scale", [1]) : s.weight("scale", [C], [C, ...ones]);
  return s.last("Mul", [s.step("normal", "Div", [x, norm]), by]);
};

/** y = (x - mean) / (sqrt(variance) + eps) of each channel, or of the whole picture. */
const mvn: CaffeRule = (s) => {
  const x = s.x();
  const { acrossChannels = false, normalizeVariance = true, eps = 1e-9 } = s.layer.mvnParam ?? {};
  if (x.shape.length !== 4) s.fail(`its bottom is [${x.shape}], but it needs four axes. The file contradicts itself.`);
  const axes = s.b.ints(acrossChannels ? [1, 2, 3] : [2, 3]);
  const mean = s.step("mean", "ReduceMean", [x, axes], { keepdims: 1 });
  if (!normalizeVariance) return s.last("Sub", [x, mean]);
  const centred = s.step("centred", "Sub", [x, mean]);
  const square = s.step("square", "Mul", [centred, centred]);
  const deviation = s.step("deviation", "Sqrt", [s.step("variance", "ReduceMean", [square, axes], { keepdims: 1 })]);
  return s.last("Div", [centred, s.step("stable", "Add", [deviation, s.b.scalar(eps)])]);
};

/** y = x where positive, else slope x, with a slope for each channel or one for all. */
const prelu: CaffeRule = (s) => {
  const x = s.x();
  const ones = x.shape.slice(2).map(() => 1);
  const shared = s.layer.preluParam?.channelShared ?? false;
  const slope = shared ? s.weight("slope", [], [1]) : s.weight("slope", [s.channels(x)], [s.channels(x), ...ones]);
  return s.last("PRelu", [x, slope]);
};

export const normalisations: Readonly<Record<string, CaffeRule>> = {
  LRN: lrn,
  BatchNorm: batchNorm,
  Scale: scale,
  Bias: bias,
  Normalize: normalize,
  MVN: mvn,
  PReLU: prelu,
};
