/**
 * An ONNX file read while it arrives: each weight is handed out as soon as its bytes are there, so that a smaller form can take its
 * place and the whole file is never in memory.
 *
 * Only the framing is done here, with protobuf-es's wire reader: which field, how long. What is inside is decoded by the schema, and
 * checked and put together as in read.ts. Exporters write nodes before weights, so who reads a weight is known when it comes.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { ModelFormatError, type Graph, type Node, type Tensor } from "./graph";
import { GraphProtoSchema, ModelProtoSchema, TensorProtoSchema, type GraphProto } from "./proto/onnx_pb";
import type { ExternalFiles } from "./external";
import { inlined } from "./functions";
import { checkedOpset, graphOf, nodesOf, notOnnx, opsetOf, type ReadContext } from "./read";
import { readTensor } from "./readTensor";
import { sniff } from "./sniff";

export interface StreamOptions {
  /** Names the file in messages. */
  what: string;
  /** Of the whole file; null when it is not known. What claims to be longer is refused before it is waited for. */
  totalBytes: number | null;
  /** The files beside it that its weights may lie in; without them such weights throw MissingFilesError. */
  files?: ExternalFiles;
  /** Called once, with the nodes, before the first weight or at the end. What it throws ends the reading. */
  onNodes?: (nodes: readonly Node[]) => void;
  /** Called with each weight; what it returns is kept in the graph under that name. */
  onWeight: (name: string, tensor: Tensor, nodes: readonly Node[]) => Tensor;
}

const GRAPH = ModelProtoSchema.field.graph.number;
const INITIALIZER = GraphProtoSchema.field.initializer.number;
/** Fields that matter here; the others are passed over, as are the types that exporters inferred. */
const ofModel = new Set(ModelProtoSchema.fields.map(({ number }) => number));
const ofGraph = new Set(GraphProtoSchema.fields.map(({ number }) => number));
ofGraph.delete(GraphProtoSchema.field.valueInfo.number);

/** Longest tag and length that protobuf can write. */
const LONGEST_HEADER = 20;
/** Bytes that sniff looks at. */
const SNIFFED = 512;
/** So many bytes are allocated at once on a file's own word where its length is not known. */
const TRUSTED = 1 << 26;

/** A field whose bytes are being collected. */
interface Field {
  number: number;
  inGraph: boolean;
  bytes: Uint8Array;
  filled: number;
  length: number;
}

