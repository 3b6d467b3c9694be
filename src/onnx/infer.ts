/** Shape inference for one node. The table by op family is in infer/. */
import { OpError, sizeOf, type Node, type Tensor, type ValueType } from "./graph";
import { elementwise } from "./infer/elementwise";
import { indexing } from "./infer/indexing";
import { linear } from "./infer/linear";
import { NodeView, show, type InferTable } from "./infer/nodeView";
import { normalisations } from "./infer/normalise";
import { reductions } from "./infer/reduce";
import { shapes } from "./infer/shape";
import { window } from "./infer/window";

/** ONNX op at opset 18 -> its output types. */
export const inferTable: InferTable = {
  ...elementwise,
  ...window,
  ...linear,
  ...reductions,
  ...shapes,
  ...indexing,
  ...normalisations,
};

/** More elements than this is a mistake or an attack: no backend of ours could hold them. */
export const MAX_ELEMENTS = 2 ** 31;

/**
 * Output types of `node` from its input types (undefined: absent) and, where an op needs it, an input's constant value.
 * Throws OpError naming the node when the inputs contradict each other or the op is not known.
 */
export function inferNode(
  node: Node,
  inputs: readonly (ValueType | undefined)[],
  constantOf: (index: number) => Tensor | undefined,
): ValueType[] {
  const rule = node.domain === "" && Object.hasOwn(inferTable, node.op) ? inferTable[node.op] : undefined;
  if (!rule) {
    const op = node.domain ? `${node.domain}.${node.op}` : node.op;
    throw new OpError(
      node,
      `the op ${op} is not supported. Choose an earlier layer, or export the model with standard ONNX ops.`,
    );
  }
  const types = rule(new NodeView(node, inputs, constantOf)).map(({ dtype, shape }) => ({ dtype, shape }));
  for (const { shape } of types) {
    if (shape.some((size) => !Number.isInteger(size) || size < 0)) throw new OpError(node, `its output would be ${show(shape)}.`);
    if (sizeOf(shape) > MAX_ELEMENTS)
      throw new OpError(
        node,
        `its output ${show(shape)} would have ${sizeOf(shape)} elements, more than ${MAX_ELEMENTS}. Choose a smaller size.`,
      );
  }
  return types;
}
