/** What a model has to look at: its layers with their sizes, and where a gradient cannot go. */
import type { LayerInfo, ModelCard, ModelSummary } from "../api/model";
import { unsupported, UnsupportedOpsError } from "../autodiff/gradient";
import { canonicalise, layersOf, resolveValue } from "../onnx/canonicalise";
import { OpError, type Graph, type StaticGraph } from "../onnx/graph";

type Named = Pick<LayerInfo, "name" | "title" | "significant">;

/**
 * Lists the layers, the card's first, as they are at the model's own size; no weights are run.
 * A model whose end cannot be understood still shows the card's layers before it. Throws OpError when not one layer can be.
 */
export function describeModel(graph: Graph, card: ModelCard, labels: string): ModelSummary {
  const named: Named[] = card.layers.map((layer) => ({ ...layer, name: resolveValue(graph, layer.name, layer.aliases) }));
  return {
    card,
    layers: wholeModel(graph, card, named),
    labels: labels
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean),
  };
}

function wholeModel(graph: Graph, card: ModelCard, named: readonly Named[]): LayerInfo[] {
  const listed = named.map((l) => l.name);
  let model: StaticGraph;
  try {
    model = upTo(graph, card, [...new Set([...graph.outputs, ...listed])]);
  } catch (error) {
    if (!(error instanceof OpError) || named.length === 0) throw error;
    return oneByOne(graph, card, named, error);
  }
  const others = layersOf(model).filter(({ name }) => !listed.includes(name));
  return [...named, ...others.map(({ name }) => ({ name, title: name, significant: false }))].map((l) => layerInfo(model, l));
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
  return canonicalise(graph, { size: [preprocessing.size, preprocessing.size], batch: 1, preprocessing, until });
}

function layerInfo(model: StaticGraph, { name, title, significant }: Named): LayerInfo {
  const [, channels = 1, height = 1, width = 1] = model.types.get(name)!.shape;
  const missing = unsupported(model, { of: name, wrt: model.inputs[0]!.name });
  return {
    name,
    title,
    channels,
    grid: [height, width],
    significant,
    unsupported: missing.length ? new UnsupportedOpsError(missing).message : null,
  };
}
