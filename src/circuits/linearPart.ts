/**
 * The linear part of a network between two layers: what "expanded weights" are the weights of (Voss et al., "Visualizing Weights",
 * Distill 2021), one kernel from every unit of the earlier layer to every unit of the later, whatever lies between them.
 *
 * Convolutions, folded batch norms, joins, sums and averages are linear already. What is not is replaced, and listed:
 *   rectifiers      pass everything on, as they do what is positive
 *   maximum pools   average, as in that article
 *   gates           (squeeze and excite, swish, LRN's divisor) are held wide open: at the upper bound of what they can be
 *   curves          (tanh, sigmoid) have their slope at 0
 * Offsets do not matter to weights and are dropped. What has no such part (attention, layer norms) is refused.
 */
import { GraphBuilder } from "../onnx/builder";
import { OpError, sizeOf, type Attrs, type Node, type StaticGraph, type Value } from "../onnx/graph";
import { BoundsFinder } from "./bounds";

/** Where the linear part is not the network itself. */
export interface Approximation {
  kind: "rectifier" | "pool" | "gate" | "curve";
  /** The node's name and operator. */
  node: string;
  op: string;
  /** For people: "max over 3 x 3 taken as their average". */
  says: string;
}

export interface LinearPart {
  /** From `from`, its one input, to `to`, its one output. */
  graph: StaticGraph;
  /** In the graph's order; empty where the network is linear between the two. */
  approximations: Approximation[];
  /** Some of what `to` is made of comes by a way around `from`, and has no weights here. */
  bypassed: boolean;
}

/** Ops that are linear in what they read, as long as that is one value, or they only put values together. */
const LINEAR = new Set(
  "Add AveragePool Cast Concat DepthToSpace Expand Gather Identity Neg Pad ReduceMean ReduceSum Reshape Resize Slice SpaceToDepth Sub Tile Transpose".split(
    " ",
  ),
);
/** Linear in one input where the others are constants; the first three in their first alone. */
const WEIGHTED = new Set("Conv ConvTranspose Div Einsum MatMul Mul".split(" "));
const WEIGHTED_FIRST = new Set("Conv ConvTranspose Div".split(" "));
const RECTIFIERS = new Set("Clip Elu Gelu HardSwish LeakyRelu PRelu Relu Softplus ThresholdedRelu".split(" "));

/** Throws OpError naming the first node that has no linear part, and Error where `to` does not depend on `from` but through gates. */
export function linearPart(model: StaticGraph, { from, to }: { from: string; to: string }): LinearPart {
  const walk = new Walk(model, from);
  const end = walk.depends(to) ? walk.value(to) : undefined;
  const graph = end && walk.b.build("linear part", [end]);
  if (!graph || !graph.nodes.some(({ inputs }) => inputs.includes(from)))
    throw new Error(`"${to}" does not depend on "${from}", or through gates alone. Choose an earlier layer that leads to it.`);
  return { graph, approximations: walk.approximations, bypassed: walk.bypassed };
}

/** From the end back: only what is needed is looked at, so that what makes a gate never is. */
class Walk {
  readonly b = new GraphBuilder();
  readonly approximations: Approximation[] = [];
  bypassed = false;
  readonly #bounds: BoundsFinder;
  readonly #makers = new Map<string, Node>();
  readonly #dependent: Set<string>;
  readonly #values = new Map<string, Value>();

