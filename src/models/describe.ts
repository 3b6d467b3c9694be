/** What a model has to look at: its layers with their sizes, and where a gradient cannot go. */
import type { LayerInfo, ModelCard, ModelSummary } from "../api/model";
import { unsupported, UnsupportedOpsError } from "../autodiff/gradient";
import { activationShape, canonicalise, layersOf, notUnderstood, outputsWithout } from "../onnx/canonicalise";
import { OpError, type Graph, type StaticGraph } from "../onnx/graph";
import { findLayer } from "../onnx/locate";
import { sidesOf, type Preprocessing } from "../onnx/preprocessing";
import { labelsOf } from "./naming";

type Named = Pick<LayerInfo, "name" | "title" | "significant" | "aliases">;

/**
 * Lists the layers, the card's first, as they are at the model's own size; no weights are run.
 * What the card names and the file lacks is left out and listed in `missing`. A model whose end cannot be understood still
 * shows the layers before it; `inTheWay` says which nodes are to blame. Throws OpError when not one layer can be shown.
 */
export function describeModel(graph: Graph, card: ModelCard, labels: string): ModelSummary {
  const { named, missing, expected } = sought(graph, card);
  const misplaced = (layer: LayerInfo): boolean =>
    layer.channels > 0 && (expected.get(layer.name) ?? layer.channels) !== layer.channels;
  const { layers, inTheWay } = wholeModel(graph, card, named);
  const strangers = layers.filter(misplaced);
  return {
    card,
    layers: [
      ...layers.filter((layer) => !misplaced(layer)),
      ...strangers.map(({ name, channels, grid, unsupported }) => ({
        name,
        title: name,
        channels,
        grid,
        significant: false,
        unsupported,
      })),
    ],
    labels: labelsOf(card, labels),
    missing: [...missing, ...strangers.map(({ title }) => title)],
    inTheWay: inTheWay.map(({ name, op }) => ({ node: name, op })),
  };
}

/** The card's layers by the graph's names for them, and how many channels they must have. */
function sought(graph: Graph, card: ModelCard): { named: Named[]; missing: string[]; expected: Map<string, number> } {
  const named: Named[] = [];
  const missing: string[] = [];
  const expected = new Map<string, number>();
  for (const layer of card.layers) {
    const found = findLayer(graph, layer, card.preprocessing.input);
    if (found === undefined || named.some(({ name }) => name === found)) {
      missing.push(layer.title);
      continue;
    }
    const { title, significant, name, aliases = [], microscope = [] } = layer;
    named.push({ name: found, title, significant, aliases: [name, ...aliases].concat(microscope) });
    if (layer.channels) expected.set(found, layer.channels);
  }
  return { named, missing, expected };
}

type Stranger = OpError["node"];

function wholeModel(
  graph: Graph,
  card: ModelCard,
  named: readonly Named[],
): { layers: LayerInfo[]; inTheWay: readonly Stranger[] } {
  const listed = named.map((l) => l.name);
  let model: StaticGraph;
  let inTheWay: readonly Stranger[] = [];
  try {
    model = upTo(graph, card, [...new Set([...graph.outputs, ...listed])]);
  } catch (error) {
    if (!(error instanceof OpError)) throw error;
    if (named.length) return { layers: oneByOne(graph, card, named, error), inTheWay: [error.node] };
    ({ model, inTheWay } = understoodPart(graph, card.preprocessing));
  }
  const others = layersOf(model).filter(({ name }) => !listed.includes(name));
  if (!named.length && !others.length && inTheWay[0]) throw notOneLayer(inTheWay);
  const all = [...named, ...others.map(({ name }) => ({ name, title: name, significant: false }))];
  return { layers: all.map((layer) => layerInfo(model, layer)), inTheWay };
}

const notOneLayer = ([first, ...rest]: readonly Stranger[]): OpError =>
  new OpError(
    first!,
    `this op is not supported${rest.length ? `, nor is ${rest.map(({ op, name }) => `${op} "${name}"`).join(", ")}` : ""}, and no layer lies before it. Export the model with standard ONNX ops.`,
  );

/** Nodes in the way are looked past so often before it is given up. */
const DETOURS = 8;

/** The part of a graph that can be understood. Throws the last OpError when that is next to nothing. */
export function understoodPart(graph: Graph, preprocessing: Preprocessing): { model: StaticGraph; inTheWay: Stranger[] } {
  const inTheWay: Stranger[] = notUnderstood(graph).map(({ node, op }) => ({ name: node, op }));
  for (let detour = 0; ; detour++) {
    const until = outputsWithout(graph, new Set(inTheWay.map(({ name }) => name)));
    try {
      return { model: canonicalise(graph, { size: sidesOf(preprocessing), batch: 1, preprocessing, until }), inTheWay };
    } catch (error) {
      if (!(error instanceof OpError) || detour === DETOURS || inTheWay.some(({ name }) => name === error.node.name)) throw error;
      inTheWay.push(error.node);
    }
  }
}

/** Every layer cut out for itself, so that what one of them needs does not hide the others. */
function oneByOne(graph: Graph, card: ModelCard, named: readonly Named[], why: OpError): LayerInfo[] {
  const layers = named.map((layer): LayerInfo => {
    try {
      return layerInfo(upTo(graph, card, [layer.name]), layer);
    } catch (error) {
      if (!(error instanceof OpError)) throw error;
      return { ...layer, channels: 0, grid: [1, 1], unsupported: error.message };
    }
  });
  if (layers.every((l) => l.channels === 0)) throw why;
  return layers;
}

function upTo(graph: Graph, { preprocessing }: ModelCard, until: readonly string[]): StaticGraph {
  return canonicalise(graph, { size: sidesOf(preprocessing), batch: 1, preprocessing, until });
}

function layerInfo(model: StaticGraph, { name, title, significant, aliases }: Named): LayerInfo {
  const { channels, height, width } = activationShape(model.types.get(name)!.shape) ?? { channels: 1, height: 1, width: 1 };
  const missing = unsupported(model, { of: name, wrt: model.inputs[0]!.name });
  return {
    name,
    title,
    channels,
    grid: [height, width],
    significant,
    ...(aliases ? { aliases } : {}),
    unsupported: missing.length ? new UnsupportedOpsError(missing).message : null,
  };
}
