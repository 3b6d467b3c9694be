/**
 * Layer-wise relevance propagation (Bach et al. 2015): what comes back to a value is its share of the score, and the shares of a layer
 * add up to the score, but for what biases take.
 *
 * Layers with weights follow the composite's rules (relevance.ts); means and sums share by what each part brought; a maximum goes to its
 * winner; activation functions pass on what they get. Of a product the signal takes all and the gate nothing (Arras et al. 2017), which also
 * makes local response normalisation pass on what it gets. The network's own scaling of the picture passes it on to the picture.
 */
import type { GraphBuilder } from "../../onnx/builder";
import type { Node, Value } from "../../onnx/graph";
import type { RuleTable, VjpContext, VjpRule } from "../../autodiff/rule";
import { rules as gradient } from "../../autodiff/rules";
import { activations } from "../../autodiff/rules/activations";
import { trigonometry } from "../../autodiff/rules/trigonometry";
import type { BackwardRules } from "../probe";
import type { LrpComposite } from "../types";
import { alphaBeta, box, epsilonRule, flat, gammaRule, shares, zPlus, type LayerRule } from "./relevance";

type Options = Extract<BackwardRules, { kind: "lrp" }>;

interface Composite {
  /** Convolutions, dense layers, and the first layer where it has a rule of its own. */
  convolution: LayerRule;
  dense: LayerRule;
  first?: LayerRule;
}

function compositeOf({ composite, epsilon, gamma }: Options): Composite {
  const small = epsilonRule(epsilon);
  const composites: Readonly<Record<LrpComposite, Composite>> = {
    epsilon: { convolution: small, dense: small },
    gamma: { convolution: gammaRule(gamma), dense: gammaRule(gamma) },
    zPlus: { convolution: zPlus, dense: zPlus },
    epsilonPlus: { convolution: zPlus, dense: small },
    epsilonPlusFlat: { convolution: zPlus, dense: small, first: flat },
    epsilonGammaBox: { convolution: gammaRule(gamma), dense: small, first: box },
    epsilonAlpha2Beta1: { convolution: alphaBeta(2, 1), dense: small },
    epsilonAlpha2Beta1Flat: { convolution: alphaBeta(2, 1), dense: small, first: flat },
  };
  return composites[composite];
}

/** The table for the graph in `b`, whose picture in 0..1 is `image`. */
export function lrp(options: Options, b: GraphBuilder, image: Value): RuleTable {
  const { convolution, dense, first } = compositeOf(options);
  const scaling = scalingOf(b, image);
  /** The picture's scaling is none of the network's reasons. */
  const unlessScaling =
    (rule: VjpRule): VjpRule =>
    (c) =>
      scaling.has(c.node.outputs[0]!) ? pass(c) : rule(c);
  const weighted =
    (rule: LayerRule): VjpRule =>
    (c) => {
      if (scaling.has(c.node.outputs[0]!)) return mixed(c);
      const reads = c.node.inputs[0]!;
      const isFirst = reads === image.name || scaling.has(reads);
      return (isFirst && first ? first : rule)(c, (at) => throughScaling(c.b, image, c.x[0], at));
    };
  return {
    ...gradient,
    ...Object.fromEntries([...Object.keys(activations), ...Object.keys(trigonometry)].map((op) => [op, pass])),
    ...Object.fromEntries(["LayerNormalization", "InstanceNormalization", "Softmax", "LogSoftmax"].map((op) => [op, pass])),
    ...Object.fromEntries(
      ["ReduceMean", "ReduceSum", "AveragePool", "Resize", "Einsum", "GridSample", "CumSum"].map((op) => [op, sharedOut]),
    ),
    Add: unlessScaling(sharedOut),
    Sub: unlessScaling(sharedOut),
    Mul: unlessScaling(product),
    Div: unlessScaling((c) => (c.needs[0] ? [c.dy, null] : [null, c.dy])),
    Conv: weighted(convolution),
    ConvTranspose: weighted(convolution),
    MatMul: (c) => (c.needs[0] && c.needs[1] ? halves(sharedOut(c), c.b) : weighted(dense)(c)),
  };
}

