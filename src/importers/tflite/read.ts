/**
 * TensorFlow Lite file -> plain tensors and operators. FlatBuffers' generated code decodes; this file checks what it decoded.
 *
 * Only the first subgraph is read: it is the network, the others are bodies of control flow. Constants stay views into the file's
 * bytes where alignment allows. Every refusal is a ModelFormatError that names the file, the place, both values and the cure.
 */
import { ModelFormatError, sizeOf, type DType, type Tensor } from "../../onnx/graph";
import { allocate, bytesPerElement } from "../../onnx/tensor";
import { sniff } from "../../onnx/sniff";
import { CheckedBuffer } from "./checked";
import { BuiltinOperator, Model, TensorType, type Buffer, type Operator, type SubGraph } from "./schema/tflite_generated";
import type { Tensor as TensorTable } from "./schema/tflite_generated";

/** real = scale * (stored - zeroPoint): one of each, or one for each index along `axis`. */
export interface Quantisation {
  scale: Float32Array;
  zeroPoint: number[];
  axis: number;
}

export interface TfliteTensor {
  /** Unique within the file. */
  name: string;
  /** Positive sizes, in TensorFlow's order of axes. */
  shape: number[];
  /** Stored type; null where it has no counterpart in a Graph. */
  dtype: DType | null;
  typeName: string;
  quantisation: Quantisation | null;
  /** Whether the file holds its elements. */
  isConstant: boolean;
}

export interface TfliteOperator {
  /** BuiltinOperator's name, or the custom op's. */
  op: string;
  /** Indices of tensors; -1 for an input left out. */
  inputs: number[];
  outputs: number[];
  table: Operator;
}

export interface TfliteModel {
  tensors: TfliteTensor[];
  operators: TfliteOperator[];
  inputs: number[];
  outputs: number[];
  /** The stored elements of a constant. Bounded: all calls together make a few times the file's bytes at most. */
  constant: (index: number) => Tensor;
}

const DTYPES: Readonly<Partial<Record<TensorType, DType>>> = {
  [TensorType.FLOAT32]: "float32",
  [TensorType.FLOAT16]: "float16",
  [TensorType.FLOAT64]: "float64",
  [TensorType.INT8]: "int8",
  [TensorType.UINT8]: "uint8",
  [TensorType.INT16]: "int16",
  [TensorType.UINT16]: "uint16",
  [TensorType.INT32]: "int32",
  [TensorType.UINT32]: "uint32",
  [TensorType.INT64]: "int64",
  [TensorType.UINT64]: "uint64",
  [TensorType.BOOL]: "bool",
};

/** More than any network has; a list that is longer is damage. */
const MOST = { tensors: 100_000, operators: 100_000, axes: 8, operands: 4096 };
/** Constants may share their bytes; together they are at most so many times the file. */
const MOST_SHARING = 8;

/** Reads a .tflite file. `what` names it in messages. */
export function readTflite(bytes: Uint8Array, what: string): TfliteModel {
  const kind = sniff(bytes);
  if (kind !== "tflite")
    throw new ModelFormatError(
      `${what} is not a TensorFlow Lite model: it lacks the mark TFL3 (it looks like ${kind}, ${bytes.length} bytes). Choose a .tflite file.`,
    );
  return new Reader(bytes, what).model();
}

class Reader {
  readonly #root: Model;
  #constantBytes = 0;

  constructor(
    readonly bytes: Uint8Array,
    readonly what: string,
  ) {
    this.#root = Model.getRootAsModel(new CheckedBuffer(bytes, what));
  }

  fail(message: string): never {
    throw new ModelFormatError(`${this.what}: ${message}`);
  }

