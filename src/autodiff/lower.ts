/**
 * The last step before a graph is written: composite ops of ours become plain ONNX, in the form that suits the backend.
 *
 * Rules say what is computed; here it is decided how. "wasm" is the portable form, that any ONNX runtime executes;
 * "webgpu" uses only what ORT's WebGPU backend has kernels for, without atomics, so that a run repeats bit for bit.
 */
import { GraphBuilder } from "../onnx/builder";
import { LOCAL_DOMAIN, OpError, type Attrs, type Node, type StaticGraph, type Value } from "../onnx/graph";
import { maxPoolGradByGather, maxPoolGradByIndices } from "./lower/maxPool";
import { strideOneConvTranspose } from "./lower/conv";
import { groupedConv } from "./lower/groupedConv";

export type Target = "wasm" | "webgpu";

export interface LoweringContext {
  b: GraphBuilder;
  node: Node;
  /** Inputs, already in the new graph. */
  x: readonly Value[];
  attrs: Attrs;
  /** Indices of a max pool by the old name of its output, where the pool was made with two outputs. */
  indicesOf: (pooled: string) => Value | undefined;
}
export type Lowering = (context: LoweringContext) => Value;
/** Null: the standard operator stays as it is for this node. */
export type Rewrite = (context: LoweringContext) => Value | null;
export type LoweringTable = Readonly<Record<Target, Readonly<Record<string, Lowering>>>>;

const composites: LoweringTable = {
  wasm: { MaxPoolGrad: maxPoolGradByIndices },
  webgpu: { MaxPoolGrad: maxPoolGradByGather },
};

/** Standard operators that a backend runs faster, or only runs rightly, in another form. */
const rewrites: Readonly<Record<Target, Readonly<Record<string, Rewrite>>>> = {
  wasm: { ConvTranspose: strideOneConvTranspose(() => null) },
  webgpu: { Conv: groupedConv, ConvTranspose: strideOneConvTranspose(groupedConv) },
};

/**
 * The same graph in plain ONNX for `target`; values keep their names, inputs and outputs always do.
 * `extra` adds lowerings for composite ops of other rooms. Throws OpError for a composite op without one.
 */
export function lower(graph: StaticGraph, target: Target, extra?: LoweringTable): StaticGraph {
  const table = { ...composites[target], ...extra?.[target] };
  const b = new GraphBuilder();
  b.reserve(graph.types.keys());
  const moved = new Map<string, Value>();
  const indices = new Map<string, Value>();
  for (const { name, dtype, shape } of graph.inputs) moved.set(name, b.input(name, dtype, shape));
  for (const [name, tensor] of graph.constants) moved.set(name, b.constant(tensor, name, true));

  const differentiated = new Set(
    graph.nodes.flatMap((n) => (n.domain === LOCAL_DOMAIN && n.op === "MaxPoolGrad" ? [n.inputs[1]!] : [])),
  );
  for (const node of graph.nodes) {
    const x = node.inputs.map((name) => (name ? moved.get(name)! : null));
    const context: LoweringContext = { b, node, x: x as Value[], attrs: node.attrs, indicesOf: (name) => indices.get(name) };
    if (node.domain === LOCAL_DOMAIN) {
      const rule = Object.hasOwn(table, node.op) ? table[node.op] : undefined;
      if (!rule) throw new OpError(node, `no lowering for ${target}. This is a defect of the program.`);
      moved.set(node.outputs[0]!, rule(context));
      continue;
    }
    const rewritten = Object.hasOwn(rewrites[target], node.op) ? rewrites[target][node.op]!(context) : null;
    if (rewritten) {
      moved.set(node.outputs[0]!, rewritten);
      continue;
    }
    const withIndices = target === "wasm" && node.op === "MaxPool" && differentiated.has(node.outputs[0]!);
    const outputNames = withIndices ? [node.outputs[0]!, `${node.outputs[0]}.indices`] : node.outputs;
    const made = b.nodeOutputs(node.op, x, node.attrs, { name: node.name, domain: node.domain, outputNames });
    made.forEach((value, i) => {
      if (i < node.outputs.length) moved.set(node.outputs[i]!, value);
    });
    if (withIndices) indices.set(node.outputs[0]!, made[1]!);
  }
  const outputs = graph.outputs.map((name) => {
    const value = moved.get(name)!;
    return value.name === name ? value : b.node("Identity", [value], {}, { outputNames: [name] });
  });
  return b.build(graph.name, outputs);
}
