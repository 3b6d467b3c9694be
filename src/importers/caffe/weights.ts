/**
 * The weights of a .caffemodel by layer, and what stands for them while only the prototxt is there.
 *
 * Weights stay where they lie in the file: a view where they are aligned, else they are moved a few bytes if the file may be changed,
 * else copied when somebody reads them; so dense layers that nobody looks at cost nothing.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { ModelFormatError, sizeOf, type Tensor } from "../../onnx/graph";
import { inWords, sniff } from "../../onnx/sniff";
import { computed } from "../../onnx/tensor";
import { layersIn } from "./net";
import { NetParameterSchema, type BlobProto, type NetParameter } from "./proto/caffe_pb";

/** Weights that are not there are zeros to whoever asks, up to so many elements. */
const MOST_ZEROS = 2 ** 22;

/** Decodes a .caffemodel; `what` names it in messages. */
export function readCaffemodel(bytes: Uint8Array, what: string): NetParameter {
  const kind = sniff(bytes);
  if (kind !== "protobuf")
    throw new ModelFormatError(`${what} is not a .caffemodel: ${inWords[kind]}. Choose the file with the network's weights.`);
  try {
    return fromBinary(NetParameterSchema, bytes, { readUnknownFields: false });
  } catch (error) {
    throw new ModelFormatError(
      `${what} starts like a .caffemodel, but cannot be read to its end (${bytes.length} bytes): it is cut short or damaged. ` +
        `Download it again. (${(error as Error).message})`,
    );
  }
}

/** A network's weights by layer name. */
export class Weights {
  readonly #blobs = new Map<string, readonly BlobProto[]>();
  readonly #moved = new Map<BlobProto, Uint8Array>();
  /** False: only the shapes of the weights are known. */
  readonly known: boolean;

  /** Without a net, stands for weights that are not there yet. `mayMove`: the file's bytes are nobody else's. */
  constructor(
    net: NetParameter | null,
    readonly what: string,
    readonly mayMove = false,
  ) {
    this.known = net !== null;
    if (!net) return;
    for (const { name, blobs } of layersIn(net, what)) if (blobs.length) this.#blobs.set(name, blobs);
    if (!this.#blobs.size)
      throw new ModelFormatError(`${what} holds no weights. Choose the .caffemodel that belongs to the .prototxt.`);
  }

  /** Blob `index` of a layer, which must have `shape`, as a tensor of the equally large shape `as`. */
  tensor(layer: string, index: number, shape: readonly number[], as: readonly number[]): Tensor {
    if (!this.known) return absent(layer, as);
    const blobs = this.#blobs.get(layer);
    if (!blobs) {
      const names = [...this.#blobs.keys()].map((name) => `"${name}"`);
      const some = [...names.slice(0, 5), ...(names.length > 5 ? ["..."] : [])].join(", ");
      throw new ModelFormatError(
        `${this.what} has no weights for the layer "${layer}"; it has them for ${some}. ` +
          "They are of another network; choose the .caffemodel that belongs to the .prototxt.",
      );
    }
    const where = `${this.what}: weight ${index} of the layer "${layer}"`;
    const blob = blobs[index];
    if (!blob)
      throw new ModelFormatError(
        `${where} [${shape}] is missing; it has ${blobs.length}. Choose the .caffemodel that belongs to the .prototxt.`,
      );
    const found = shapeOf(blob);
    if (!sameSize(found, shape))
      throw new ModelFormatError(
        `${where} is [${found}], but the .prototxt makes it [${shape}]. Choose the .caffemodel that belongs to the .prototxt.`,
      );
    const [bytes, width] = blob.data.length || !blob.doubleData.length ? [blob.data, 4] : [blob.doubleData, 8];
    if (bytes.length !== sizeOf(shape) * width)
      throw new ModelFormatError(
        `${where} is [${found}], which takes ${sizeOf(shape) * width} bytes, but ${bytes.length} are there. The file is damaged; download it again.`,
      );
    return floats(width === 4 && this.mayMove ? this.#atFour(blob) : bytes, width, as);
  }

  /**
   * A large blob's bytes at a multiple of four, so that floats can be read where they lie: moved back by up to three bytes, over
   * the tag and the length in front of them, which take three or more.
   */
  #atFour(blob: BlobProto): Uint8Array {
    const { data } = blob;
    const by = data.byteOffset % 4;
    if (!by || data.length < 2 ** 14) return data;
    const known = this.#moved.get(blob);
    if (known) return known;
    const start = data.byteOffset - by;
    new Uint8Array(data.buffer).copyWithin(start, data.byteOffset, data.byteOffset + data.length);
    const moved = new Uint8Array(data.buffer, start, data.length);
    this.#moved.set(blob, moved);
    return moved;
  }

  /** Input channels of the weight of a convolution, if the file has it. */
  channelsOf(layer: string): number | undefined {
    const weight = this.#blobs.get(layer)?.[0];
    return weight && shapeOf(weight)[1];
  }
}

/** A blob's shape: a list, or four sizes of which the first ones may only fill up. */
function shapeOf({ shape, num, channels, height, width }: BlobProto): number[] {
  return shape ? shape.dim.map(Number) : [num, channels, height, width];
}

/** Caffe's own test: the older form with its four sizes counts leading ones for nothing. */
function sameSize(found: readonly number[], wanted: readonly number[]): boolean {
  const bare = (shape: readonly number[]): string => {
    const first = shape.findIndex((d) => d !== 1);
    return first === -1 ? "" : shape.slice(first).join();
  };
  return bare(found) === bare(wanted);
}

/** Little-endian floats (width 4) or doubles (width 8) as a float32 tensor. */
function floats(bytes: Uint8Array, width: number, shape: readonly number[]): Tensor {
  if (width === 8) return computed("float32", shape, () => Float32Array.from(new Float64Array(bytes.slice().buffer)));
  if (bytes.byteOffset % 4) return computed("float32", shape, () => new Float32Array(bytes.slice().buffer));
  return { dtype: "float32", shape, data: new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4) };
}

/** A weight of which only the shape is known: enough to inspect a network, not to run it. */
const absent = (layer: string, shape: readonly number[]): Tensor =>
  computed("float32", shape, () => {
    if (sizeOf(shape) > MOST_ZEROS)
      throw new ModelFormatError(`The weights [${shape}] of the layer "${layer}" are not there. Choose the .caffemodel as well.`);
    return new Float32Array(sizeOf(shape));
  });