  model(): TfliteModel {
    if (this.#root.version() !== 3)
      this.fail(`it is written in version ${this.#root.version()} of the format; version 3 is understood. Convert it again.`);
    const graph = this.#root.subgraphs(0);
    if (!graph) this.fail("it holds no network. Convert it again.");
    this.#length("tensors", graph.tensorsLength(), MOST.tensors);
    this.#length("operators", graph.operatorsLength(), MOST.operators);
    const tables = list(graph.tensorsLength(), (i) => graph.tensors(i) ?? this.fail(`tensor ${i} is missing.`));
    const tensors = uniquelyNamed(tables.map((table, i) => this.#tensor(table, readable(table.name()) || `tensor_${i}`)));
    const index = (i: number, of: string) =>
      i >= -1 && i < tensors.length ? i : this.fail(`${of} is tensor ${i}, but there are ${tensors.length}. It is damaged.`);
    const operands = (length: number, at: (i: number) => number | null, of: string) => {
      this.#length(of, length, MOST.operands);
      return list(length, (i) => index(at(i) ?? -1, `one of ${of}`));
    };
    const codes = this.#operatorCodes();
    const operators = list(graph.operatorsLength(), (i) => {
      const table = graph.operators(i) ?? this.fail(`operator ${i} is missing.`);
      const op = codes[table.opcodeIndex()] ?? this.fail(`operator ${i} is of kind ${table.opcodeIndex()}, but ${codes.length} kinds are listed. It is damaged.`); // prettier-ignore
      return {
        op,
        inputs: operands(table.inputsLength(), (k) => table.inputs(k), `the inputs of operator ${i} (${op})`),
        outputs: operands(table.outputsLength(), (k) => table.outputs(k), `the outputs of operator ${i} (${op})`),
        table,
      };
    });
    const [inputs, outputs] = this.#ends(graph, operands);
    const constants = new Map<number, Tensor>();
    const constant = (i: number) => {
      const known = constants.get(i);
      if (known) return known;
      const made = this.#constant(tables[i]!, tensors[i]!);
      constants.set(i, made);
      return made;
    };
    return { tensors, operators, inputs, outputs, constant };
  }

  #length(of: string, length: number, most: number): void {
    if (length > most) this.fail(`${length} is the length of ${of}; ${most} is the most. It is damaged; download it again.`);
  }

  #ends(graph: SubGraph, operands: (n: number, at: (i: number) => number | null, of: string) => number[]): [number[], number[]] {
    const inputs = operands(graph.inputsLength(), (i) => graph.inputs(i), "the network's inputs");
    const outputs = operands(graph.outputsLength(), (i) => graph.outputs(i), "the network's outputs");
    if (inputs.includes(-1) || outputs.includes(-1) || !outputs.length)
      this.fail("its network has no outputs, or a missing one. It is damaged; convert it again.");
    return [inputs, outputs];
  }

  #operatorCodes(): string[] {
    const length = this.#root.operatorCodesLength();
    this.#length("operator codes", length, MOST.operands);
    return list(length, (i) => {
      const code = this.#root.operatorCodes(i) ?? this.fail(`operator code ${i} is missing.`);
      const number = Math.max(code.deprecatedBuiltinCode(), code.builtinCode());
      if (number === BuiltinOperator.CUSTOM) return code.customCode() || "CUSTOM";
      return (BuiltinOperator[number] as string | undefined) ?? `operator ${number}`;
    });
  }

