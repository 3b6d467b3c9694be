/**
 * TF.js graph model -> Graph in ONNX ops, NCHW.
 *
 * TensorFlow's node names stay the names of the values; output k of a node with several is `name:k`. What constants
 * determine, shapes among them, is computed at once: rules need many of their operands as numbers.
 */
import { GraphBuilder } from "../../onnx/builder";
import { fold } from "../../onnx/fold";
import { ModelFormatError, OpError, sizeOf, type Dim, type Graph, type GraphInput, type Tensor } from "../../onnx/graph";
import { bytesPerElement, transposed } from "../../onnx/tensor";
import { attrShape, readGraphDef, readInput, type TfModel, type TfNode } from "./graphDef";
import type { ModelJson } from "./modelJson";
import { ordered, reachable, refuseUnknown } from "./order";
import { closed, opened, pictureInput, type InputShape, type TfjsOptions } from "./options";
import { tfRules } from "./rules";
import { CHANNELS_FIRST, CHANNELS_LAST, TfSite, type Operand } from "./site";
import { readWeights } from "./weights";

/** Ops whose result has its operand's numbers. */
const MOVES = new Set(["Identity", "StopGradient", "Reshape", "Squeeze", "ExpandDims"]);
/** Constants made of constants wait until they are read; chains longer than this would wait for one another too deep. */
const LONGEST_WAIT = 500;

/** Nodes that are no computation of their own. */
const LEAVES = new Set(["Const", "Placeholder"]);
/** Bytes that constants may grow to when they are computed, beside some times the weight files. */
const MOST_GROWN = 2 ** 26;
const TIMES_GROWN = 16;

const ruleOf = (op: string) => (Object.hasOwn(tfRules, op) ? tfRules[op] : undefined);
/** An input whose last axis is as long as this holds rows or columns there, not channels. */
const SMALLEST_PICTURE = 16;

const nodeOf = (output: string): string => readInput(output).node;
const isInput = ({ op }: TfNode) => op === "Placeholder";
const isUnknown = ({ op }: TfNode) => !LEAVES.has(op) && !ruleOf(op);

/** See importTfjs, which recognises the kind of model. */
export function importGraphModel(file: ModelJson, shards: ReadonlyMap<string, Uint8Array>, options: TfjsOptions): Graph {
  const { what = "model.json" } = options;
  const model = readGraphDef(file, what);
  const weights = readWeights(file.groups, shards, what);
  const outputs = options.until ?? defaultOutputs(model);
  const nodes = ordered(model.nodes, outputs.map(nodeOf), model.outputs, what);
  refuseUnknown(nodes.filter(isUnknown), "TensorFlow op", "node");
  const b = new GraphBuilder();
  const operands = new Map<string, Operand>();
  const inputs = new Map<string, readonly Dim[]>();
  const sites = new Map<string, TfSite>();
  const most = MOST_GROWN + TIMES_GROWN * [...shards.values()].reduce((sum, { length }) => sum + length, 0);
  let grown = 0;
  b.reserve(nodes.filter(({ op }) => op !== "Const").map(({ name }) => name));
  for (const node of nodes) {
    if (node.op === "Const") operands.set(node.name, { constant: constantOf(node, weights, what), name: node.name });
    else if (isInput(node)) {
      const { shape, declared, channelsFirst } = inputShape(node, options);
      inputs.set(node.name, declared);
      const value = b.input(node.name, "float32", shape);
      const stored = () => b.node("Transpose", [value], { perm: CHANNELS_LAST.stored }, { name: `${node.name}~stored` });
      operands.set(node.name, { value: channelsFirst ? stored() : value });
    } else {
      const site = new TfSite(
        b,
        node,
        node.inputs.map((input) => operandOf(node, input.node, input.output, operands)),
        sites,
      );
      sites.set(node.name, site);
      convert(site).forEach((operand, i) => {
        if ("constant" in operand && !MOVES.has(node.op))
          grown += sizeOf(operand.constant.shape) * bytesPerElement(operand.constant.dtype);
        operands.set(site.outputName(i), operand);
      });
      if (grown > most)
        site.fail(`what constants determine takes ${grown} bytes, more than ${most}. Cut the model before this node.`);
    }
  }
  const values = outputs.map((name) => {
    const operand = operands.get(name);
    if (!operand) throw new ModelFormatError(`${what} has no output "${name}". Name the node alone for its first.`);
    if ("constant" in operand) throw new ModelFormatError(`${what}: "${name}" is a constant, not an output to look at.`);
    return operand.value;
  });
  return opened(b.build(what.replace(/\.json$/, ""), values, { dropUnusedInputs: true }), inputs);
}

