/** Which rule makes a node canonical: by ONNX's own operators, and by those of ONNX Runtime's optimiser. */
import type { Graph, Node } from "../graph";
import { attention } from "./attention";
import { convolution } from "./convolution";
import { elementwise } from "./elementwise";
import { fused, integerAttention } from "./fused";
import { indexing } from "./indexing";
import { layout } from "./layout";
import { linear } from "./linear";
import { localResponse } from "./lrn";
import { normalisation } from "./normalisation";
import { pooling } from "./pooling";
import { microsoftQuantisation, quantisation } from "./quantisation";
import { reduction } from "./reduction";
import { resampling } from "./resampling";
import { sequences } from "./sequences";
import type { CanonicalRule, CanonicalTable } from "./site";

/** ONNX op, in any form from opset 7 on -> how it becomes canonical. */
export const canonicalTable: CanonicalTable = {
  ...elementwise,
  ...convolution,
  ...pooling,
  ...localResponse,
  ...normalisation,
  ...linear,
  ...reduction,
  ...layout,
  ...resampling,
  ...indexing,
  ...attention,
  ...sequences,
  ...quantisation,
};

const microsoftGrids: CanonicalTable = { ...microsoftQuantisation, QAttention: integerAttention };

/** The same for the operators that ONNX Runtime's optimiser and quantiser put in place of standard ones. */
export const microsoftTable: CanonicalTable = { ...fused, ...microsoftGrids };

/** The rule of a node; undefined where its op is not known. */
export function ruleOf({ domain, op }: Pick<Node, "domain" | "op">): CanonicalRule | undefined {
  const table = domain === "" ? canonicalTable : domain === "com.microsoft" ? microsoftTable : {};
  return Object.hasOwn(table, op) ? table[op] : undefined;
}

/** Whether a node's rule takes quantised activations as real numbers with their grids. */
export const knowsGrids = ({ domain, op }: Node): boolean => Object.hasOwn(domain === "" ? quantisation : microsoftGrids, op);

/** Whether canonicalise knows a node's op at all. */
const understood = (node: Node): boolean => (node.domain === "" && node.op === "If") || ruleOf(node) !== undefined;

/** The nodes that canonicalise has no rule for, found without shapes or weights. */
export const notUnderstood = (graph: Pick<Graph, "nodes">): { node: string; op: string }[] =>
  graph.nodes.flatMap((node) =>
    understood(node) ? [] : [{ node: node.name, op: node.domain ? `${node.domain}.${node.op}` : node.op }],
  );
