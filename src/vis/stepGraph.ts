/**
 * One optimisation step as one ONNX graph:
 *
 *   theta -> picture -> warp -> network -> layer -> score = direction' act mask
 *                                        cotangent of the layer = direction x mask, known without running anything
 *   backward pass -> Adam, uphill -> theta', m', v'
 *
 * Everything that changes from step to step or from unit to unit is an input, so one session serves every unit of a layer.
 */
import { appendGradient } from "../autodiff/gradient";
import type { RuleTable } from "../autodiff/rule";
import { redirected, rules } from "../autodiff/rules";
import { GraphBuilder } from "../onnx/builder";
import { activationShape } from "../onnx/canonicalise";
import type { StaticGraph, Value } from "../onnx/graph";
import type { LayerShape } from "./objective";
import { emitPicture, thetaShape } from "./parametrization";
import type { Recipe } from "./recipe";
import { borderValue, transformedSize, warpReach } from "./transforms";
import { emitWarp, warpRules } from "./warp";

/** Names of the step graph's inputs and outputs; the prefix keeps clear of any model's own. */
export const STEP = {
  theta: "step.theta",
  m: "step.m",
  v: "step.v",
  /** Adam's rate for this step, bias correction included: a scalar. */
  rate: "step.rate",
  warp: "step.warp",
  unwarp: "step.unwarp",
  /** [N, C] */
  direction: "step.direction",
  /** [N, H * W] */
  mask: "step.mask",
  nextTheta: "step.theta'",
  nextM: "step.m'",
  nextV: "step.v'",
  /** [N] */
  score: "step.score",
  /** [N, 3, S, S], RGB in 0..1, of the theta that came in. */
  picture: "step.picture",
} as const;

export interface StepGraph {
  graph: StaticGraph;
  layer: LayerShape;
  thetaShape: readonly number[];
  /** Network pixels per picture pixel: 1, or more where the network has one input size only. */
  zoom: number;
  /** Rows and columns of the square picture, about its centre, that the network sees: fewer where its input is no square. */
  visible: readonly [height: number, width: number];
}

export interface StepOptions {
  recipe: Recipe;
  /** Value of `model` to maximise. */
  layer: string;
  /** Pass what revives dead units where no gradient passes (autodiff/rules/redirect.ts). */
  redirect: boolean;
}

/**
 * Builds the step graph around `model`: canonical, input "image" [N, 3, H, W] with RGB in 0..1, cut after `layer`.
 * N is the batch; H and W are `transformedSize` of the recipe, or the network's own size, to which the picture is then zoomed
 * so that it fills the longer side.
 * Throws UnsupportedOpsError when the layer cannot be differentiated.
 */
export function stepGraph(model: StaticGraph, { recipe, layer, redirect }: StepOptions): StepGraph {
  const input = model.inputs[0]!;
  const [batch, , height, width] = input.shape as [number, number, number, number];
  const longer = Math.max(height, width);
  const zoom = longer / transformedSize(recipe.size, recipe.transforms);
  const shape = thetaShape(recipe, batch);
  const act = layerShape(model, layer);

  const b = new GraphBuilder();
  b.reserve(
    model.types.keys(),
    model.nodes.map((n) => n.name),
  );
  const [theta, m, v] = [STEP.theta, STEP.m, STEP.v].map((name) => b.input(name, "float32", shape)) as [Value, Value, Value];
  const rate = b.input(STEP.rate, "float32", []);
  const warp = b.input(STEP.warp, "float32", [3, 2]);
  const unwarp = b.input(STEP.unwarp, "float32", [3, 2]);
  const direction = b.input(STEP.direction, "float32", [batch, act.channels]);
  const mask = b.input(STEP.mask, "float32", [batch, act.height * act.width]);

  const picture = emitPicture(b, recipe, theta);
  const reach = warpReach(recipe.transforms, zoom);
  const seen = emitWarp(b, picture, warp, unwarp, { size: [height, width], reach, border: borderValue(recipe.transforms) });
  b.append(model, { [input.name]: seen });

  const activation = b.value(layer);
  const tokens = activation.shape.length === 3; // [N, T, C]: channels last
  const first = tokens ? b.transpose(activation, [0, 2, 1]) : activation;
  const positions = act.height * act.width;
  const channelwise = b.reshape(direction, [batch, act.channels, 1]);
  const summed = b.matmul(b.reshape(first, [batch, act.channels, positions]), b.reshape(mask, [batch, positions, 1]));
  const score = b.reduceSum(b.mul(summed, channelwise), [1, 2], false);
  const wanted = b.mul(channelwise, b.reshape(mask, [batch, 1, positions]));
  const cotangent = tokens ? b.transpose(wanted, [0, 2, 1]) : b.reshape(wanted, activation.shape);

  const table: RuleTable = { ...(redirect ? redirected : rules), ...warpRules };
  const g = appendGradient(b, { of: activation, wrt: theta, cotangent, rules: table });
  const next = adamAscent(b, { theta, m, v, g, rate }, recipe.optimizer);

  const named = (value: Value, name: string) => b.node("Identity", [value], {}, { name, outputNames: [name] });
  const graph = b.build("step", [
    named(next.theta, STEP.nextTheta),
    named(next.m, STEP.nextM),
    named(next.v, STEP.nextV),
    named(score, STEP.score),
    named(picture, STEP.picture),
  ]);
  const visible = [height, width].map((side) => Math.round((recipe.size * side) / longer)) as [number, number];
  return { graph, layer: act, thetaShape: shape, zoom, visible };
}

/** Channels and grid of a layer of `model`. Throws Error where it has none: see activationShape. */
export function layerShape(model: Pick<StaticGraph, "types">, layer: string): LayerShape {
  const type = model.types.get(layer);
  if (!type) throw new Error(`no layer "${layer}" in this model`);
  const shape = activationShape(type.shape);
  if (!shape)
    throw new Error(`layer "${layer}" [${type.shape.join(", ")}] has no channels to choose from. Choose another layer.`);
  return shape;
}

/**
 * Adam (Kingma and Ba 2015), in the form with "epsilon hat" that TensorFlow and Lucid use, uphill:
 *   m' = b1 m + (1 - b1) g,   v' = b2 v + (1 - b2) g^2,   theta' = theta + rate m' / (sqrt(v') + eps)
 */
function adamAscent(
  b: GraphBuilder,
  { theta, m, v, g, rate }: Record<"theta" | "m" | "v" | "g" | "rate", Value>,
  { beta1, beta2, epsilon }: Recipe["optimizer"],
): Record<"theta" | "m" | "v", Value> {
  const nextM = b.add(b.mul(m, beta1), b.mul(g, 1 - beta1));
  const nextV = b.add(b.mul(v, beta2), b.mul(b.mul(g, g), 1 - beta2));
  const step = b.div(b.mul(nextM, rate), b.add(b.sqrt(nextV), epsilon));
  return { theta: b.add(theta, step), m: nextM, v: nextV };
}

/** Adam's rate at step t = 1, 2, ...: learningRate sqrt(1 - b2^t) / (1 - b1^t). */
export const adamRate = ({ learningRate, beta1, beta2 }: Recipe["optimizer"], t: number): number =>
  (learningRate * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
