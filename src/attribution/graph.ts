/**
 * The graphs that a probe runs: forward alone, forward and back to the picture or to a layer, and the network from a layer on.
 *
 *   score [N] <- objective <- its layers <- network <- picture [N, 3, H, W], RGB in 0..1
 *
 * The objective is a linear function of its layers, so other rules than the gradient's start at the layers: with the gradient there
 * (guided, deconv, DeepLIFT), or with how much each of their units adds to the score (relevance).
 */
import { appendGradient } from "../autodiff/gradient";
import { GraphBuilder } from "../onnx/builder";
import { activationShape } from "../onnx/canonicalise";
import type { StaticGraph, Value } from "../onnx/graph";
import { emitObjective, type ObjectivePlan } from "../vis/objective/program";
import type { ShapeOf } from "../vis/objective/term";
import { activations, shapesOf } from "../vis/stepGraph";
import type { BackwardRules } from "./probe";
import { rulesFor } from "./rules";
import { AttributionError } from "./types";

/** Names of what the graphs take and give; the prefix keeps clear of any model's own. */
export const ATTRIBUTION = {
  /** [N] */
  scores: "attribution.scores",
  /** [N, 3, H, W] */
  gradients: "attribution.gradients",
  /** [N, C, h, w], out or in */
  activations: "attribution.activations",
  /** [N, C, h, w] */
  layerGradients: "attribution.layer",
} as const;

export interface AttributionGraph {
  graph: StaticGraph;
  shapes: ShapeOf;
}

/** The score of every picture. `model` is canonical, for the plan's batch, and holds its layers. */
export function scoreGraph(model: StaticGraph, plan: ObjectivePlan): AttributionGraph {
  const { b, score, shapes } = scored(model, plan);
  return { graph: b.build("scores", [named(b, score, ATTRIBUTION.scores)]), shapes };
}

/** The score of every picture, and what `rules` send back to it. Throws UnsupportedOpsError and OpError as the walk does. */
export function gradientGraph(model: StaticGraph, plan: ObjectivePlan, rules: BackwardRules): AttributionGraph {
  const { b, score, shapes, aliases } = scored(model, plan);
  const image = b.value(model.inputs[0]!.name);
  const ones = b.expand(b.scalar(1), score.shape);
  const throughLayers = (): Value => {
    const table = rulesFor(rules, b, image);
    const back = plan.layers.map((layer) => {
      const [alias, own] = [aliases.get(layer)!, b.value(layer)];
      const slope = appendGradient(b, { of: score, wrt: alias, cotangent: ones });
      const cotangent = rules.kind === "lrp" ? b.mul(own, slope) : slope;
      return appendGradient(b, { of: own, wrt: image, cotangent, rules: table });
    });
    return back.reduce((sum, part) => b.add(sum, part));
  };
  const gradients = rules.kind === "gradient" ? appendGradient(b, { of: score, wrt: image, cotangent: ones }) : throughLayers();
  const outputs = [named(b, score, ATTRIBUTION.scores), named(b, gradients, ATTRIBUTION.gradients)];
  return { graph: b.build("gradients", outputs), shapes };
}

/** The score of every picture, the activations of `layer`, and the score's gradient by them. Throws AttributionError where it has none. */
export function layerGraph(model: StaticGraph, plan: ObjectivePlan, layer: string): AttributionGraph {
  const { b, score, shapes, aliases } = scored(model, plan);
  const own = b.value(layer);
  const ones = b.expand(b.scalar(1), score.shape);
  const direct = aliases.has(layer) ? [appendGradient(b, { of: score, wrt: aliases.get(layer)!, cotangent: ones })] : [];
  const further = plan.layers
    .filter((other) => other !== layer)
    .map((other) => {
      const slope = appendGradient(b, { of: score, wrt: aliases.get(other)!, cotangent: ones });
      return appendGradient(b, { of: b.value(other), wrt: own, cotangent: slope });
    });
  const gradient = [...direct, ...further].reduce((sum, part) => b.add(sum, part));
  const outputs = [
    named(b, score, ATTRIBUTION.scores),
    named(b, gridded(b, own), ATTRIBUTION.activations),
    named(b, gridded(b, gradient), ATTRIBUTION.layerGradients),
  ];
  return { graph: b.build("layer", outputs), shapes };
}

