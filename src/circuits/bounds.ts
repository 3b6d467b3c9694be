/** Between which numbers a value must lie whatever the picture shows, by interval arithmetic over the graph. */
import type { Node, StaticGraph } from "../onnx/graph";

export type Bounds = readonly [low: number, high: number];

const ANY: Bounds = [-Infinity, Infinity];
const UNIT: Bounds = [0, 1];

/** Ops that make nothing that was not among what they read; averages and resamplings may mix in zeros of a padding. */
const KEEP = new Set("Cast Concat Expand Gather Identity MaxPool ReduceMax ReduceMin Reshape Slice Tile Transpose".split(" "));
const MIX = new Set("AveragePool Pad ReduceMean".split(" "));

/** The bounds of values of one graph, each looked into once. */
export class BoundsFinder {
  readonly #makers = new Map<string, Node>();
  readonly #found = new Map<string, Bounds>();

  constructor(readonly graph: StaticGraph) {
    for (const node of graph.nodes) for (const output of node.outputs) if (output) this.#makers.set(output, node);
  }

  of(name: string): Bounds {
    const known = this.#found.get(name);
    if (known) return known;
    const constant = this.graph.constants.get(name);
    const made = this.#makers.get(name);
    const found = constant
      ? extent(Array.from(constant.data as ArrayLike<number | bigint>, Number))
      : made
        ? this.#through(made)
        : ANY;
    this.#found.set(name, found);
    return found;
  }

  #through(node: Node): Bounds {
    const x = (i: number): Bounds => (node.inputs[i] ? this.of(node.inputs[i]) : ANY);
    const [low, high] = x(0);
    if (KEEP.has(node.op)) return hull(node.op === "Concat" ? node.inputs.map((_, i) => x(i)) : [x(0)]);
    if (MIX.has(node.op)) return hull([x(0), [0, 0]]);
    switch (node.op) {
      case "Sigmoid":
      case "HardSigmoid":
      case "Softmax":
        return UNIT;
      case "Tanh":
        return [-1, 1];
      case "Relu":
        return [Math.max(0, low), Math.max(0, high)];
      case "Clip": {
        const [least, most] = [node.inputs[1] ? x(1)[0] : -Infinity, node.inputs[2] ? x(2)[1] : Infinity];
        return [Math.min(Math.max(low, least), most), Math.max(Math.min(high, most), least)];
      }
      case "Neg":
        return [-high, -low];
      case "Add":
        return [low + x(1)[0], high + x(1)[1]];
      case "Sub":
        return [low - x(1)[1], high - x(1)[0]];
      case "Mul":
        return node.inputs[0] === node.inputs[1] ? squared([low, high]) : product([low, high], x(1));
      case "Div":
        return x(1)[0] > 0 ? product([low, high], [1 / x(1)[1], 1 / x(1)[0]]) : ANY;
      case "Pow": {
        const [p, same] = x(1);
        return p === same && low >= 0 ? extent([low ** p, high ** p]) : ANY;
      }
      default:
        return ANY;
    }
  }
}

const extent = (values: readonly number[]): Bounds => [
  values.reduce((a, b) => Math.min(a, b), Infinity),
  values.reduce((a, b) => Math.max(a, b), -Infinity),
];
const hull = (all: readonly Bounds[]): Bounds => extent(all.flat());
const squared = ([low, high]: Bounds): Bounds => [
  low <= 0 && high >= 0 ? 0 : Math.min(low * low, high * high),
  Math.max(low * low, high * high),
];

function product(a: Bounds, b: Bounds): Bounds {
  const times = (x: number, y: number): number => (x === 0 || y === 0 ? 0 : x * y);
  return extent(a.flatMap((x) => b.map((y) => times(x, y))));
}