  #tensor(table: TensorTable, name: string): TfliteTensor {
    const rank = table.shapeLength();
    if (rank > MOST.axes) this.fail(`tensor "${name}" has ${rank} axes; ${MOST.axes} is the most. It is damaged.`);
    const shape = list(rank, (i) => table.shape(i)!);
    if (shape.some((d) => d < 0)) this.fail(`tensor "${name}" has the shape [${shape}]; sizes cannot be negative.`);
    if (table.sparsity()) this.fail(`weight "${name}" is sparse, which is not supported. Convert the model without sparsity.`);
    const type = table.type();
    const buffer = table.buffer() === 0 ? null : this.#buffer(table, name);
    return {
      name,
      shape,
      dtype: DTYPES[type] ?? null,
      typeName: (TensorType[type] as string | undefined) ?? `type ${type}`,
      quantisation: this.#quantisation(table, name, shape),
      isConstant: buffer !== null && (buffer.dataLength() > 0 || buffer.offset() > 1n),
    };
  }

  #buffer(table: TensorTable, name: string): Buffer {
    const [index, count] = [table.buffer(), this.#root.buffersLength()];
    const buffer = index < count ? this.#root.buffers(index) : null;
    return buffer ?? this.fail(`tensor "${name}" lies in buffer ${index}, but there are ${count}. It is damaged.`);
  }

  #quantisation(table: TensorTable, name: string, shape: readonly number[]): Quantisation | null {
    const q = table.quantization();
    const count = q?.scaleLength() ?? 0;
    if (!q || count === 0) return null;
    const axis = q.quantizedDimension();
    const points = q.zeroPointLength();
    if (count !== 1 && count !== shape[axis])
      this.fail(
        `tensor "${name}" [${shape}] has ${count} scales along axis ${axis}. The file contradicts itself; convert it again.`,
      );
    if (points > 1 && points !== count)
      this.fail(
        `tensor "${name}" has ${count} scales, but ${points} zero points. The file contradicts itself; convert it again.`,
      );
    const scale = Float32Array.from(list(count, (i) => q.scale(i)!));
    if (!scale.every((s) => Number.isFinite(s) && s >= 0))
      this.fail(`tensor "${name}" has a scale that is no positive number. It is damaged; download it again.`);
    const zeroPoint = list(count, (i) => (points ? Number(q.zeroPoint(points === 1 ? 0 : i)) : 0));
    return { scale, zeroPoint, axis };
  }

  #constant(table: TensorTable, { name, shape, dtype, typeName }: TfliteTensor): Tensor {
    if (!dtype) this.fail(`constant "${name}" is of type ${typeName}, which is not supported.`);
    const raw = this.#bytesOf(this.#buffer(table, name), name);
    const size = bytesPerElement(dtype);
    const expected = sizeOf(shape) * size;
    if (raw.length !== expected)
      this.fail(`constant "${name}" [${shape}] of ${typeName} takes ${expected} bytes, but the file holds ${raw.length}. It is damaged; download it again.`); // prettier-ignore
    this.#constantBytes += raw.length;
    if (this.#constantBytes > MOST_SHARING * this.bytes.length)
      this.fail(`its constants take more than ${MOST_SHARING} times its ${this.bytes.length} bytes. It is damaged.`);
    const { constructor } = allocate(dtype, 0);
    const aligned = raw.byteOffset % size === 0 ? raw : raw.slice();
    const View = constructor as new (buffer: ArrayBufferLike, offset: number, length: number) => Tensor["data"];
    return { dtype, shape, data: new View(aligned.buffer, aligned.byteOffset, raw.length / size) };
  }

  /** Files beyond 2 GB keep their constants behind the FlatBuffer, at an offset from the file's beginning. */
  #bytesOf(buffer: Buffer, name: string): Uint8Array {
    const [offset, size] = [Number(buffer.offset()), Number(buffer.size())];
    if (offset <= 1) return buffer.dataArray()!;
    if (offset + size > this.bytes.length)
      this.fail(
        `constant "${name}" lies at bytes ${offset} to ${offset + size}, but there are ${this.bytes.length}. It is cut short.`,
      );
    return this.bytes.subarray(offset, offset + size);
  }
}

const list = <T>(length: number, at: (i: number) => T): T[] => Array.from({ length }, (_, i) => at(i));

/** The converter lists every op that it fused, as "model/conv1/Relu6;model/conv1/BiasAdd;...": the first stands for all. */
const readable = (name: string | null): string => (name ?? "").split(";", 1)[0]!;

/** Names made unique: the first keeps its own, later ones get _1, _2, ...; constants come last, as nobody looks for those. */
function uniquelyNamed(tensors: readonly TfliteTensor[]): TfliteTensor[] {
  const taken = new Set<string>();
  const last = new Map<string, number>();
  const unique = ({ name }: TfliteTensor): string => {
    let free = name;
    for (let i = last.get(name) ?? 1; taken.has(free); i++) {
      free = `${name}_${i}`;
      last.set(name, i + 1);
    }
    taken.add(free);
    return free;
  };
  const names = new Map<TfliteTensor, string>();
  for (const isConstant of [false, true])
    for (const tensor of tensors) if (tensor.isConstant === isConstant) names.set(tensor, unique(tensor));
  return tensors.map((tensor) => ({ ...tensor, name: names.get(tensor)! }));
}
