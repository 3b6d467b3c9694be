/**
 * Rules of relevance for layers with weights, z = op(X, W) + B, as Montavon et al. 2019 and Zennit (Anders et al. 2021) define them:
 *
 *   R_in = sum over parts p of  X_p * (gradient of op(X_p, W_p) for R / z_p)
 *
 * where the parts take positive and negative values of X and W apart. A bias is in z, so what it brought is lost: it is no pixel's.
 */
import type { GraphBuilder } from "../../onnx/builder";
import { OpError, type Tensor, type Value } from "../../onnx/graph";
import { f32, numbers } from "../../onnx/tensor";
import { rules as gradient } from "../../autodiff/rules";
import type { VjpContext, VjpRule } from "../../autodiff/rule";

/** A rule for Conv, ConvTranspose or MatMul; `inputAt` is what the layer reads where the picture is a number everywhere. */
export type LayerRule = (c: VjpContext, inputAt: (picture: number) => Value) => readonly (Value | null)[];

/** Keeps a division by zero away; Zennit's default. */
const STABILISER = 1e-6;

/** R / z, z moved away from zero by epsilon. */
export const shares = (b: GraphBuilder, R: Value, z: Value, epsilon: number): Value =>
  b.div(R, b.add(z, b.where(b.less(z, 0), -epsilon, epsilon)));

/** One part of a layer: what goes in, with which weights, and the bias that is added. */
interface Part {
  X: Value;
  W: Value;
  B: Value | null;
}

interface Layer {
  c: VjpContext;
  /** Which input is the activation: 0, but for a constant matrix times it. */
  at: 0 | 1;
  X: Value;
  weights: Tensor;
  bias: Tensor | null;
}

function layerOf(c: VjpContext): Layer {
  const at = c.needs[0] ? 0 : 1;
  const weights = c.b.constantOf(c.x[1 - at]!);
  const bias = c.node.inputs[2] ? c.b.constantOf(c.x[2]) : null;
  if (!weights || bias === undefined)
    throw new OpError(c.node, "its weights are computed while it runs, so relevance has no rule for it. Choose another method.");
  return { c, at, X: c.x[at]!, weights, bias };
}

/** The layer's weights or biases, changed one by one, as a constant. */
const changed = ({ c: { b } }: Layer, tensor: Tensor, change: (w: number) => number): Value =>
  b.constant(f32(numbers(tensor).map(change), tensor.shape), "relevance");

const part = (layer: Layer, X: Value, weight: (w: number) => number, withBias: boolean): Part => ({
  X,
  W: changed(layer, layer.weights, weight),
  B: withBias && layer.bias ? changed(layer, layer.bias, weight) : null,
});

const operands = ({ at }: Layer, { X, W }: Part): [Value, Value] => (at === 0 ? [X, W] : [W, X]);

function forward(layer: Layer, p: Part): Value {
  const { b, node } = layer.c;
  return b.node(node.op, p.B ? [...operands(layer, p), p.B] : operands(layer, p), node.attrs);
}

/** X_p times the gradient of op(X_p, W_p) for s. */
function back(layer: Layer, p: Part, s: Value): Value {
  const { c, at } = layer;
  const context = { ...c, x: operands(layer, p) as unknown as VjpContext["x"], dy: s };
  const rule = gradient[c.node.op] as VjpRule;
  return rule({ ...context, needs: [at === 0, at === 1, false] })[at]!;
}

const total = (b: GraphBuilder, values: readonly Value[]): Value => values.reduce((sum, value) => b.add(sum, value));

/** Shares R among parts by what each brings to their sum. */
function among(layer: Layer, parts: readonly Part[], R: Value): Value {
  const { b } = layer.c;
  const s = shares(b, R, total(b, parts.map((p) => forward(layer, p))), STABILISER); // prettier-ignore
  return total(b, parts.map((p) => b.mul(p.X, back(layer, p, s)))); // prettier-ignore
}

