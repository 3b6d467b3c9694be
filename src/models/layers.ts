/** Which value of a file is meant by what a card, a link or a command calls a layer. */
import type { ModelCard } from "../api/model";
import { resolveValue } from "../onnx/canonicalise";
import type { Graph } from "../onnx/graph";
import { findLayer } from "../onnx/locate";

/**
 * The graph's value for `called`: its own name for it, or one of the card's for a layer of it ("mixed4c", "inception_4c/output_1").
 * Throws Error with the nearest names when there is none.
 */
export function layerValue(graph: Graph, card: Pick<ModelCard, "layers" | "preprocessing"> | null, called: string): string {
  const exact = graph.nodes.some((node) => node.outputs.includes(called));
  const layer = exact
    ? undefined
    : card?.layers.find((l) => [l.name, l.title, l.microscope, ...(l.aliases ?? [])].includes(called));
  return (layer && findLayer(graph, layer, card!.preprocessing.input)) ?? resolveValue(graph, called);
}
