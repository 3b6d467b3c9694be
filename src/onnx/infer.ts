/** Shape inference for one node. The table by op family is in infer/. */
import type { Node, Tensor, ValueType } from "./graph";

/**
 * Output types of `node` from its input types (undefined: absent) and, where an op needs it, an input's constant value.
 * Throws OpError naming the node when the inputs contradict each other or the op is not known.
 */
export function inferNode(
  node: Node,
  inputs: readonly (ValueType | undefined)[],
  constantOf: (index: number) => Tensor | undefined,
): ValueType[] {
  throw new Error("to be written");
}
