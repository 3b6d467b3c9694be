/** Networks whose exporter kept no names. */
import type { Graph } from "../src/onnx/graph";

/** `graph` with numbers for names, as old exporters wrote, and what each name became. */
export function nameless(graph: Graph): { graph: Graph; renamed: ReadonlyMap<string, string> } {
  const renamed = new Map<string, string>([["", ""]]);
  const called = (name: string): string => {
    const known = renamed.get(name);
    if (known !== undefined) return known;
    const number = `${renamed.size}`;
    renamed.set(name, number);
    return number;
  };
  const nodes = graph.nodes.map((node, i) => ({
    ...node,
    name: `node ${i}`,
    inputs: node.inputs.map(called),
    outputs: node.outputs.map(called),
  }));
  return {
    graph: {
      ...graph,
      inputs: graph.inputs.map((input) => ({ ...input, name: called(input.name) })),
      outputs: graph.outputs.map(called),
      nodes,
      constants: new Map([...graph.constants].map(([name, tensor]) => [called(name), tensor])),
    },
    renamed,
  };
}
