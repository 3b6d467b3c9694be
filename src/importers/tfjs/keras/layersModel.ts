/** TF.js layers model (Keras) -> Graph in ONNX ops, NCHW. The names of the layers are the names of the values. */
import { GraphBuilder } from "../../../onnx/builder";
import { OpError, type Dim, type Graph, type GraphInput, type Value } from "../../../onnx/graph";
import { isList, type ModelJson } from "../modelJson";
import { closed, opened, pictureInput, type TfjsOptions } from "../options";
import { ordered, reachable, refuseUnknown } from "../order";
import { CHANNELS_FIRST, CHANNELS_LAST, type AxisOrder } from "../site";
import { readWeights } from "../weights";
import { kerasRules } from "./layers";
import { unfold, type KerasNode, type Network } from "./network";
import { KerasSite, type Writer } from "./site";
import { declaredShape, readKerasModel } from "./topology";
import { KerasWeights } from "./weights";

const INPUT = "InputLayer";
const ruleOf = (op: string) => (Object.hasOwn(kerasRules, op) ? kerasRules[op] : undefined);
const isInput = ({ op }: KerasNode) => op === INPUT;
const isUnknown = (node: KerasNode) => !isInput(node) && !ruleOf(node.op);

/** See importTfjs, which recognises the kind of model. */
export function importLayersModel(file: ModelJson, shards: ReadonlyMap<string, Uint8Array>, options: TfjsOptions): Graph {
  const { what = "model.json" } = options;
  const network = networkOf(file, what);
  const outputs = options.until?.map((name) => network.models.get(name) ?? name) ?? network.outputs;
  const nodes = ordered(network.nodes, outputs, network.outputs, what);
  refuseUnknown(nodes.filter(isUnknown), "Keras layer", "layer");
  const order = orderOf(nodes);
  const weights = new KerasWeights(readWeights(file.groups, shards, what));
  const writer = writerOf(file);
  const b = new GraphBuilder();
  const values = new Map<string, Value>();
  const inputs = new Map<string, readonly Dim[]>();
  b.reserve(nodes.map(({ name }) => name));
  for (const node of nodes) {
    if (isInput(node)) {
      const { shape, declared } = inputShape(node, order, options);
      inputs.set(node.name, declared);
      values.set(node.name, b.input(node.name, "float32", shape));
      continue;
    }
    const read = node.inputs.map((input) => values.get(input.node)!);
    values.set(node.name, ruleOf(node.op)!(new KerasSite(b, node, order, read, weights, writer)));
  }
  const made = outputs.map((name) => values.get(name)!);
  return opened(b.build(network.name, made, { dropUnusedInputs: true }), inputs);
}

/** What a layers model is, from its model.json alone. */
export function inspectLayersModel(file: ModelJson, what: string) {
  const network = networkOf(file, what);
  const nodes = ordered(network.nodes, network.outputs, network.outputs, what);
  const order = orderOf(nodes);
  return {
    title: network.name,
    inputs: nodes
      .filter(isInput)
      .map((node): GraphInput => ({ name: node.name, dtype: "float32", shape: inputShape(node, order, {}).declared })),
    layers: nodes.filter((node) => !isInput(node)).map(({ name, op }) => ({ name, op })),
    unsupported: nodes.filter(isUnknown).map(({ name, op }) => ({ node: name, op })),
    outputs: reachable(nodes, network.outputs, (name) => name, { unknown: isUnknown, input: isInput, settled: () => false }),
  };
}

const networkOf = ({ topology }: ModelJson, what: string): Network => unfold(readKerasModel(topology, what), what);

function writerOf({ topology }: ModelJson): Writer {
  const version = String(topology.keras_version ?? "");
  if (version.startsWith("tfjs")) return "tfjs";
  return version.startsWith("3") || "module" in topology ? "keras3" : "keras2";
}

/** Where the channels are. Flatten alone may say otherwise: it then turns what it flattens. */
function orderOf(nodes: readonly KerasNode[]): AxisOrder {
  const says = (format: string) => nodes.find(({ op, config }) => op !== "Flatten" && config.data_format === format);
  const first = says("channels_first");
  const last = says("channels_last");
  if (first && last)
    throw new OpError(
      first,
      `it has channels_first, but ${last.op} "${last.name}" has channels_last; a model with both is not supported. Save it with one of them.`,
    );
  return first ? CHANNELS_FIRST : CHANNELS_LAST;
}

function inputShape(node: KerasNode, order: AxisOrder, options: TfjsOptions): { shape: number[]; declared: Dim[] } {
  const found = declaredShape(node.layer);
  if (!isList(found) || !found.length)
    throw new OpError(node, "its shape is not in the file. Save the model after it has been built, or with an input layer.");
  const sizes = found.map((d) => {
    if (d === null || d === undefined) return null;
    if (typeof d === "number" && Number.isInteger(d) && d > 0) return d;
    throw new OpError(node, `its shape [${found.map(String).join(", ")}] is none. The file is damaged; save it again.`);
  });
  return sizes.length === 4 ? pictureInput(sizes, options, order) : closed(sizes);
}