const pass: VjpRule = ({ dy, needs }) => needs.map((need) => (need ? dy : null));

/** By what each input brought: X times the gradient of what is to be shared over Y. */
const sharedOut: VjpRule = (c) => {
  const rule = gradient[c.node.op] as VjpRule;
  const back = rule({ ...c, dy: shares(c.b, c.dy, c.y[0], 1e-6) });
  return back.map((dx, i) => (dx && c.needs[i] ? c.b.mul(c.x[i]!, dx) : null));
};

/** Of a product of two activations. */
const product: VjpRule = (c) => {
  const { b, dy, needs, node } = c;
  if (!needs[0] || !needs[1]) return pass(c);
  const [first, second] = node.inputs.map((name) => gateness(b, name)) as [number, number];
  if (first === second) return halves([dy, dy], b);
  return first < second ? [dy, null] : [null, dy];
};

const halves = (parts: readonly (Value | null)[], b: GraphBuilder): (Value | null)[] =>
  parts.map((part) => part && b.mul(part, 0.5));

const makerOf = (b: GraphBuilder, name: string): Node | undefined => b.nodes.find((node) => node.outputs.includes(name));

/** How much a factor looks like a gate: what lies between 0 and 1 by nature, then what is clipped on both sides, then the rest. */
function gateness(b: GraphBuilder, name: string): number {
  const maker = makerOf(b, name);
  if (!maker) return 0;
  if (["Sigmoid", "HardSigmoid", "Softmax", "Pow", "Exp", "Reciprocal", "Sqrt"].includes(maker.op)) return 2;
  return maker.op === "Clip" && maker.inputs[1] && maker.inputs[2] ? 1 : 0;
}

/** Everything that is made of the picture by fixed scales, shifts, turns and mixtures of its colours: what the network is fed. */
function scalingOf(b: GraphBuilder, image: Value): Set<string> {
  const made = new Set<string>();
  for (const node of b.nodes) {
    const [x, ...others] = node.inputs.filter((name) => name && !b.constantOf(b.value(name)));
    if (x === undefined || others.length || (x !== image.name && !made.has(x))) continue;
    const scales = ["Add", "Sub", "Mul", "Div", "Transpose"].includes(node.op);
    const mixes = node.op === "Conv" && (b.value(node.outputs[0]!).shape[1] ?? 0) <= 4 && isPointwise(node);
    if (scales || mixes) made.add(node.outputs[0]!);
  }
  return made;
}

const isPointwise = ({ attrs }: Node): boolean =>
  Array.isArray(attrs.kernel_shape) && (attrs.kernel_shape as number[]).every((side) => side === 1);

/** A mixture of colours, or another order of them: to each colour by its weight's share of the channel. */
function mixed(c: VjpContext): (Value | null)[] {
  const { b, x: [X, W], y: [Y], dy } = c; // prettier-ignore
  const sizes = b.abs(W);
  const total = b.add(b.reduceSum(sizes, [1, 2, 3]), 1e-12);
  const rule = gradient.Conv as VjpRule;
  return [
    rule({ ...c, x: [X, b.div(sizes, total)] as unknown as VjpContext["x"], y: [Y] as unknown as VjpContext["y"], dy })[0]!,
  ];
}

/** What the scaling makes of a picture that is `at` everywhere, in the shape of X. */
function throughScaling(b: GraphBuilder, image: Value, X: Value, at: number): Value {
  const emit = (name: string): Value => {
    if (name === image.name) return b.expand(b.scalar(at), image.shape);
    const value = b.value(name);
    if (b.constantOf(value)) return value;
    const node = makerOf(b, name)!;
    return b.node(node.op, node.inputs.map((input) => (input ? emit(input) : null)), node.attrs); // prettier-ignore
  };
  return emit(X.name);
}
