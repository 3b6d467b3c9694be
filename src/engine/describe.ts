/** What a model has to look at: its layers with their sizes, and where a gradient cannot go. */
import type { LayerInfo, ModelCard, ModelSummary } from "../api/model";
import { unsupported, UnsupportedOpsError } from "../autodiff/gradient";
import { canonicalise, layersOf, resolveValue } from "../onnx/canonicalise";
import type { Graph, StaticGraph } from "../onnx/graph";

/** Canonicalises the whole model at its own size and lists its layers, the card's first; weights are not run. */
export function describeModel(graph: Graph, card: ModelCard, labels: string): ModelSummary {
  const { size } = card.preprocessing;
  const named = card.layers.map((layer) => ({ ...layer, name: resolveValue(graph, layer.name, layer.aliases) }));
  const until = [...new Set([...graph.outputs, ...named.map((l) => l.name)])];
  const model = canonicalise(graph, { size: [size, size], batch: 1, preprocessing: card.preprocessing, until });
  const listed = new Set(named.map((l) => l.name));
  const others = layersOf(model)
    .filter(({ name }) => !listed.has(name))
    .map(({ name }) => ({ name, title: name, significant: false }));
  return {
    card,
    layers: [...named, ...others].map((layer) => layerInfo(model, layer)),
    labels: labels.split("\n").map((line) => line.trim()).filter(Boolean), // prettier-ignore
  };
}

function layerInfo(
  model: StaticGraph,
  { name, title, significant }: Pick<LayerInfo, "name" | "title" | "significant">,
): LayerInfo {
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
