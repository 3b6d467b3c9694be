/**
 * Sanity checks for saliency maps (Adebayo et al. 2018): the network with its weights randomised layer by layer from the top. A map that stays
 * the same does not show what the network has learnt.
 */
import type { Graph, Node, Tensor } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import { seeded } from "../../vis/random";

/** Ops with weights that are learnt, which are constants of the graph. */
const WEIGHTED = new Set(["Conv", "ConvTranspose", "Gemm", "MatMul"]);

/** Nodes with float32 weights, the one nearest to the answer first (in the graph's own order, backwards). */
export const weightedNodes = (graph: Graph): readonly Node[] =>
  graph.nodes.filter((node) => WEIGHTED.has(node.op) && weightsOf(graph, node).length > 0).reverse();

const weightsOf = (graph: Graph, node: Node): string[] =>
  node.inputs.filter((name) => graph.constants.get(name)?.dtype === "float32");

/**
 * The graph whose `layers` topmost weighted nodes have weights and biases drawn anew: normal, of each constant's own root mean square, so that
 * activations keep their size. One seed gives one constant the same numbers however many layers are randomised: each cascade goes on
 * from the last. Normalisation and quantised weights stay. Throws RangeError where there are not so many layers.
 */
export function randomisedFromTop(graph: Graph, layers: number, seed = 1): Graph {
  const nodes = weightedNodes(graph);
  if (!Number.isInteger(layers) || layers < 0 || layers > nodes.length)
    throw new RangeError(
      `layers is ${layers}, but "${graph.name}" has ${nodes.length} layers of float32 weights. Use 0 to ${nodes.length}.`,
    );
  const constants = new Map(graph.constants);
  for (const name of nodes.slice(0, layers).flatMap((node) => weightsOf(graph, node)))
    constants.set(name, drawnAnew(name, graph.constants.get(name)!, seed));
  return { ...graph, constants };
}

function drawnAnew(name: string, { data, shape }: Tensor, seed: number): Tensor {
  const random = seeded(seed, `weights ${name}`);
  const own = data as Float32Array;
  const size = Math.sqrt(own.reduce((sum, v) => sum + v * v, 0) / Math.max(1, own.length));
  return f32(
    own.map(() => size * random.normal()),
    shape,
  );
}