const result = ({ at }: Layer, R: Value): (Value | null)[] => (at === 0 ? [R] : [null, R]);

const positive = (w: number): number => Math.max(0, w);
const negative = (w: number): number => Math.min(0, w);
const above = (b: GraphBuilder, X: Value): Value => b.relu(X);
const below = (b: GraphBuilder, X: Value): Value => b.neg(b.relu(b.neg(X)));

/** z as it is; a larger epsilon takes weak contributions away. */
export const epsilonRule =
  (epsilon: number): LayerRule =>
  (c) => {
    const layer = layerOf(c);
    const own: Part = { X: layer.X, W: c.x[1 - layer.at]!, B: null };
    return result(layer, c.b.mul(layer.X, back(layer, own, shares(c.b, c.dy, c.y[0], epsilon))));
  };

const raising = (layer: Layer): Part[] => [
  part(layer, above(layer.c.b, layer.X), positive, true),
  part(layer, below(layer.c.b, layer.X), negative, false),
];
const lowering = (layer: Layer): Part[] => [
  part(layer, above(layer.c.b, layer.X), negative, true),
  part(layer, below(layer.c.b, layer.X), positive, false),
];

/** Only what raises z counts (deep Taylor decomposition). */
export const zPlus: LayerRule = (c) => {
  const layer = layerOf(c);
  return result(layer, among(layer, raising(layer), c.dy));
};

/** What raises z counts alpha times, what lowers it -beta times; alpha - beta = 1. */
export const alphaBeta =
  (alpha: number, beta: number): LayerRule =>
  (c) => {
    const layer = layerOf(c);
    const [up, down] = [among(layer, raising(layer), c.dy), among(layer, lowering(layer), c.dy)];
    return result(layer, c.b.sub(c.b.mul(up, alpha), c.b.mul(down, beta)));
  };

/** What pulls z where it went counts 1 + gamma times: for z > 0 what raises it, for z < 0 what lowers it. */
export const gammaRule =
  (gamma: number): LayerRule =>
  (c) => {
    const { b, y: [Y], dy } = c; // prettier-ignore
    const layer = layerOf(c);
    const favouring = (of: (w: number) => number, other: (w: number) => number): Part[] => [
      part(layer, above(b, layer.X), (w) => w + gamma * of(w), true),
      part(layer, below(b, layer.X), (w) => w + gamma * other(w), false),
    ];
    const up = among(layer, favouring(positive, negative), b.where(b.greater(Y, 0), dy, 0));
    const down = among(layer, favouring(negative, positive), b.where(b.less(Y, 0), dy, 0));
    return result(layer, b.add(up, down));
  };

/** Alike to all that a unit sees: for the first layer, where pixels' own values say little. */
export const flat: LayerRule = (c) => {
  const layer = layerOf(c);
  const ones = part(layer, c.b.expand(c.b.scalar(1), layer.X.shape), () => 1, false);
  return result(layer, back(layer, ones, shares(c.b, c.dy, forward(layer, ones), STABILISER)));
};

/** z-box, for the first layer: by the difference from the least and the most that pixels between 0 and 1 could have brought. */
export const box: LayerRule = (c, inputAt) => {
  const { b } = c;
  const layer = layerOf(c);
  const ends = [inputAt(0), inputAt(1)];
  const own: Part = { X: layer.X, W: c.x[1 - layer.at]!, B: null };
  const low = part(layer, b.node("Min", ends), positive, false);
  const high = part(layer, b.node("Max", ends), negative, false);
  const z = b.sub(b.sub(forward(layer, own), forward(layer, low)), forward(layer, high));
  const s = shares(b, c.dy, z, STABILISER);
  const [X, L, H] = [own, low, high].map((p) => b.mul(p.X, back(layer, p, s))) as [Value, Value, Value];
  return result(layer, b.sub(b.sub(X, L), H));
};
