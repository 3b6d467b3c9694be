/** What a reader is told of a model before it is imported: its input, its layers, and where no gradient goes. */
import type { Inspection } from "../api/import";
import type { LayerInfo } from "../api/model";
import { unsupported } from "../autodiff/gradient";
import type { ImportedModel } from "../importers/importModel";
import { layersOf, notUnderstood } from "../onnx/canonicalise";
import type { Graph, Node, StaticGraph } from "../onnx/graph";
import type { Preprocessing } from "../onnx/preprocessing";
import { describeModel, understoodPart } from "./describe";
import { declaredSize, guessPreprocessing, pictureInput } from "./guess";
import { ownCard } from "./ownCard";

type Found = Pick<Inspection, "inputs" | "preprocessing" | "guess" | "asksForSize" | "layers" | "unsupported">;

/** So many layers are put first at most. */
const MOST = 24;

/** Looks into a model. Its large weights are not read. Throws OpError when not one layer of it can be looked at. */
export function inspect({ graph, preprocessing, leftOut }: Pick<ImportedModel, "graph" | "preprocessing" | "leftOut">): Found {
  const guess = preprocessing ? null : guessPreprocessing(graph);
  const input = pictureInput(graph);
  const used = preprocessing ?? guess?.preprocessing ?? null;
  return {
    inputs: graph.inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    preprocessing,
    guess,
    asksForSize: input !== undefined && declaredSize(input) === null,
    layers: used ? layersFor(graph, used) : [],
    unsupported: [...leftOut, ...withoutGradient(graph, used)],
  };
}

/** The nodes of a file that no gradient goes through, told by their ops alone: no shapes or weights are needed. */
export const unsupportedNodes = (nodes: readonly Node[]): Inspection["unsupported"] => notUnderstood({ nodes });

/** Every node in the way of understanding or of a gradient, once. */
function withoutGradient(graph: Graph, preprocessing: Preprocessing | null): Inspection["unsupported"] {
  if (!preprocessing) return notUnderstood(graph);
  const { model, inTheWay } = understoodPart(graph, preprocessing);
  const image = model.inputs[0]?.name;
  const found = [
    ...inTheWay.map(({ name, op }) => ({ node: name, op })),
    ...(image ? model.outputs.flatMap((of) => unsupported(model, { of, wrt: image })) : []),
  ];
  return found.filter(({ node }, i) => found.findIndex((other) => other.node === node) === i);
}

function layersFor(graph: Graph, preprocessing: Preprocessing): LayerInfo[] {
  const card = ownCard("own", "", { title: graph.name, preprocessing, weights: "float32", significant: [] });
  const { layers } = describeModel(graph, card, "");
  const chosen = significantLayers(understoodPart(graph, preprocessing).model);
  return layers.map((layer) => ({ ...layer, significant: chosen.has(layer.name) }));
}

/**
 * The layers to show first where nobody has said which: where branches join (Concat, residual Add), the last of every grid, and the
 * network's answer. When these are too many, the last of every grid and an even choice of the others.
 */
function significantLayers(model: StaticGraph): Set<string> {
  const layers = layersOf(model);
  const lastOf = new Map(layers.map((layer) => [layer.grid.join(), layer.name]));
  const always = new Set([...lastOf.values(), ...layers.slice(-1).map(({ name }) => name)]);
  const joins = layers.filter(({ op, name }) => (op === "Concat" || op === "Add") && !always.has(name)).map(({ name }) => name);
  const room = Math.max(0, MOST - always.size);
  const every = Math.max(1, Math.ceil(joins.length / Math.max(1, room)));
  return new Set([...always, ...joins.filter((_, i) => i % every === every - 1 || joins.length <= room)]);
}
