/**
 * Finding a layer by where it stands, for files whose exporter kept no names.
 *
 * The trunk of a network are the nodes through which every path from the picture to the answer passes: each block's join, but
 * nothing inside a block. Its order is the same however a file orders the nodes, whatever branches the blocks have, and
 * whether or not their inner joins were fused: "the fourth Concat of the trunk" is a place that survives another exporter.
 */
import { readsOf } from "./canonical/cut";
import { valueNamed } from "./canonical/names";
import type { Graph, Node } from "./graph";

/** The `index`-th node (from 0; from the end where negative: -1 is the last) of operator `op` on the trunk. */
export interface Find {
  op: string;
  index: number;
}

/** A layer as a card names it: by value, by its names in other files, by its place. */
export interface Wanted {
  name: string;
  aliases?: readonly string[];
  find?: Find;
}

/**
 * The nodes that every path from `input` (the graph's first input, when it has none of that name) to the graph's last made output
 * passes, in order.
 *
 * In any topological order a node is on all paths just when no edge between two nodes that lie on paths jumps over it.
 */
export function trunkOf(graph: Graph, input: string): Node[] {
  const source = graph.inputs.find(({ name }) => name === input)?.name ?? graph.inputs[0]?.name;
  if (source === undefined) return [];
  const between = nodesBetween(graph, source);
  const madeAt = new Map<string, number>([[source, -1]]);
  between.forEach((node, i) => node.outputs.forEach((output) => output && madeAt.set(output, i)));
  // reach[i]: the farthest reader of anything made up to and including node i - 1
  const farthest = new Array<number>(between.length + 1).fill(-1);
  between.forEach((node, i) => {
    for (const name of readsOf(node)) {
      const from = madeAt.get(name);
      if (from !== undefined) farthest[from + 1] = i;
    }
  });
  let reach = -1;
  return between.filter((_, i) => {
    reach = Math.max(reach, farthest[i]!);
    return reach <= i;
  });
}

/** The nodes on paths from `source` to the last output that any node makes. */
function nodesBetween(graph: Graph, source: string): Node[] {
  const reached = new Set([source]);
  const downstream = graph.nodes.filter((node) => {
    const hit = readsOf(node).some((name) => reached.has(name));
    if (hit) for (const output of node.outputs) if (output) reached.add(output);
    return hit;
  });
  const outputs = new Set(graph.outputs);
  const last = downstream.findLast((node) => node.outputs.some((output) => outputs.has(output)));
  if (!last) return [];
  const needed = new Set(last.outputs);
  const kept = [...downstream].reverse().filter((node) => {
    const hit = node.outputs.some((output) => output && needed.has(output));
    if (hit) for (const name of readsOf(node)) needed.add(name);
    return hit;
  });
  return kept.reverse();
}

/** The value at a place on `trunk`, or undefined when it is not that long. */
export function locate(trunk: readonly Node[], { op, index }: Find): string | undefined {
  return trunk.filter((node) => node.op === op && node.domain === "").at(index)?.outputs[0];
}

/** The graph's value for a card's layer: by its name, its aliases, then its place on the trunk that starts at `input`. */
export function findLayer(graph: Graph, { name, aliases, find }: Wanted, input: string): string | undefined {
  return valueNamed(graph, name, aliases) ?? (find && locate(trunkOf(graph, input), find));
}
