/**
 * FlatBuffers' reader with every read checked: the runtime itself believes what a file says about where things lie.
 *
 * A damaged file then ends in a ModelFormatError instead of `undefined` taken for a number. The number of reads is bounded too:
 * an honest file is read about once, a hostile one can point at the same place over and over.
 */
import { ByteBuffer } from "flatbuffers";
import { ModelFormatError } from "../../onnx/graph";

/** Many times what the largest networks of the format need, and well under a second. */
const MOST_READS = 10_000_000;
/** Bytes of the longest name. */
const LONGEST_TEXT = 4096;

export class CheckedBuffer extends ByteBuffer {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #reads = 0;

  /** `what` names the file in messages. */
  constructor(bytes: Uint8Array, what: string) {
    super(bytes);
    this.#bytes = bytes;
    this.#what = what;
  }

  #check(offset: number, length: number): void {
    if (offset < 0 || length < 0 || offset + length > this.#bytes.length)
      throw new ModelFormatError(
        `${this.#what} points at ${length} bytes from ${offset} on, but has ${this.#bytes.length}: it is cut short or damaged. Download or convert it again.`,
      );
    if (++this.#reads > MOST_READS)
      throw new ModelFormatError(
        `${this.#what} takes more than ${MOST_READS} reads, as it points at the same places again and again: it is damaged. Download it again.`,
      );
  }

  override readUint8(offset: number): number {
    this.#check(offset, 1);
    return super.readUint8(offset);
  }

  override readUint16(offset: number): number {
    this.#check(offset, 2);
    return super.readUint16(offset);
  }

  override readInt32(offset: number): number {
    this.#check(offset, 4);
    return super.readInt32(offset);
  }

  /** The length of a vector, whose elements take at least a byte each. */
  override __vector_len(offset: number): number {
    const length = super.__vector_len(offset);
    this.#check(this.__vector(offset), length);
    return length;
  }

  override __string(offset: number): string {
    const start = offset + this.readInt32(offset);
    const length = this.readInt32(start);
    this.#check(start + 4, length);
    if (length > LONGEST_TEXT)
      throw new ModelFormatError(
        `${this.#what} holds a name of ${length} bytes; ${LONGEST_TEXT} is the most. It is damaged; download it again.`,
      );
    return super.__string(offset) as string;
  }
}
