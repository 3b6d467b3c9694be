/**
 * One optimisation step as one ONNX graph:
 *
 *   theta -> picture [N, 3 or 4, S, S] -> over a background -> transforms -> network -> layers -> objective [N]
 *   backward pass from the objective's sum, through the picture, to theta -> optimizer, uphill -> theta', m', v'
 *
 * Everything that changes from step to step or from unit to unit is an input, so one session serves every unit of a layer.
 */
import { appendGradient } from "../autodiff/gradient";
import type { LoweringTable } from "../autodiff/lower";
import type { RuleTable } from "../autodiff/rule";
import { redirected, rules } from "../autodiff/rules";
import { smoothed } from "../autodiff/rules/smoothPool";
import { GraphBuilder } from "../onnx/builder";
import { activationShape } from "../onnx/canonicalise";
import type { StaticGraph, Value } from "../onnx/graph";
import { emitObjective, type ObjectivePlan } from "./objective/program";
import { INPUT_LAYER, type ActShape, type ShapeOf } from "./objective/term";
import { emitAscent, optimizerState, rateCount } from "./optimizers";
import { emitBackground, emitPicture, extraShapes, noiseShape, thetaShape } from "./parametrization/parametrization";
import type { Recipe } from "./recipe";
import { emitTransforms, planTransforms, type TransformPlan } from "./transforms/plan";
import { warpLowerings, warpRules } from "./transforms/warp";

/** Names of the step graph's inputs and outputs; the prefix keeps clear of any model's own. */
export const STEP = {
  theta: "step.theta",
  /** What the optimizer is told of this step: see ratesOf. */
  rates: "step.rates",
  /** Noise that becomes the background of a transparent picture. */
  background: "step.background",
  /** [N, 1, S, S]: |gradient by the picture|, summed over colours and steps. */
  trace: "step.trace",
  /** The same as it came in, read back. */
  traced: "step.traced",
  /** [N] */
  score: "step.score",
  /** [N, 3, S, S], or 4 with alpha, in 0..1, of the theta that came in. */
  picture: "step.picture",
} as const;

/** The name of what `state` is after the step. */
export const next = (state: string): string => `${state}'`;

/** Composite ops of this room, for `lower`. */
export const stepLowerings: LoweringTable = {
  wasm: { ...warpLowerings.wasm, Detach: ({ x }) => x[0]! },
  webgpu: { ...warpLowerings.webgpu, Detach: ({ x }) => x[0]! },
};

export interface StepGraph {
  graph: StaticGraph;
  objective: ObjectivePlan;
  transforms: TransformPlan;
  /** Layers, and "input", as this step sees them. */
  shapes: ShapeOf;
  /** What goes in and comes out again, by input name, and its shape; each starts at zero but theta. */
  state: ReadonlyMap<string, readonly number[]>;
  /** Rows and columns of the square picture, about its centre, that the network sees: fewer where its input is no square. */
  visible: readonly [height: number, width: number];
}

export interface StepOptions {
  recipe: Recipe;
  /** What is maximised, planned for the recipe's batch; its layers are values of the model. */
  objective: ObjectivePlan;
  /** Pass what revives dead units where no gradient passes (autodiff/rules/redirect.ts). */
  redirect: boolean;
}

/**
 * Builds the step graph around `model`: canonical, input "image" [N * copies, 3, H, W] with RGB in 0..1, cut after the objective's layers.
 * H and W are `transformedSize` of the recipe, or the network's own size, to which the picture is then zoomed so that it fills the
 * longer side.
 * Throws UnsupportedOpsError when a layer cannot be differentiated, ObjectiveError when the objective does not fit.
 */
