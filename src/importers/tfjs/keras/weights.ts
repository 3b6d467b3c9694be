/**
 * A layer's weights among those of the manifest.
 *
 * TF.js and Keras 2 call them `layer/kernel`, with the models around it before it (`model/layer/kernel`) or a cell of the layer
 * within it (`layer/cell/kernel`), and perhaps `:0` behind; Keras 3 numbers them: `layer/0`, `layer/vars/0`.
 */
import type { Tensor } from "../../../onnx/graph";

export interface NamedTensor {
  name: string;
  tensor: Tensor;
}

type Owned = Map<string, NamedTensor>;

export class KerasWeights {
  readonly #owners = new Map<string, Owned>();
  /** Owners by the last part of their path. */
  readonly #last = new Map<string, string[]>();

  constructor(tensors: ReadonlyMap<string, Tensor>) {
    for (const [name, tensor] of tensors) {
      const parts = name.replace(/:0$/, "").split("/");
      const key = parts.pop()!;
      if (parts.at(-1) === "vars") parts.pop();
      const owner = parts.join("/");
      const owned: Owned = this.#owners.get(owner) ?? new Map<string, NamedTensor>();
      if (!owned.size) {
        this.#owners.set(owner, owned);
        const last = parts.at(-1) ?? "";
        this.#last.set(last, [...(this.#last.get(last) ?? []), owner]);
      }
      owned.set(key, { name, tensor });
    }
  }

  /** The weight of the layer at `path` that has one of the names `keys`, or, where they are numbered, is the layer's `index`th. */
  find(path: readonly string[], keys: readonly string[], index: number): NamedTensor | undefined {
    for (let i = 0; i < path.length; i++) {
      const found = this.#within(path.slice(i).join("/"), keys, index);
      if (found) return found;
    }
    const layer = path.at(-1)!;
    const ending = this.#last.get(layer) ?? [];
    const beginning = [...this.#owners.keys()].filter((owner) => owner.startsWith(`${layer}/`) && !owner.includes("/", layer.length + 1)); // prettier-ignore
    const hits = [...ending, ...beginning].flatMap((owner) => this.#within(owner, keys, index) ?? []);
    return hits.length === 1 ? hits[0] : undefined;
  }

  #within(owner: string, keys: readonly string[], index: number): NamedTensor | undefined {
    const owned = this.#owners.get(owner);
    if (!owned) return undefined;
    const key = keys.find((k) => owned.has(k));
    if (key !== undefined) return owned.get(key);
    const numbered = [...owned.keys()].filter((k) => /^\d+$/.test(k)).sort((a, b) => Number(a) - Number(b));
    return numbered[index] === undefined ? undefined : owned.get(numbered[index]);
  }
}