/** What a graph model is, from its model.json alone. */
export function inspectGraphModel(file: ModelJson, what: string) {
  const model = readGraphDef(file, what);
  const wanted = defaultOutputs(model);
  const nodes = ordered(model.nodes, wanted.map(nodeOf), model.outputs, what);
  const isLeaf = ({ op }: TfNode) => LEAVES.has(op);
  return {
    title: what.replace(/\.json$/, ""),
    inputs: nodes
      .filter(isInput)
      .map((node): GraphInput => ({ name: node.name, dtype: "float32", shape: inputShape(node, {}).declared })),
    layers: nodes.filter((node) => !isLeaf(node)).map(({ name, op }) => ({ name, op })),
    unsupported: nodes.filter(isUnknown).map(({ name, op }) => ({ node: name, op })),
    outputs: reachable(nodes, wanted, nodeOf, { unknown: isUnknown, input: isInput, settled: ({ op }) => op === "Shape" }),
  };
}

function operandOf(node: TfNode, from: string, output: number, operands: ReadonlyMap<string, Operand>): Operand | undefined {
  const operand = operands.get(output ? `${from}:${output}` : from);
  if (!operand) throw new OpError(node, `reads output ${output} of "${from}", which is not supported. Cut the model before it.`);
  return operand;
}

/** The outputs of a node: constants where the operands determine them. */
function convert(site: TfSite): Operand[] {
  const before = site.b.nodes.length;
  const made = ruleOf(site.node.op)!(site);
  const values = Array.isArray(made) ? made : [made];
  const known = foldedSince(site.b, before);
  return values.map((value, i) => {
    const constant = known?.get(value.name) ?? site.b.constantOf(value);
    if (!constant) return { value };
    const own = constant.shape.length === 4 ? transposed(constant, CHANNELS_LAST.own) : constant;
    if (before > LONGEST_WAIT) void own.data; // computed now
    return { constant: own, name: site.outputName(i) };
  });
}

/** What the nodes from `start` on make, when constants alone determine it. */
function foldedSince(b: GraphBuilder, start: number): ReadonlyMap<string, Tensor> | undefined {
  const known = new Map<string, Tensor>();
  for (const node of b.nodes.slice(start)) {
    const inputs = node.inputs.map((name) => (name ? (known.get(name) ?? b.constantOf(b.value(name))) : undefined));
    if (node.inputs.some((name, i) => name && !inputs[i])) return undefined;
    const results = fold(node, inputs);
    if (!results) return undefined;
    node.outputs.forEach((name, i) => name && known.set(name, results[i]!));
  }
  return known;
}

function constantOf(node: TfNode, weights: ReadonlyMap<string, Tensor>, what: string): Tensor {
  const tensor = weights.get(node.name);
  if (!tensor)
    throw new ModelFormatError(
      `${what}: Const "${node.name}" is not among the ${weights.size} weights of the manifest. Download it again.`,
    );
  return tensor;
}

/** An input's shape. Pictures are NHWC in TensorFlow; a network that came from elsewhere may take them with the channels first. */
function inputShape(node: TfNode, options: TfjsOptions): InputShape & { channelsFirst: boolean } {
  const tf = attrShape(node);
  if (!tf) throw new OpError(node, "its number of axes is open. Convert the model with a fixed input shape.");
  if (tf.length !== 4) return { ...closed(tf), channelsFirst: false };
  const [, channels, ...sides] = tf;
  const channelsFirst = channels !== null && channels! <= 4 && sides.every((side) => side !== null && side >= SMALLEST_PICTURE);
  return { ...pictureInput(tf, options, channelsFirst ? CHANNELS_FIRST : CHANNELS_LAST), channelsFirst };
}

function defaultOutputs({ nodes, outputs }: TfModel): string[] {
  if (outputs.length) return outputs;
  const read = new Set([...nodes.values()].flatMap(({ inputs }) => inputs.map(({ node }) => node)));
  return [...nodes.keys()].filter((name) => !read.has(name) && nodes.get(name)!.op !== "Const");
}
