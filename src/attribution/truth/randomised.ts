/**
 * Sanity checks for saliency maps (Adebayo et al. 2018): the network with its weights randomised layer by layer from the top. A map that stays
 * the same does not show what the network has learnt.
 */
import type { Graph, Node, Tensor } from "../../onnx/graph";
import { computed, floatToHalf, numbers } from "../../onnx/tensor";
import { seeded } from "../../vis/random";

/** Ops with weights that are learnt, which are constants of the graph. */
const WEIGHTED = new Set(["Conv", "ConvTranspose", "Gemm", "MatMul"]);
/** How weights are kept: float32, or smaller (src/quantize). */
const DRAWN: ReadonlySet<string> = new Set(["float32", "float16", "int8"]);

/** Nodes with weights, the one nearest to the answer first (in the graph's own order, backwards). */
export function weightedNodes(graph: Graph): readonly Node[] {
  const made = producers(graph);
  return graph.nodes.filter((node) => WEIGHTED.has(node.op) && weightsOf(graph, made, node).length > 0).reverse();
}

type Producers = ReadonlyMap<string, Node>;
const producers = ({ nodes }: Graph): Producers => new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node])));

/** Constants that hold a node's weights and biases: its own, or those that they are decoded from (int8 and float16 as they are stored). */
const weightsOf = (graph: Graph, made: Producers, node: Node): string[] =>
  node.inputs.flatMap((name) => rootOf(graph, made, name) ?? []);

/** The constant that `name` is, or the largest of those that it is made of alone; null where the picture has a part in it. */
function rootOf(graph: Graph, made: Producers, name: string): string | null {
  const constant = graph.constants.get(name);
  if (constant) return DRAWN.has(constant.dtype) ? name : null;
  const node = made.get(name);
  if (!node || WEIGHTED.has(node.op)) return null;
  const fixed = node.inputs.filter(Boolean).map((input) => (graph.constants.has(input) ? input : rootOf(graph, made, input)));
  if (fixed.length === 0 || fixed.includes(null)) return null;
  const sized = (fixed as string[]).filter((root) => DRAWN.has(graph.constants.get(root)!.dtype));
  const length = (root: string): number => graph.constants.get(root)!.data.length;
  return sized.toSorted((a, b) => length(b) - length(a))[0] ?? null;
}

/**
 * The graph whose `layers` topmost weighted nodes have weights and biases drawn anew: normal, of each constant's own root mean square, so that
 * activations keep their size. One seed gives one constant the same numbers however many layers are randomised: each cascade goes on
 * from the last. Weights that are kept as int8 or float16 are drawn as such, and keep their scales; normalisation stays. Throws RangeError where there are not so many layers.
 */
export function randomisedFromTop(graph: Graph, layers: number, seed = 1): Graph {
  const nodes = weightedNodes(graph);
  if (!Number.isInteger(layers) || layers < 0 || layers > nodes.length)
    throw new RangeError(
      `layers is ${layers}, but "${graph.name}" has ${nodes.length} layers of weights. Use 0 to ${nodes.length}.`,
    );
  const constants = new Map(graph.constants);
  const made = producers(graph);
  for (const name of nodes.slice(0, layers).flatMap((node) => weightsOf(graph, made, node)))
    constants.set(name, drawnAnew(name, graph.constants.get(name)!, seed));
  return { ...graph, constants };
}

function drawnAnew(name: string, tensor: Tensor, seed: number): Tensor {
  const random = seeded(seed, `weights ${name}`);
  const own = numbers(tensor);
  const size = Math.sqrt(own.reduce((sum, v) => sum + v * v, 0) / Math.max(1, own.length));
  const drawn = own.map(() => size * random.normal());
  return computed(tensor.dtype, tensor.shape, () => {
    if (tensor.dtype === "float16") return Uint16Array.from(drawn, floatToHalf);
    if (tensor.dtype === "int8") return Int8Array.from(drawn, (v) => Math.max(-127, Math.min(127, Math.round(v))));
    return Float32Array.from(drawn);
  });
}
