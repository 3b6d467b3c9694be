/** A download that is kept in another form than it comes in. Loaded when one begins, as it can read and write models. */
import type { Quantized, WeightStorage } from "../quantize/quantize";
import { SmallModelStream } from "../quantize/stream";

/** Makes the weights smaller as they arrive. What is wrong with the file waits until its digest has told whose fault that is. */
export class Conversion {
  readonly #stream: SmallModelStream;
  #failure: unknown;

  constructor(what: string, totalBytes: number, storage: WeightStorage) {
    this.#stream = new SmallModelStream({ what, totalBytes, storage });
  }

  push(bytes: Uint8Array): void {
    try {
      if (!this.#failure) this.#stream.push(bytes);
    } catch (error) {
      this.#failure = error;
    }
  }

  /** Throws ModelFormatError where the file, though it is the one that was promised, cannot be read. */
  end(): Quantized {
    if (this.#failure) throw this.#failure;
    return this.#stream.end();
  }
}
