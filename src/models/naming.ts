/** What the names in an objective mean in a model's file: its layers, and where it answers for a class. */
import type { ModelCard } from "../api/model";
import { activationShape, canonicalise } from "../onnx/canonicalise";
import { OpError, type Graph } from "../onnx/graph";
import { findLayer } from "../onnx/locate";
import { sidesOf, type Preprocessing } from "../onnx/preprocessing";
import type { Naming } from "../vis/objective/resolve";
import { ObjectiveError } from "../vis/objective/types";
import { layerValue } from "./layers";

export interface NamingOptions {
  graph: Graph;
  preprocessing: Preprocessing;
  card: Pick<ModelCard, "layers" | "preprocessing"> | null;
  /** Class names in the order of the answer's channels; none where the model names none. */
  labels: readonly string[];
}

/** A model's class names: its card's own, or the lines of its label file. */
export const labelsOf = ({ classNames }: Pick<ModelCard, "classNames">, file: string): string[] =>
  classNames ??
  file
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);

/** Looks up layers by the names of layerValue, and classes by number, by name or by one of the names between commas, in any case. */
export const namingOf = (options: NamingOptions): Naming => ({
  layer: (called) => layerValue(options.graph, options.card, called),
  classAt: (named) => {
    const { labels } = options;
    const channel = typeof named === "number" ? named : classNumber(named, labels);
    const layer = labels.length
      ? answerOf(options, (channels) => channels === labels.length, `${labels.length} classes`)
      : answerOf(options, (channels) => channels > channel, `class ${channel}`);
    return { layer, channel };
  },
});

function classNumber(name: string, labels: readonly string[]): number {
  if (!labels.length)
    throw new ObjectiveError(
      `class "${name}" cannot be looked up: this model names no classes. Give the class's number instead.`,
    );
  const wanted = name.trim().toLowerCase();
  const names = labels.map((label) => label.toLowerCase());
  const exact = names.indexOf(wanted);
  if (exact >= 0) return exact;
  const among = names.flatMap((label, i) => (label.split(",").some((part) => part.trim() === wanted) ? [i] : []));
  if (among.length === 1) return among[0]!;
  const near = among.length ? among : names.flatMap((label, i) => (label.includes(wanted) ? [i] : []));
  const shown = near.slice(0, 5).map((i) => `"${labels[i]}" (${i})`);
  throw new ObjectiveError(
    `class "${name}" is ${among.length ? `the name of ${among.length} classes` : `none of this model's ${labels.length}`}; ` +
      (shown.length ? `${among.length ? "give a number" : "near it are"}: ${shown.join(", ")}.` : "choose one of its labels."),
  );
}

/** The value that is the network's answer for `fits` many classes: what a softmax is taken of, not its result. */
function answerOf({ graph, preprocessing, card }: NamingOptions, fits: (channels: number) => boolean, wanted: string): string {
  const listed = [...(card?.layers ?? [])].reverse().flatMap((layer) => findLayer(graph, layer, preprocessing.input) ?? []);
  const candidates = new Set([...graph.outputs.slice(0, 1), ...listed].map((value) => beforeSoftmax(graph, value)));
  for (const candidate of candidates) {
    const channels = channelsOf(graph, preprocessing, candidate);
    if (channels !== undefined && fits(channels)) return candidate;
  }
  throw new ObjectiveError(`this model has no layer that answers for ${wanted}; choose a layer and a channel instead.`);
}

/** What the softmax that makes a value is taken of, else the value. */
export function beforeSoftmax(graph: Pick<Graph, "nodes">, value: string): string {
  const maker = graph.nodes.find((node) => node.outputs.includes(value));
  return maker && ["Softmax", "LogSoftmax"].includes(maker.op) ? maker.inputs[0]! : value;
}

function channelsOf(graph: Graph, preprocessing: Preprocessing, value: string): number | undefined {
  try {
    const model = canonicalise(graph, { size: sidesOf(preprocessing), batch: 1, preprocessing, until: [value] });
    return activationShape(model.types.get(model.outputs[0]!)!.shape)?.channels;
  } catch (error) {
    if (error instanceof OpError) return undefined; // a layer that cannot be computed is no answer
    throw error;
  }
}
