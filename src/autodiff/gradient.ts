/**
 * Reverse-mode differentiation, ONNX in, ONNX out: one walk over the nodes, one table of rules (rules.ts).
 *
 *   gradient(graph, { of, wrt }):  inputs + cotangent [shape of `of`]  ->  `of`, grad = (d of / d wrt)' cotangent [shape of `wrt`]
 *
 * The walk visits nodes from last to first, only those between `wrt` and `of`. It alone accumulates what several readers of a
 * value send back, and sums over the dimensions along which a forward op broadcast.
 */
import { GraphBuilder } from "../onnx/builder";
import { OpError, type Node, type StaticGraph, type Value } from "../onnx/graph";
import type { Operands, RuleTable } from "./rule";
import { rules as standardRules } from "./rules";

export interface GradientOptions {
  /** The value to differentiate. */
  of: Value;
  /** The value to differentiate by: an input or any value before `of`. */
  wrt: Value;
  /** Cotangent of `of`, in its shape. */
  cotangent: Value;
  rules?: RuleTable;
}

export interface UnsupportedOp {
  node: string;
  op: string;
}

/** The gradient cannot be taken: `ops` lists every node without a rule, the message the first few. */
export class UnsupportedOpsError extends Error {
  override readonly name = "UnsupportedOpsError";
  constructor(readonly ops: readonly UnsupportedOp[]) {
    const shown = ops.slice(0, 5).map(({ op, node }) => `${op} "${node}"`);
    const more = ops.length > shown.length ? ` and ${ops.length - shown.length} more` : "";
    super(
      `no gradient can be taken through ${shown.join(", ")}${more}: there is no rule for ` +
        `${[...new Set(ops.map((o) => o.op))].join(", ")}. Choose an earlier layer, or export the model without these operators.`,
    );
  }
}

/**
 * Appends the backward pass to a builder that holds the forward one, and returns the cotangent of `wrt`, in its shape.
 * A zero constant when `of` does not depend on `wrt`. Throws UnsupportedOpsError before anything is appended,
 * and OpError when a rule cannot handle a node's configuration.
 */
export function appendGradient(b: GraphBuilder, { of, wrt, cotangent, rules = standardRules }: GradientOptions): Value {
  const nodes = between(b.nodes, of.name, wrt.name, rules);
  const missing = withoutRule(nodes, rules);
  if (missing.length) throw new UnsupportedOpsError(missing);
  if (!sameShape(of, cotangent))
    throw new Error(`the cotangent has shape [${cotangent.shape}], but "${of.name}" has [${of.shape}]`);

  const depends = new Set([wrt.name, ...nodes.flatMap((node) => node.outputs)]);
  const parts = new Map<string, Value[]>([[of.name, [cotangent]]]);
  for (const node of nodes.toReversed()) {
    const [output = "", ...others] = node.outputs;
    const odd = others.find((name) => parts.has(name));
    if (odd !== undefined)
      throw new OpError(node, `a gradient comes back through "${odd}", but only its first output, "${output}", has a rule.`);
    const dy = total(b, parts.get(output));
    const rule = rules[node.op];
    if (!dy || typeof rule !== "function") continue;
    parts.delete(output);
    const x = node.inputs.map((name) => (name ? b.value(name) : undefined)) as unknown as Operands;
    const y = node.outputs.map((name) => b.value(name)) as unknown as Operands;
    const needs = node.inputs.map((name) => depends.has(name));
    rule({ b, node, x, y, dy, attrs: node.attrs, needs }).forEach((dx, i) => {
      const name = node.inputs[i];
      if (!dx || !name || !needs[i]) return;
      parts.set(name, [...(parts.get(name) ?? []), unbroadcast(b, node, dx, x[i]!)]);
    });
  }
  return total(b, parts.get(wrt.name)) ?? b.expand(b.scalar(0), wrt.shape);
}

/**
 * The model with its gradient: inputs are the model's own and `cotangent`, outputs are `of` and `grad`.
 * Composite ops are still in it: lower it before writing. Throws as appendGradient does.
 */
export function gradient(graph: StaticGraph, { of, wrt, rules }: { of: string; wrt: string; rules?: RuleTable }): StaticGraph {
  const b = new GraphBuilder(graph);
  const target = b.value(of);
  const cotangent = b.input("cotangent", "float32", target.shape);
  const dx = appendGradient(b, { of: target, wrt: b.value(wrt), cotangent, rules });
  const grad = b.node("Identity", [dx], {}, { name: "grad", outputNames: ["grad"] });
  return b.build(`${graph.name} with gradient`, [target, grad]);
}

/** Every node between `wrt` and `of` that has no rule, in graph order; empty when the gradient can be taken. */
export function unsupported(
  graph: Pick<StaticGraph, "nodes">,
  { of, wrt, rules = standardRules }: { of: string; wrt: string; rules?: RuleTable },
): UnsupportedOp[] {
  return withoutRule(between(graph.nodes, of, wrt, rules), rules);
}

const withoutRule = (nodes: readonly Node[], rules: RuleTable): UnsupportedOp[] =>
  nodes.filter((node) => !Object.hasOwn(rules, node.op)).map((node) => ({ node: node.name, op: node.op }));

/** Nodes on a path from `wrt` to `of`, in graph order. A gradient ends at ops that stop it. */
function between(nodes: readonly Node[], of: string, wrt: string, rules: RuleTable): Node[] {
  const reached = new Set([wrt]);
  const after = nodes.filter((node) => {
    if (!node.inputs.some((name) => reached.has(name)) || (Object.hasOwn(rules, node.op) && rules[node.op] === "stops"))
      return false;
    for (const name of node.outputs) if (name) reached.add(name);
    return true;
  });
  const needed = new Set([of]);
  const kept = after.toReversed().filter((node) => {
    if (!node.outputs.some((name) => needed.has(name))) return false;
    for (const name of node.inputs) needed.add(name);
    return true;
  });
  return kept.reverse();
}

function total(b: GraphBuilder, parts: readonly Value[] | undefined): Value | undefined {
  return parts?.reduce((sum, part) => b.add(sum, part));
}

/** Sums `dx` over the dimensions along which `x` was broadcast, so that it has x's shape. */
function unbroadcast(b: GraphBuilder, node: Node, dx: Value, x: Value): Value {
  if (sameShape(dx, x)) return dx;
  const lead = dx.shape.length - x.shape.length;
  const axes = dx.shape.flatMap((d, i) => (i < lead || (x.shape[i - lead] === 1 && d !== 1) ? [i] : []));
  const summed = axes.length ? b.reduceSum(dx, axes) : dx;
  if (lead < 0 || summed.shape.slice(lead).some((d, i) => d !== x.shape[i]))
    throw new OpError(
      node,
      `its gradient rule made [${dx.shape}] for an input of shape [${x.shape}]. This is a defect of the rule.`,
    );
  return b.reshape(summed, x.shape);
}

const sameShape = (a: Value, c: Value) => a.shape.length === c.shape.length && a.shape.every((d, i) => d === c.shape[i]);