export function stepGraph(model: StaticGraph, { recipe, objective, redirect }: StepOptions): StepGraph {
  const { batch, size } = recipe;
  const input = model.inputs[0]!;
  const [, , height, width] = input.shape as [number, number, number, number];
  const transforms = planTransforms(recipe.transforms, { size, network: [height, width], batch });
  const shapes = shapesOf(model, transforms.copies);

  const b = new GraphBuilder();
  b.reserve(
    model.types.keys(),
    model.nodes.map((n) => n.name),
  );
  const theta = b.input(STEP.theta, "float32", thetaShape(recipe, batch));
  const names = optimizerState(recipe.optimizer).map((name) => `step.${name}`);
  const kept = Object.fromEntries(names.map((name) => [name, b.input(name, "float32", theta.shape)]));
  const rates = b.input(STEP.rates, "float32", [rateCount(recipe.optimizer)]);
  const extra = Object.fromEntries(
    Object.entries(extraShapes(recipe)).map(([name, shape]) => [name, b.input(name, "float32", shape)]),
  );
  const drawn = Object.fromEntries(transforms.inputs.map(({ name, shape }) => [name, b.input(name, "float32", shape)]));

  const picture = emitPicture(b, recipe, theta, extra);
  const [colours, alpha] = recipe.alpha?.kind === "learned" ? split(b, picture) : [picture, null];
  const noise = alpha && b.input(STEP.background, "float32", noiseShape(recipe, batch));
  const opaque = alpha ? over(b, colours, alpha, emitBackground(b, noise!, size)) : colours;
  const seen = emitTransforms(b, opaque, transforms, drawn);
  b.append(model, { [input.name]: seen });

  const score = emitObjective(
    { b, batch, picture: colours, alpha, act: activations(b, transforms.copies, batch, seen) },
    objective,
    shapes,
    ({ input: name, layer }) => byPosition(b, b.input(name, "float32", rawShape(model, layer)), transforms.copies, batch),
  );

  const pooled = recipe.maxPool === "smooth" ? smoothed(redirect ? redirected : rules) : redirect ? redirected : rules;
  const table: RuleTable = { ...pooled, ...warpRules, Detach: "stops" };
  const ones = b.expand(b.scalar(1), score.shape);
  const byPicture = appendGradient(b, { of: score, wrt: picture, cotangent: ones, rules: table });
  const g = appendGradient(b, { of: picture, wrt: theta, cotangent: byPicture, rules: table });
  const ascent = emitAscent(b, recipe.optimizer, { theta, state: bare(kept), g, rates });

  const named = (value: Value, name: string) => b.node("Identity", [value], {}, { name, outputNames: [name] });
  const shown = [named(score, STEP.score), named(picture, STEP.picture)];
  const state = new Map<string, readonly number[]>([
    [STEP.theta, theta.shape],
    ...names.map((name) => [name, theta.shape] as const),
  ]);
  const after: [string, Value][] = [
    [STEP.theta, ascent.theta],
    ...names.map((name): [string, Value] => [name, ascent.state[name.slice("step.".length)]!]),
  ];
  if (recipe.alpha?.kind === "attribution") {
    const shape = [batch, 1, size, size];
    const trace = b.input(STEP.trace, "float32", shape);
    state.set(STEP.trace, shape);
    after.push([STEP.trace, b.add(trace, b.reduceSum(b.abs(byPicture), [1]))]);
    shown.push(named(trace, STEP.traced));
  }
  const graph = b.build("step", [...after.map(([name, value]) => named(value, next(name))), ...shown]);
  const longer = Math.max(height, width);
  const visible = [height, width].map((side) => Math.round((size * side) / longer)) as [number, number];
  return { graph, objective, transforms, shapes, state, visible };
}

/** What fills targets: the activations of given pictures, seen through the step's own transforms. */
export interface TargetGraph {
  graph: StaticGraph;
  /** Input: the pictures [N, 3, S, S]. */
  pictures: string;
  /** Outputs, by the layer that they are of. */
  layers: ReadonlyMap<string, string>;
}

/** The forward half of a step, for the layers of its objective that have targets; null when there are none. */
export function targetGraph(model: StaticGraph, recipe: Recipe, { objective, transforms }: StepGraph): TargetGraph | null {
  const wanted = [...new Set(objective.targets.map(({ layer }) => layer))];
  if (!wanted.length) return null;
  const b = new GraphBuilder();
  b.reserve(
    model.types.keys(),
    model.nodes.map((n) => n.name),
  );
  const pictures = b.input("target.pictures", "float32", [recipe.batch, 3, recipe.size, recipe.size]);
  const drawn = Object.fromEntries(transforms.inputs.map(({ name, shape }) => [name, b.input(name, "float32", shape)]));
  const seen = emitTransforms(b, pictures, transforms, drawn);
  b.append(model, { [model.inputs[0]!.name]: seen });
  const layers = new Map(wanted.map((layer, i) => [layer, `target.${i}`]));
  const outputs = wanted.map((layer) => {
    const value = layer === INPUT_LAYER ? seen : b.value(layer);
    return b.node("Identity", [value], {}, { outputNames: [layers.get(layer)!] });
  });
  return { graph: b.build("targets", outputs), pictures: pictures.name, layers };
}

