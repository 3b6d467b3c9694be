/** Layers worth looking at, for models without a card, and what is a channel of theirs. */
import type { Node, StaticGraph } from "../graph";
import { AUX } from "./site";
import { consumersOf } from "./cut";

export interface ActivationShape {
  channels: number;
  height: number;
  width: number;
}

/**
 * Channels and grid of an activation: [N, C, H, W]; [N, C], a dense layer, with a grid of one position; or a transformer's tokens
 * [N, T, C], which are a row of T positions. Undefined for other shapes.
 */
export function activationShape(shape: readonly number[]): ActivationShape | undefined {
  switch (shape.length) {
    case 4:
      return { channels: shape[1]!, height: shape[2]!, width: shape[3]! };
    case 3:
      return { channels: shape[2]!, height: 1, width: shape[1]! };
    case 2:
      return { channels: shape[1]!, height: 1, width: 1 };
    default:
      return undefined;
  }
}

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

/** Ops whose output has channels on the second axis, whatever they read. */
const CHANNELS_FIRST = new Set(
  "Conv ConvTranspose MaxPool AveragePool Resize DepthToSpace GridSample InstanceNormalization".split(" "),
);

/**
 * Values of four axes whose second is not that of channels: turned to put channels last (ConvNeXt), or split into the heads of
 * attention. They begin where axes are moved or made, and end where an op makes channels of its own, or they are turned back.
 */
function turnedValues({ nodes, types, constants }: StaticGraph): Set<string> {
  const turned = new Set<string>();
  for (const node of nodes) {
    const [name] = node.outputs as [string];
    const shape = types.get(name)?.shape ?? [];
    if (shape.length !== 4 || CHANNELS_FIRST.has(node.op)) continue;
    const back = node.op === "Transpose" && String(node.attrs.perm) === "0,3,1,2";
    const read = node.inputs.filter((input) => !constants.has(input) && types.get(input)?.shape.length === 4);
    const reshaped = node.op === "Reshape" || read.length === 0; // out of three axes or five
    const begins = node.op === "Transpose" || (reshaped && shape[2]! * shape[3]! > 1);
    const goesOn = read.length > 0 && read.every((input) => turned.has(input));
    if (!back && (begins || goesOn)) turned.add(name);
  }
  return turned;
}

/**
 * Float activations [N, C, H, W], tokens [N, T, C] and logits [N, C] in topological order. What only feeds an activation function is left to
 * that function's output, and so are values that canonicalisation made.
 */
export function layersOf(graph: StaticGraph): LayerCandidate[] {
  const consumers = consumersOf(graph.nodes);
  const turned = turnedValues(graph);
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
    const grid = type && activationShape(type.shape);
    if (!grid || type.dtype !== "float32" || grid.channels < 2 || name.includes(AUX) || turned.has(name)) return [];
    if (!MAKES_FEATURES.has(node.op) && !ACTIVATES.has(node.op)) return [];
    if (ownedByActivation(name)) return [];
    const { channels, height, width } = grid;
    return [{ name, op: node.op, channels, grid: [height, width], shape: type.shape }];
  };
  return graph.nodes.flatMap(candidate);
}