/**
 * The score of every activation of `layer`, fed in the place of the network's own, and its gradient by them where it is wanted. The picture
 * stays an input where something passes the layer by.
 */
export function tailGraph(
  model: StaticGraph,
  plan: ObjectivePlan,
  layer: string,
  { gradient }: { gradient: boolean },
): AttributionGraph {
  const { batch } = plan;
  const shape = model.types.get(layer)!.shape;
  const { channels, height, width } = gridOf(layer, shape);
  const b = new GraphBuilder();
  b.reserve(
    model.types.keys(),
    model.nodes.map((n) => n.name),
  );
  const given = b.input(ATTRIBUTION.activations, "float32", [batch, channels, height, width]);
  const instead =
    shape.length === 3 ? b.transpose(b.reshape(given, [batch, channels, width]), [0, 2, 1]) : b.reshape(given, shape);
  const renamed = { ...model, nodes: model.nodes.map((node) => reading(node, layer, instead.name)) };
  b.append(renamed);
  const act = activations(b, 1, batch, b.value(model.inputs[0]!.name), (name) => (name === layer ? instead : b.value(name)));
  const shapes = shapesOf(model, 1);
  const score = emitObjective({ b, batch, picture: b.value(model.inputs[0]!.name), alpha: null, act }, plan, shapes, noTarget);
  const outputs = [named(b, score, ATTRIBUTION.scores)];
  if (gradient) {
    const ones = b.expand(b.scalar(1), score.shape);
    outputs.push(named(b, appendGradient(b, { of: score, wrt: given, cotangent: ones }), ATTRIBUTION.layerGradients));
  }
  const graph = b.build("tail", outputs, { dropUnusedInputs: true });
  if (!graph.inputs.some(({ name }) => name === given.name))
    throw new AttributionError(`the target does not depend on layer "${layer}". Choose an earlier layer.`);
  return { graph, shapes };
}

interface Scored extends AttributionGraph {
  b: GraphBuilder;
  score: Value;
  /** What the objective reads in each layer's place: by them, its gradient is its own alone, without what later layers add. */
  aliases: ReadonlyMap<string, Value>;
}

function scored(model: StaticGraph, plan: ObjectivePlan): Omit<Scored, "graph"> {
  if (!plan.layers.length) throw new AttributionError("the target is the picture itself; choose a layer of the network.");
  const b = new GraphBuilder(model);
  const picture = b.value(model.inputs[0]!.name);
  const aliases = new Map(plan.layers.map((layer) => [layer, b.node("Identity", [b.value(layer)])]));
  const shapes = shapesOf(model, 1);
  const act = activations(b, 1, plan.batch, picture, (layer) => aliases.get(layer)!);
  const score = emitObjective({ b, batch: plan.batch, picture, alpha: null, act }, plan, shapes, noTarget);
  return { b, score, shapes, aliases };
}

const noTarget = (): never => {
  throw new AttributionError("attribution is to one number of the network, not to a comparison with a picture.");
};

const named = (b: GraphBuilder, value: Value, name: string): Value =>
  b.node("Identity", [value], {}, { name, outputNames: [name] });

function gridOf(layer: string, shape: readonly number[]) {
  const grid = activationShape(shape);
  if (!grid)
    throw new AttributionError(`layer "${layer}" [${shape.join(", ")}] has no channels to choose from. Choose another layer.`);
  return grid;
}

/** [N, C, H, W], [N, C] or tokens [N, T, C] as [N, C, h, w]. */
function gridded(b: GraphBuilder, value: Value): Value {
  const { channels, height, width } = gridOf(value.name, value.shape);
  const first = value.shape.length === 3 ? b.transpose(value, [0, 2, 1]) : value;
  return b.reshape(first, [value.shape[0]!, channels, height, width]);
}

const reading = (node: StaticGraph["nodes"][number], layer: string, instead: string): StaticGraph["nodes"][number] => ({
  ...node,
  inputs: node.inputs.map((name) => (name === layer ? instead : name)),
});