/** Takes a file in pieces of any size; `end` gives the graph. Both throw ModelFormatError when the bytes cannot be ONNX. */
export class ModelStream {
  readonly #options: StreamOptions;
  /** Bytes taken so far; where the graph ends, once it has begun. */
  #at = 0;
  #graphEnd: number | null = null;
  /** The beginning of the file, for saying what it is. */
  #first: Uint8Array = new Uint8Array();
  /** What is being read: a tag with what follows it, the bytes of a field, or bytes that say nothing. */
  readonly #header = new Uint8Array(LONGEST_HEADER);
  #headerLength = 0;
  #field: Field | null = null;
  #idle = 0;
  /** The fields of the model and of the graph, but for the graph and its weights. */
  readonly #model: Uint8Array[] = [];
  readonly #graph: Uint8Array[] = [];
  #nodes: readonly Node[] | null = null;
  readonly #weights = new Map<string, Tensor>();

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  /** The next bytes of the file. They are not kept. */
  push(bytes: Uint8Array): void {
    this.#look(bytes);
    for (let rest = bytes; rest.length > 0;) {
      const taken = this.#take(rest);
      this.#at += taken;
      rest = rest.subarray(taken);
      if (this.#headerLength) this.#readHeader();
      if (this.#field && this.#field.filled === this.#field.length) this.#finish();
    }
  }

  /** The graph, once everything was pushed. */
  end(): Graph {
    const { what } = this.#options;
    if (this.#first.length === 0) throw this.#notOnnx();
    if (this.#field || this.#headerLength || this.#idle || (this.#graphEnd ?? 0) > this.#at)
      throw new ModelFormatError(
        `${what} starts like an ONNX model, but ends after ${this.#at} bytes in the middle of ${this.#field?.inGraph ? "its graph" : "a field"}: ` +
          "it is cut short or damaged. Download or export it again.",
      );
    const model = this.#decode(() => fromBinary(ModelProtoSchema, concat(this.#model)));
    const opset = opsetOf(model);
    const graph = this.#graphSoFar();
    if (this.#graphEnd === null || (graph.node.length === 0 && opset === 0)) throw this.#notOnnx();
    this.#tellNodes();
    return graphOf(inlined(graph, model.functions, what), this.#weights, this.#context(checkedOpset(opset, what)));
  }

  /** Refuses what is visibly no ONNX as soon as enough of it is there. */
  #look(bytes: Uint8Array): void {
    if (this.#first.length >= SNIFFED) return;
    this.#first = concat([this.#first, bytes.subarray(0, SNIFFED - this.#first.length)]);
    if (this.#first.length >= 16 && sniff(this.#first) !== "protobuf") throw this.#notOnnx();
  }

  /** Moves bytes to where they belong; how many. */
  #take(bytes: Uint8Array): number {
    if (this.#idle) {
      const taken = Math.min(this.#idle, bytes.length);
      this.#idle -= taken;
      return taken;
    }
    if (!this.#field) {
      this.#header[this.#headerLength++] = bytes[0]!;
      return 1;
    }
    const field = this.#field;
    const taken = Math.min(field.length - field.filled, bytes.length);
    if (field.filled + taken > field.bytes.length) {
      const larger = new Uint8Array(Math.min(field.length, 2 * (field.filled + taken)));
      larger.set(field.bytes.subarray(0, field.filled));
      field.bytes = larger;
    }
    field.bytes.set(bytes.subarray(0, taken), field.filled);
    field.filled += taken;
    return taken;
  }

  /** Begins a field once its tag and length are whole, and keeps one that is no more than a number. */
  #readHeader(): void {
    const header = this.#header.subarray(0, this.#headerLength);
    const whole = header.filter((byte) => byte < 0x80).length; // varints that have ended
    const from = this.#at - header.length;
    const inGraph = this.#graphEnd !== null && from < this.#graphEnd;
    if (whole > 0) {
      const [number, wire, length] = this.#decode(() => {
        const reader = new BinaryReader(header);
        const [number, wire] = reader.tag();
        const sized = wire === WireType.LengthDelimited && whole > 1;
        return [number, wire, sized ? reader.uint32() : FIXED.get(wire)] as const;
      });
      if (wire === WireType.StartGroup || wire === WireType.EndGroup)
        throw this.#damaged(`at byte ${from} stands a field of wire type ${wire}`);
      if (wire === WireType.Varint && whole > 1) {
        (inGraph ? this.#graph : this.#model).push(header.slice());
        this.#headerLength = 0;
        return;
      }
      if (length !== undefined) {
        this.#headerLength = 0;
        this.#begin(number, length, inGraph, header.slice());
        return;
      }
    }
    if (header.length === LONGEST_HEADER) throw this.#damaged(`at byte ${from} stands a number of more than 10 bytes`);
  }

  #begin(number: number, length: number, inGraph: boolean, header: Uint8Array): void {
    const { totalBytes } = this.#options;
    const left = (inGraph ? this.#graphEnd! : (totalBytes ?? Infinity)) - this.#at;
    if (length > left)
      throw this.#damaged(
        `at byte ${this.#at} begins a field of ${length} bytes, but only ${left} follow in ${inGraph ? "its graph" : "the file"}`,
      );
    if (!inGraph && number === GRAPH) {
      if (this.#graphEnd !== null) throw this.#damaged(`at byte ${this.#at} begins a second graph`);
      this.#graphEnd = this.#at + length;
    } else if (!(inGraph ? ofGraph : ofModel).has(number)) this.#idle = length;
    else {
      if (inGraph && number === INITIALIZER) this.#tellNodes();
      else (inGraph ? this.#graph : this.#model).push(header);
      const trusted = totalBytes === null ? Math.min(length, TRUSTED) : length;
      this.#field = { number, inGraph, bytes: new Uint8Array(trusted), filled: 0, length };
    }
  }

  #finish(): void {
    const { number, inGraph, bytes } = this.#field!;
    this.#field = null;
    if (inGraph && number === INITIALIZER) this.#weight(bytes);
    else (inGraph ? this.#graph : this.#model).push(bytes);
  }

  #weight(bytes: Uint8Array): void {
    const { what, onWeight, files } = this.#options;
    const nodes = this.#nodes!; // told when the first weight began
    const proto = this.#decode(() => fromBinary(TensorProtoSchema, bytes));
    this.#weights.set(proto.name, onWeight(proto.name, readTensor(proto, what, files), nodes));
  }

  /** Once: at the beginning of the first weight, or at the end of a file without any. */
  #tellNodes(): void {
    if (this.#nodes) return;
    this.#nodes = nodesOf(this.#graphSoFar(), this.#context(0));
    this.#options.onNodes?.(this.#nodes);
  }

  #context(opset: number): ReadContext {
    const { what, files = new Map() } = this.#options;
    return { opset, what, files };
  }

  readonly #graphSoFar = (): GraphProto => this.#decode(() => fromBinary(GraphProtoSchema, concat(this.#graph)));

  #decode<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.#damaged((error as Error).message);
    }
  }

  #damaged(why: string): ModelFormatError {
    return new ModelFormatError(
      `${this.#options.what} starts like an ONNX model, but cannot be read: ${why}. It is damaged; download or export it again.`,
    );
  }

  #notOnnx(): ModelFormatError {
    return new ModelFormatError(notOnnx(this.#first, this.#options.what));
  }
}

/** Bytes of a field of fixed length. */
const FIXED = new Map([
  [WireType.Bit64, 8],
  [WireType.Bit32, 4],
]);

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
