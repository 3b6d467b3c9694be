/** Which nodes of a file the wanted values need, and who reads what among them. */
import type { Attr, Graph, Node } from "../graph";

export const isGraph = (attr: Attr): attr is Graph => typeof attr === "object" && !Array.isArray(attr) && "nodes" in attr;

/** Every name that a node reads, those inside its subgraphs (If) included. */
export function readsOf(node: Node): string[] {
  const names = node.inputs.filter((name) => name !== "");
  for (const attr of Object.values(node.attrs))
    if (isGraph(attr)) for (const inner of attr.nodes) names.push(...readsOf(inner), ...attr.outputs);
  return names;
}

/** The nodes that `outputs` need, in the graph's order, and the names that are read or wanted. */
export function cut(graph: Graph, outputs: readonly string[]): { nodes: Node[]; needed: Set<string> } {
  const needed = new Set(outputs);
  const nodes: Node[] = [];
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i]!;
    if (!node.outputs.some((name) => name && needed.has(name))) continue;
    nodes.push(node);
    for (const name of readsOf(node)) needed.add(name);
  }
  return { nodes: nodes.reverse(), needed };
}

/** For each name, the nodes that read it. */
export function consumersOf(nodes: readonly Node[]): Map<string, Node[]> {
  const consumers = new Map<string, Node[]>();
  for (const node of nodes)
    for (const name of new Set(readsOf(node))) {
      const list = consumers.get(name);
      if (list) list.push(node);
      else consumers.set(name, [node]);
    }
  return consumers;
}
