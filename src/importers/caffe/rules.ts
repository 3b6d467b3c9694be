/** Every layer type that is understood, and those that work on each number by itself or combine several blobs. */
import { EltwiseParameter_EltwiseOp as Eltwise, ReductionParameter_ReductionOp as Reduce } from "./proto/caffe_pb";
import { convolutions } from "./convolution";
import { layouts } from "./layout";
import { normalisations } from "./normalisation";
import type { CaffeRule } from "./site";

const unary =
  (op: string): CaffeRule =>
  (s) =>
    s.last(op, [s.x()]);

const relu: CaffeRule = (s) => {
  const alpha = s.layer.reluParam?.negativeSlope ?? 0;
  return alpha ? s.last("LeakyRelu", [s.x()], { alpha }) : s.last("Relu", [s.x()]);
};

/** Mul by `scale` and Add `shift`, where they do anything. */
const affine = (scale: number, shift: number): [string, number][] => [
  ...(scale === 1 ? [] : ([["Mul", scale]] as [string, number][])),
  ...(shift === 0 ? [] : ([["Add", shift]] as [string, number][])),
];

/** y = (shift + scale x)^power */
const power: CaffeRule = (s) => {
  const { power = 1, scale = 1, shift = 0 } = s.layer.powerParam ?? {};
  return s.chain(s.x(), [...affine(scale, shift), ...(power === 1 ? [] : ([["Pow", power]] as [string, number][]))]);
};

/** log of a base; Caffe says -1 for e. */
const naturalLog = (base: number): number => (base === -1 ? 1 : Math.log(base));

/** y = base^(shift + scale x) */
const exp: CaffeRule = (s) => {
  const { base = -1, scale = 1, shift = 0 } = s.layer.expParam ?? {};
  const log = naturalLog(base);
  return s.chain(s.x(), [...affine(scale * log, shift * log), ["Exp"]]);
};

/** y = log_base(shift + scale x) */
const log: CaffeRule = (s) => {
  const { base = -1, scale = 1, shift = 0 } = s.layer.logParam ?? {};
  return s.chain(s.x(), [...affine(scale, shift), ["Log"], ...affine(1 / naturalLog(base), 0)]);
};

const threshold: CaffeRule = (s) => {
  const above = s.step("above", "Greater", [s.x(), s.b.scalar(s.layer.thresholdParam?.threshold ?? 0)]);
  return s.last("Cast", [above], { to: 1 });
};

const clip =
  (low: number, high: number): CaffeRule =>
  (s) =>
    s.last("Clip", [s.x(), s.b.scalar(low), s.b.scalar(high)]);

const swish: CaffeRule = (s) => {
  const x = s.x();
  const beta = s.layer.swishParam?.beta ?? 1;
  const scaled = beta === 1 ? x : s.step("scaled", "Mul", [x, s.b.scalar(beta)]);
  return s.last("Mul", [x, s.step("gate", "Sigmoid", [scaled])]);
};

/** Dropout lets all pass when the network answers; older nets that did not scale while training scale now. */
const dropout: CaffeRule = (s) => {
  const { scaleTrain = true, dropoutRatio = 0.5 } = s.layer.dropoutParam ?? {};
  return s.chain(s.x(), scaleTrain ? [] : [["Mul", 1 - dropoutRatio]]);
};

/** Product, weighted sum or maximum of blobs of one shape. */
const eltwise: CaffeRule = (s) => {
  const { operation = Eltwise.SUM, coeff = [] } = s.layer.eltwiseParam ?? {};
  const all = s.all();
  const other = all.find(({ shape }) => shape.join() !== all[0].shape.join());
  if (other) s.fail(`its bottoms are [${all[0].shape}] and [${other.shape}], but must be alike. The file contradicts itself.`);
  if (operation === Eltwise.MAX) return s.last("Max", all);
  if (coeff.length && (operation !== Eltwise.SUM || coeff.length !== all.length))
    s.fail(`${coeff.length} coefficients for ${all.length} bottoms, which only a sum may have. The file contradicts itself.`);
  const op = operation === Eltwise.SUM ? "Add" : "Mul";
  const terms = all.map((x, i) => ((coeff[i] ?? 1) === 1 ? x : s.step(`term${i}`, "Mul", [x, s.b.scalar(coeff[i]!)])));
  return terms.reduce((sum, term, i) => (i === terms.length - 1 ? s.last(op, [sum, term]) : s.step(`sum${i}`, op, [sum, term])));
};

/** SENet's: y = a x + b, with one number of a for each channel. */
const axpy: CaffeRule = (s) => {
  const a = s.x(3);
  const [, x, b] = s.bottoms;
  return s.last("Add", [s.step("scaled", "Mul", [x!, s.spread(a, 0, x!.shape.length)]), b!]);
};

const softmax: CaffeRule = (s) =>
  s.last("Softmax", [s.x()], { axis: s.axis(s.layer.softmaxParam?.axis ?? 1, s.x().shape.length) });

/** Sum, sum of magnitudes, sum of squares or mean of all axes from `axis` on. */
const reduction: CaffeRule = (s) => {
  const x = s.x();
  const { operation = Reduce.SUM, axis = 0, coeff = 1 } = s.layer.reductionParam ?? {};
  const from = s.axis(axis, x.shape.length);
  const axes = s.b.ints(x.shape.map((_, i) => i).slice(from));
  const source = operation === Reduce.ASUM ? s.step("abs", "Abs", [x]) : x;
  const op = operation === Reduce.MEAN ? "ReduceMean" : operation === Reduce.SUMSQ ? "ReduceSumSquare" : "ReduceSum";
  if (coeff === 1) return s.last(op, [source, axes], { keepdims: 0 });
  return s.last("Mul", [s.step("total", op, [source, axes], { keepdims: 0 }), s.b.scalar(coeff)]);
};

export const caffeRules: Readonly<Record<string, CaffeRule>> = {
  ...convolutions,
  ...normalisations,
  ...layouts,
  ReLU: relu,
  ReLU6: clip(0, 6),
  Relu6: clip(0, 6),
  ELU: (s) => s.last("Elu", [s.x()], { alpha: s.layer.eluParam?.alpha ?? 1 }),
  Sigmoid: unary("Sigmoid"),
  TanH: unary("Tanh"),
  AbsVal: unary("Abs"),
  BNLL: unary("Softplus"),
  Power: power,
  Exp: exp,
  Log: log,
  Threshold: threshold,
  Clip: (s) => clip(s.layer.clipParam?.min ?? -Infinity, s.layer.clipParam?.max ?? Infinity)(s),
  Swish: swish,
  Dropout: dropout,
  Eltwise: eltwise,
  Axpy: axpy,
  Softmax: softmax,
  Reduction: reduction,
};
