/**
 * TF.js graph model (model.json and its weight shards) -> Graph in ONNX ops, NCHW.
 *
 * TensorFlow's node names stay the names of the values. Weights are permuted here, so the trunk holds no Transpose; sizes that
 * the converter froze (Resize) become scales and pads stay auto_pad, so the result can be run at any picture size that
 * the network's own strides allow. Sizes declared in the file, or `size`, are used to infer shapes while importing.
 */
import { GraphBuilder } from "../../onnx/builder";
import { ModelFormatError, OpError, type Dim, type Graph, type Tensor } from "../../onnx/graph";
import { attrShape, readModelJson, type TfModel, type TfNode } from "./modelJson";
import { tfRules } from "./rules";
import { TfSite, type Operand } from "./site";
import { readWeights } from "./weights";

export interface TfjsOptions {
  /** Node names wanted as outputs; what comes after is left out. Default: the signature's outputs, else what nobody reads. */
  until?: readonly string[];
  /** Rows and columns of the picture where the file leaves them open; default 224 x 224. */
  size?: readonly [height: number, width: number];
  /** Names the file in messages. */
  what?: string;
}

/**
 * Imports a parsed model.json. `shards`: the weight files' bytes, by the paths in the manifest.
 * Throws ModelFormatError about the files, OpError (naming the node) about an op that is not understood.
 */
export function importTfjs(json: unknown, shards: ReadonlyMap<string, Uint8Array>, options: TfjsOptions = {}): Graph {
  const { what = "model.json" } = options;
  const model = readModelJson(json, what);
  const weights = readWeights(model.groups, shards, what);
  const outputs = options.until ?? defaultOutputs(model);
  const b = new GraphBuilder();
  const operands = new Map<string, Operand>();
  const inputs = new Map<string, Dim[]>();
  const nodes = ordered(model, outputs, what);
  b.reserve(nodes.filter(({ op }) => op !== "Const").map(({ name }) => name));
  for (const node of nodes) {
    if (node.op === "Const") operands.set(node.name, { constant: constantOf(node, weights, what), name: node.name });
    else if (node.op === "Placeholder") {
      const { shape, declared } = inputShape(node, options.size ?? [224, 224]);
      inputs.set(node.name, declared);
      operands.set(node.name, { value: b.input(node.name, "float32", shape) });
    } else operands.set(node.name, { value: convert(b, node, operands) });
  }
  const values = outputs.map((name) => {
    const operand = operands.get(name)!;
    if ("constant" in operand) throw new ModelFormatError(`${what}: "${name}" is a constant, not an output to look at.`);
    return operand.value;
  });
  const graph = b.build(what.replace(/\.json$/, ""), values, { dropUnusedInputs: true });
  const { name, opset, constants } = graph;
  const open = graph.inputs.map((input) => ({ name: input.name, dtype: input.dtype, shape: inputs.get(input.name)! }));
  return { name, opset, inputs: open, outputs: graph.outputs, nodes: graph.nodes, constants };
}

function convert(b: GraphBuilder, node: TfNode, operands: ReadonlyMap<string, Operand>) {
  const rule = Object.hasOwn(tfRules, node.op) ? tfRules[node.op] : undefined;
  if (!rule)
    throw new OpError(
      node,
      "this TensorFlow op is not supported. Name an earlier node as the output and what follows is left out.",
    );
  const later = node.inputs.find(({ output }) => output > 0);
  if (later) throw new OpError(node, `reads output ${later.output} of "${later.node}"; only first outputs are supported.`);
  return rule(
    new TfSite(
      b,
      node,
      node.inputs.map((input) => operands.get(input.node)),
    ),
  );
}

function constantOf(node: TfNode, weights: ReadonlyMap<string, Tensor>, what: string): Tensor {
  const tensor = weights.get(node.name);
  if (!tensor)
    throw new ModelFormatError(
      `${what}: Const "${node.name}" is not among the ${weights.size} weights of the manifest. Download it again.`,
    );
  return tensor;
}

/** A picture input's shape while importing, NCHW, and as the graph declares it: batch, rows and columns stay open. */
function inputShape(node: TfNode, [height, width]: readonly [number, number]): { shape: number[]; declared: Dim[] } {
  const tf = attrShape(node);
  if (!tf) throw new OpError(node, "its number of axes is open. Convert the model with a fixed input shape.");
  if (tf.length !== 4) {
    const shape = tf.map((d) => d ?? 1);
    return { shape, declared: shape.map((d, i) => (i === 0 ? "N" : d)) };
  }
  const channels = tf[3] ?? 3;
  return { shape: [tf[0] ?? 1, channels, tf[1] ?? height, tf[2] ?? width], declared: ["N", channels, "height", "width"] };
}

function defaultOutputs({ nodes, outputs }: TfModel): string[] {
  if (outputs.length) return outputs;
  const read = new Set([...nodes.values()].flatMap(({ inputs }) => inputs.map(({ node }) => node)));
  return [...nodes.keys()].filter((name) => !read.has(name) && nodes.get(name)!.op !== "Const");
}

/** The nodes that `outputs` need, each after what it reads. */
function ordered({ nodes, outputs: signature }: TfModel, outputs: readonly string[], what: string): TfNode[] {
  const done = new Set<string>();
  const open = new Set<string>();
  const order: TfNode[] = [];
  const stack = outputs.toReversed().map((name) => ({ name, reader: "" }));
  while (stack.length) {
    const { name, reader } = stack.at(-1)!;
    const node = nodes.get(name);
    if (!node)
      throw new ModelFormatError(
        reader
          ? `${what}: "${reader}" reads "${name}", which is no node of the file. The file is incomplete; download it again.`
          : `${what} has no node "${name}". Its outputs are ${signature.map((o) => `"${o}"`).join(", ") || "not named"}.`,
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
