/** The nodes that some outputs need, each after what it reads: for graph models and layers models alike. */
import { ModelFormatError, OpError, type Node } from "../../onnx/graph";

interface Ordered {
  readonly name: string;
  readonly inputs: readonly { readonly node: string }[];
}

/**
 * `outputs` are names of `nodes`; `known` are those that the file calls its outputs, for messages.
 * Throws ModelFormatError about a node that is not there, and about a circle.
 */
export function ordered<N extends Ordered>(
  nodes: ReadonlyMap<string, N>,
  outputs: readonly string[],
  known: readonly string[],
  what: string,
): N[] {
  const done = new Set<string>();
  const open = new Set<string>();
  const order: N[] = [];
  const stack = outputs.toReversed().map((name) => ({ name, reader: "" }));
  while (stack.length) {
    const { name, reader } = stack.at(-1)!;
    const node = nodes.get(name);
    if (!node)
      throw new ModelFormatError(
        reader
          ? `${what}: "${reader}" reads "${name}", which is no node of the file. The file is incomplete; download it again.`
          : `${what} has no node "${name}". Its outputs are ${known.map((o) => `"${o}"`).join(", ") || "not named"}.`,
      );
    const waiting = done.has(name) ? [] : node.inputs.filter((input) => !done.has(input.node));
    if (waiting.length && open.has(name))
      throw new ModelFormatError(
        `${what}: "${name}" depends on its own output. Such a circle cannot be run; convert the model again.`,
      );
    if (waiting.length) {
      open.add(name);
      for (const input of waiting) stack.push({ name: input.node, reader: name });
      continue;
    }
    if (!done.has(name)) order.push(node);
    done.add(name);
    stack.pop();
  }
  return order;
}

/** What the nodes of a format are. */
export interface Kinds<N> {
  /** No rule: it is left out, with all that reads it. */
  unknown: (node: N) => boolean;
  /** An input of the model. */
  input: (node: N) => boolean;
  /** What it makes does not depend on the numbers that it reads. */
  settled: (node: N) => boolean;
}

/**
 * The outputs that can be made when unknown nodes are left out: `wanted` where that is all of it, else what nothing else
 * that can be made reads. `nodes` in order; `nodeOf` gives the node of an output.
 */
export function reachable<N extends Ordered>(
  nodes: readonly N[],
  wanted: readonly string[],
  nodeOf: (output: string) => string,
  is: Kinds<N>,
): string[] {
  const made = new Set<string>();
  const varies = new Set<string>();
  const read = new Set<string>();
  for (const node of nodes) {
    if (is.unknown(node) || !node.inputs.every((input) => made.has(input.node))) continue;
    made.add(node.name);
    if (is.input(node) || (!is.settled(node) && node.inputs.some((input) => varies.has(input.node)))) varies.add(node.name);
    if (varies.has(node.name)) for (const input of node.inputs) read.add(input.node);
  }
  if (wanted.every((name) => made.has(nodeOf(name)))) return [...wanted];
  const asked = new Set(wanted.map(nodeOf));
  const ends = nodes.filter((node) => varies.has(node.name) && !is.input(node) && (asked.has(node.name) || !read.has(node.name)));
  return ends.map(({ name }) => name);
}

/** Refuses all nodes without a rule at once; `kind` and `place` are what the format calls an operation and a node. */
export function refuseUnknown([first, ...others]: readonly Pick<Node, "op" | "name">[], kind: string, place: string): void {
  if (!first) return;
  const shown = others.slice(0, 8).map(({ op, name }) => `${op} "${name}"`);
  const rest = others.length > shown.length ? ` and ${others.length - shown.length} more` : "";
  throw new OpError(
    first,
    `this ${kind} is not supported${shown.length ? `, nor is ${shown.join(", ")}${rest}` : ""}. ` +
      `Name an earlier ${place} as the output and what follows is left out.`,
  );
}
