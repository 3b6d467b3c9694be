/**
 * The graph as data: what every other room reads and writes.
 *
 * `Graph` is an ONNX graph with names for values. `StaticGraph` is one whose every value has a known dtype and shape:
 * shape inference and canonicalisation make it (canonicalise.ts), the differentiator and the step graph work on it alone.
 */

export type DType =
  | "float32"
  | "float16"
  | "float64"
  | "int8"
  | "uint8"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "int64"
  | "uint64"
  | "bool"
  | "string";

/** float16 is kept as its bits in a Uint16Array, bool as bytes, int64 as BigInt64Array. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** A constant: `data.length` is the product of `shape`; a scalar has shape []. */
export interface Tensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

/** Dtype and shape of a value, batch first, NCHW for pictures. */
export interface ValueType {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** A named value of a graph under construction. Only a GraphBuilder makes these. */
export interface Value extends ValueType {
  readonly name: string;
}

/** ints and floats are both numbers here; the writer knows which attribute names are floats. */
export type Attr = number | string | readonly number[] | readonly string[] | Tensor | Graph;
export type Attrs = Readonly<Record<string, Attr>>;

export interface Node {
  readonly op: string;
  /** Unique within the graph; what error messages quote. */
  readonly name: string;
  /** "" is ONNX's own domain; "micrographia" holds our composite ops until they are lowered. */
  readonly domain: string;
  /** "" stands for an absent optional input. */
  readonly inputs: readonly string[];
  /** "" stands for an unused optional output. */
  readonly outputs: readonly string[];
  readonly attrs: Attrs;
}

/** A dimension as a file declares it: a size, a symbol such as "N", or null when unknown. */
export type Dim = number | string | null;

export interface GraphInput {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}

export interface Graph {
  readonly name: string;
  /** Version of ONNX's own operator set that the nodes are written in. */
  readonly opset: number;
  /** Run-time inputs only: an initializer that a file also lists as input is a constant here. */
  readonly inputs: readonly GraphInput[];
  readonly outputs: readonly string[];
  /** In topological order. */
  readonly nodes: readonly Node[];
  readonly constants: ReadonlyMap<string, Tensor>;
}

export interface StaticGraph extends Graph {
  readonly inputs: readonly (GraphInput & Value)[];
  /** The type of every value: inputs, constants and node outputs. */
  readonly types: ReadonlyMap<string, ValueType>;
}

/** The operator set that every canonical graph is written in. */
export const OPSET = 18;

/** Domain of composite ops that exist only between the differentiator and the lowering pass. */
export const LOCAL_DOMAIN = "micrographia";

/** Number of elements of a shape; 1 for a scalar. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

/** The sizes after batch and channel. */
export const spatial = (type: ValueType): readonly number[] => type.shape.slice(2);

/** An error about one node of a model: says which op and which node before what is wrong. */
export class OpError extends Error {
  override readonly name = "OpError";
  constructor(
    readonly node: Pick<Node, "op" | "name">,
    message: string,
  ) {
    super(`${node.op} "${node.name}": ${message}`);
  }
}

/** An error about a file that is not what it should be; the message says which file, what is wrong and what to do. */
export class ModelFormatError extends Error {
  override readonly name = "ModelFormatError";
}