  constructor(
    readonly model: StaticGraph,
    from: string,
  ) {
    this.#bounds = new BoundsFinder(model);
    this.#dependent = new Set([from]);
    this.#values.set(from, this.b.input(from, "float32", model.types.get(from)!.shape));
    for (const node of model.nodes) {
      for (const output of node.outputs) if (output) this.#makers.set(output, node);
      if (node.inputs.some((name) => this.#dependent.has(name))) for (const output of node.outputs) this.#dependent.add(output);
    }
  }

  depends(name: string): boolean {
    return this.#dependent.has(name);
  }

  /** The linear part of a value; zeros for what comes by another way. */
  value(name: string): Value {
    const known = this.#values.get(name);
    if (known) return known;
    const made = this.depends(name) ? this.#through(this.#makers.get(name)!) : this.#fixed(name);
    this.#values.set(name, made);
    return made;
  }

  #fixed(name: string): Value {
    const constant = this.model.constants.get(name);
    if (constant) return this.b.constant(constant, name);
    this.bypassed = true;
    return this.b.expand(this.b.scalar(0), this.model.types.get(name)!.shape);
  }

  #through(node: Node): Value {
    const moving = node.inputs.filter((name) => this.depends(name));
    const weighed =
      moving.length === 1 && node.inputs.every((name) => !name || this.depends(name) || this.model.constants.has(name));
    const copied = (op: string, attrs: Attrs = node.attrs): Value => {
      const inputs = node.inputs.map((name) => (name ? this.value(name) : null));
      return this.b.node(op, inputs, attrs, { name: node.name });
    };
    const first = (): Value => this.value(moving[0]!);
    if (LINEAR.has(node.op)) return copied(node.op);
    if (weighed && WEIGHTED.has(node.op) && (this.depends(node.inputs[0]!) || !WEIGHTED_FIRST.has(node.op)))
      return copied(node.op);
    if (RECTIFIERS.has(node.op) || (weighed && (node.op === "Max" || node.op === "Min")))
      return this.#approximate(node, "rectifier", "taken to pass everything on", first());
    switch (node.op) {
      case "MaxPool":
        return this.#averaged(node, first());
      case "ReduceMax":
        return this.#approximate(node, "pool", "the largest taken as the average", copied("ReduceMean"));
      case "Mul":
        return this.#gated(node);
      case "Tanh":
      case "Sigmoid":
      case "HardSigmoid": {
        const slope = node.op === "Tanh" ? 1 : node.op === "Sigmoid" ? 0.25 : Number(node.attrs.alpha ?? 0.2);
        return this.#approximate(node, "curve", `taken at its slope at 0, ${slope}`, this.b.mul(first(), slope));
      }
      default:
        throw new OpError(node, "it has no linear part, so no weights lead through it. Choose two layers on one side of it.");
    }
  }

  #approximate(node: Node, kind: Approximation["kind"], says: string, value: Value): Value {
    this.approximations.push({ kind, node: node.name, op: node.op, says });
    return value;
  }

  #averaged(node: Node, x: Value): Value {
    const { kernel_shape, strides, pads, dilations = [], ceil_mode = 0 } = node.attrs as Record<string, readonly number[]>;
    if (dilations.some((d) => d !== 1))
      throw new OpError(node, "a maximum with gaps has no average here. Choose two layers on one side of it.");
    const attrs = { kernel_shape: kernel_shape!, strides: strides!, pads: pads!, ceil_mode, count_include_pad: 0 };
    const says = `the largest of ${kernel_shape!.join(" x ")} taken as their average`;
    return this.#approximate(node, "pool", says, this.b.node("AveragePool", [x], attrs, { name: node.name }));
  }

  /** A product of two values that the picture makes: the bounded one, or of two that with fewer positions, is a gate. */
  #gated(node: Node): Value {
    const places = (name: string): number => sizeOf(this.model.types.get(name)!.shape);
    const bounded = node.inputs.filter((name) => {
      const [low, high] = this.#bounds.of(name);
      return low > -Infinity && high < Infinity && high > 0;
    });
    const gate = bounded.sort((a, b) => places(a) - places(b))[0];
    if (gate === undefined)
      throw new OpError(
        node,
        "it multiplies two values that the picture makes, neither of them bounded, so no weights lead through it. Choose two layers on one side of it.",
      );
    const signal = node.inputs.find((name) => name !== gate) ?? gate;
    const open = this.#bounds.of(gate)[1];
    const wide = this.b.expand(this.value(signal), this.model.types.get(node.outputs[0]!)!.shape);
    return this.#approximate(node, "gate", `${gate} held at ${Number(open.toPrecision(4))}`, this.b.mul(wide, open));
  }
}