/**
 * The objective of one picture as it is: the network's input is the picture [1, 3, H, W]. Outputs: "step.score" [1] and, where the objective
 * has a layer, "measure.means" [1, C], the mean over positions of its first one's channels. Targets are inputs, as for a step.
 */
export function measureGraph(
  model: StaticGraph,
  objective: ObjectivePlan,
): { graph: StaticGraph; shapes: ShapeOf; means: boolean } {
  const shapes = shapesOf(model, 1);
  const b = new GraphBuilder(model);
  const image = b.value(model.inputs[0]!.name);
  const act = activations(b, 1, 1, image);
  const score = emitObjective({ b, batch: 1, picture: image, alpha: null, act }, objective, shapes, ({ input, layer }) =>
    byPosition(b, b.input(input, "float32", rawShape(model, layer)), 1, 1),
  );
  const outputs = [b.node("Identity", [score], {}, { outputNames: [STEP.score] })];
  const [layer] = objective.layers;
  if (layer !== undefined)
    outputs.push(b.node("Identity", [b.reduceMean(act(layer), [2], false)], {}, { outputNames: [MEASURE_MEANS] }));
  return { graph: b.build("measure", outputs), shapes, means: layer !== undefined };
}
export const MEASURE_MEANS = "measure.means";

const split = (b: GraphBuilder, picture: Value): [Value, Value] => [
  b.slice(picture, [0], [3], [1]),
  b.slice(picture, [3], [4], [1]),
];

/** Colours over a background, as transparent as alpha says. */
const over = (b: GraphBuilder, colours: Value, alpha: Value, background: Value): Value =>
  b.add(background, b.mul(alpha, b.sub(colours, background)));

const bare = (kept: Record<string, Value>): Record<string, Value> =>
  Object.fromEntries(Object.entries(kept).map(([name, value]) => [name.slice("step.".length), value]));

/** Each layer's activation as [N, C, P], made once, of the value that `of` says stands for it. */
export function activations(
  b: GraphBuilder,
  copies: number,
  batch: number,
  input: Value,
  of: (layer: string) => Value = (layer) => b.value(layer),
): (layer: string) => Value {
  const made = new Map<string, Value>();
  return (layer) => {
    const known = made.get(layer) ?? byPosition(b, layer === INPUT_LAYER ? input : of(layer), copies, batch);
    made.set(layer, known);
    return known;
  };
}

/** An activation [N * copies, C, H, W], [N * copies, C] or tokens [N * copies, T, C] as [N, C, copies x positions]. */
function byPosition(b: GraphBuilder, activation: Value, copies: number, batch: number): Value {
  const tokens = activation.shape.length === 3;
  const first = tokens ? b.transpose(activation, [0, 2, 1]) : activation;
  const { channels, height, width } = activationShape(activation.shape)!;
  const positions = height * width;
  if (copies === 1) return b.reshape(first, [batch, channels, positions]);
  const apart = b.transpose(b.reshape(first, [batch, copies, channels, positions]), [0, 2, 1, 3]);
  return b.reshape(apart, [batch, channels, copies * positions]);
}

const rawShape = (model: StaticGraph, layer: string): readonly number[] =>
  layer === INPUT_LAYER ? model.inputs[0]!.shape.map(Number) : model.types.get(layer)!.shape;

/** Channels and grid of a model's layers. Throws Error for a layer that has none: see activationShape. */
export function shapesOf(model: StaticGraph, copies: number): ShapeOf {
  return (layer): ActShape => {
    const shape = layer === INPUT_LAYER ? model.inputs[0]!.shape.map(Number) : model.types.get(layer)?.shape;
    if (!shape) throw new Error(`no layer "${layer}" in this model`);
    const act = activationShape(shape);
    if (!act) throw new Error(`layer "${layer}" [${shape.join(", ")}] has no channels to choose from. Choose another layer.`);
    return { ...act, copies };
  };
}
