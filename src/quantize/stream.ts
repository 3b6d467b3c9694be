/** An ONNX file into its smaller form while it arrives: at no time is more than one large weight in memory as float32. */
import { consumersOf } from "../onnx/canonical/cut";
import type { Node } from "../onnx/graph";
import { ModelStream, type StreamOptions } from "../onnx/stream";
import { smallWeight, withSmallWeights, type Quantized, type SmallWeight, type WeightStorage } from "./quantize";

export interface SmallModelOptions extends Pick<StreamOptions, "what" | "totalBytes" | "onNodes"> {
  storage: WeightStorage;
}

/** Takes the file in pieces of any size, and throws as ModelStream does; `end` gives what `quantize` would of the whole. */
export class SmallModelStream {
  readonly #stream: ModelStream;
  readonly #small = new Map<string, SmallWeight>();
  #readers: ReadonlyMap<string, Node[]> | undefined;

  constructor({ storage, ...options }: SmallModelOptions) {
    this.#stream = new ModelStream({
      ...options,
      onWeight: (name, tensor, nodes) => {
        this.#readers ??= consumersOf(nodes);
        const small = smallWeight(name, tensor, this.#readers.get(name) ?? [], storage);
        if (!small) return tensor;
        this.#small.set(name, small);
        return small.values; // holds the name until withSmallWeights puts both parts in
      },
    });
  }

  push(bytes: Uint8Array): void {
    this.#stream.push(bytes);
  }

  end(): Quantized {
    return withSmallWeights(this.#stream.end(), this.#small);
  }
}
