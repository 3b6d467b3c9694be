/** Layers worth looking at, for models without a card. */
import type { Node, StaticGraph } from "../graph";
import { AUX } from "./site";
import { consumersOf } from "./cut";

export interface LayerCandidate {
  /** The graph's value name: what an Objective names. */
  name: string;
  op: string;
  channels: number;
  /** Rows and columns; [1, 1] for a dense layer. */
  grid: readonly [height: number, width: number];
  shape: readonly number[];
}

const MAKES_FEATURES = new Set(
  "Conv ConvTranspose MatMul Add Mul Concat MaxPool AveragePool ReduceMean Resize Softmax LogSoftmax DepthToSpace".split(" "),
);
const ACTIVATES = new Set("Relu Clip LeakyRelu PRelu Elu Sigmoid HardSigmoid Tanh Softplus Erf".split(" "));

/** [N, C, H, W] with a channel or more, or [N, C] logits. */
const isLayer = (shape: readonly number[]) => (shape.length === 4 || shape.length === 2) && shape[1]! > 1;

/**
 * Float activations [N, C, H, W] and logits [N, C] in topological order. What only feeds an activation function is left to
 * that function's output, and so are values that canonicalisation made.
 */
export function layersOf(graph: StaticGraph): LayerCandidate[] {
  const consumers = consumersOf(graph.nodes);
  const ownedByActivation = (name: string) => {
    const readers = consumers.get(name) ?? [];
    const [reader] = readers;
    return (
      readers.length === 1 && ACTIVATES.has(reader!.op) && !reader!.outputs[0]!.includes(AUX) && !graph.outputs.includes(name)
    );
  };
  const candidate = (node: Node): LayerCandidate[] => {
    const name = node.outputs[0]!;
    const type = graph.types.get(name);
    if (!type || type.dtype !== "float32" || !isLayer(type.shape) || name.includes(AUX)) return [];
    if (!MAKES_FEATURES.has(node.op) && !ACTIVATES.has(node.op)) return [];
    if (ownedByActivation(name)) return [];
    const [, channels, height = 1, width = 1] = type.shape as [number, number, number?, number?];
    return [{ name, op: node.op, channels, grid: [height, width], shape: type.shape }];
  };
  return graph.nodes.flatMap(candidate);
}
