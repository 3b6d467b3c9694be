/**
 * A Keras model with its models within unfolded: one node for each call of each layer, by names that are unique.
 *
 * A node is called as its layer is. Where two layers within different models have one name, the later is called
 * `model/layer`; the second call of a shared layer is `layer_1`, and so on. A model within has no node of its own: its name
 * stands for the node that makes its first output.
 */
import { ModelFormatError } from "../../../onnx/graph";
import type { Json } from "../modelJson";
import type { KerasLayer, KerasModel, Ref } from "./topology";

export interface KerasNode {
  /** The layer's class. */
  op: string;
  name: string;
  inputs: { node: string }[];
  config: Json;
  /** The models that it lies in, from the outside, and the layer itself: where its weights are. */
  path: readonly string[];
  /** The layer as it was read. */
  layer: KerasLayer;
}

export interface Network {
  name: string;
  nodes: ReadonlyMap<string, KerasNode>;
  outputs: string[];
  /** Names of models within -> the nodes that make their outputs. */
  models: ReadonlyMap<string, string>;
}

/** A model that unfolds into more is a mistake or an attack: each level of nesting may double it. */
const MAX_NODES = 20_000;

interface Placed {
  id: string;
  layer: KerasLayer;
  scope: readonly string[];
  /** Which call this is, counting those of the models around it too: 0 for the first of all. */
  call: number;
  reads: string[];
}

export function unfold(model: KerasModel, what: string): Network {
  const placed: Placed[] = [];
  const standsFor = new Map<string, string>();
  const inner = new Map<string, string>();

  const place = (m: KerasModel, prefix: string, scope: readonly string[], around: number, bound: readonly string[] | null) => {
    const id = ({ layer, call, tensor }: Ref) => `${prefix}${layer}@${call}#${tensor}`;
    for (const layer of m.layers) {
      layer.calls.forEach((refs, k) => {
        const at = { layer: layer.name, call: k, tensor: 0 };
        const reads = refs.map(id);
        const call = Math.max(k, around);
        if (layer.className === "InputLayer" && bound) {
          const i = m.inputs.findIndex((ref) => ref.layer === layer.name);
          const outer = bound[i];
          if (outer !== undefined) standsFor.set(id(at), outer);
        } else if (layer.model) {
          const below = `${prefix}${layer.name}@${k}/`;
          place(layer.model, below, [...scope, layer.name], call, reads);
          layer.model.outputs.forEach((ref, tensor) =>
            standsFor.set(id({ ...at, tensor }), `${below}${ref.layer}@${ref.call}#${ref.tensor}`),
          );
          if (!inner.has(layer.name)) inner.set(layer.name, id(at));
        } else placed.push({ id: id(at), layer, scope, call, reads });
        if (placed.length + standsFor.size > MAX_NODES)
          throw new ModelFormatError(`${what}: it unfolds into more than ${MAX_NODES} layers, which is not supported.`);
      });
    }
  };
  place(model, "", [], 0, null);

  const names = named(placed);
  const nameOf = (start: string, reader: string): string => {
    const seen = new Set<string>();
    let id = start;
    while (!seen.has(id)) {
      const name = names.get(id);
      if (name !== undefined) {
        for (const other of seen) names.set(other, name);
        return name;
      }
      seen.add(id);
      id = standsFor.get(id) ?? id;
    }
    const [, layer, call, tensor] = /([^/]*)@(\d+|NaN|-?[\d.]+)#(.*)$/.exec(id) ?? ["", id, "", ""];
    throw new ModelFormatError(
      `${what}: "${reader}" reads output ${tensor} of call ${call} of the layer "${layer}", which is not there. The file is damaged; save it again.`,
    );
  };
  const nodes = new Map(
    placed.map(({ id, layer, scope, reads }): [string, KerasNode] => {
      const name = names.get(id)!;
      const inputs = reads.map((read) => ({ node: nameOf(read, name) }));
      return [name, { op: layer.className, name, inputs, config: layer.config, path: [...scope, layer.name], layer }];
    }),
  );
  const outputs = model.outputs.map(({ layer, call, tensor }) => nameOf(`${layer}@${call}#${tensor}`, "the model's output"));
  const models = new Map([...inner].filter(([name]) => !nodes.has(name)).map(([name, id]) => [name, nameOf(id, name)]));
  return { name: model.name, nodes, outputs, models };
}

/** Names by id. The outermost layers' first calls come first, so that they keep their names. */
function named(placed: readonly Placed[]): Map<string, string> {
  const names = new Map<string, string>();
  const taken = new Set<string>();
  const next = new Map<string, number>();
  const isPlain = ({ scope, call }: Placed) => scope.length === 0 && call === 0;
  for (const { id, layer, scope, call } of [...placed.filter(isPlain), ...placed.filter((p) => !isPlain(p))]) {
    const ending = call ? `_${call}` : "";
    const base = taken.has(layer.name + ending) ? [...scope, layer.name].join("/") : layer.name;
    let name = base + ending;
    for (let i = next.get(base) ?? call + 1; taken.has(name); i++) {
      name = `${base}_${i}`;
      next.set(base, i + 1);
    }
    taken.add(name);
    names.set(id, name);
  }
  return names;
}
