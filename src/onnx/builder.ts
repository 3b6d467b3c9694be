/**
 * Building static graphs node by node: the one way new nodes come to be, in canonicalisation, gradients and step graphs.
 *
 * Every method appends one node (or none, where the result is known to equal an operand) and returns the value it makes,
 * with dtype and shape already inferred, so a mistake is found where it is made and named after the node.
 * Operators follow ONNX's names and argument order at opset 18 (graph.ts, OPSET).
 */
import {
  LOCAL_DOMAIN,
  OPSET,
  sizeOf,
  type Attrs,
  type DType,
  type GraphInput,
  type Node,
  type StaticGraph,
  type Tensor,
  type Value,
  type ValueType,
} from "./graph";
import { DTYPE_CODE } from "./dtype";
import { inferNode } from "./infer";
import { f32, i64 } from "./tensor";

/** A value, or a number that becomes a float32 scalar constant. */
export type Operand = Value | number;

export interface NodeOptions {
  /** Base of the node's name and of its outputs' names; made unique. Default: the op's name. */
  name?: string;
  domain?: string;
  /** How many outputs to make; default 1. */
  outputs?: number;
  /** Exact output names, when values must keep the names a file gave them. */
  outputNames?: readonly string[];
  /** Output types given rather than inferred: composite ops of ours have no entry in the inference table. */
  types?: readonly ValueType[];
}

export class GraphBuilder {
  readonly #nodes: Node[] = [];
  readonly #constants = new Map<string, Tensor>();
  readonly #types = new Map<string, ValueType>();
  readonly #inputs: (GraphInput & Value)[] = [];
  readonly #nodeNames = new Set<string>();
  readonly #scalars = new Map<string, Value>();
  readonly #lastSuffix = new Map<string, number>();
  readonly #reserved = new Set<string>();
  readonly #reservedNodes = new Set<string>();

  /** Starts empty, or with everything that `base` holds. */
  constructor(base?: StaticGraph) {
    if (base) this.append(base);
  }

  /**
   * Takes over another graph's constants and nodes under their own names, which must be free, and its inputs,
   * except those that `bound` replaces by values of this graph.
   */
  append(graph: StaticGraph, bound: Readonly<Record<string, Value>> = {}): void {
    const isBound = (name: string) => Object.hasOwn(bound, name);
    this.#inputs.push(...graph.inputs.filter((v) => !isBound(v.name)));
    for (const [name, type] of graph.types) if (!isBound(name)) this.#declare(name, type);
    for (const [name, tensor] of graph.constants) this.#constants.set(name, tensor);
    for (const node of graph.nodes) {
      const inputs = node.inputs.map((name) => (isBound(name) ? bound[name]!.name : name));
      this.#nodes.push({ ...node, inputs });
      this.#nodeNames.add(node.name);
    }
  }

  /** Keeps names of values, and of nodes, free for a graph that will be appended or copied in later. */
  reserve(values: Iterable<string>, nodes: Iterable<string> = []): void {
    for (const name of values) this.#reserved.add(name);
    for (const name of nodes) this.#reservedNodes.add(name);
  }

  /** Nodes so far, in topological order. */
  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  /** The value called `name`. Throws when there is none. */
  value(name: string): Value {
    const type = this.#types.get(name);
    if (!type) throw new Error(`no value "${name}" in this graph`);
    return { name, ...type };
  }

  has(name: string): boolean {
    return this.#types.has(name);
  }

  /** The constant behind a value, or undefined when it is computed at run time. */
  constantOf(value: Value): Tensor | undefined {
    return this.#constants.get(value.name);
  }

  /** Declares a run-time input. */
  input(name: string, dtype: DType, shape: readonly number[]): Value {
    this.#declare(name, { dtype, shape });
    const value = { name, dtype, shape };
    this.#inputs.push(value);
    return value;
  }

  /** Adds a constant; `name` is made unique unless `exact`. */
  constant(tensor: Tensor, name = "const", exact = false): Value {
    const unique = exact ? name : this.#freeName(name);
    this.#declare(unique, tensor);
    this.#constants.set(unique, tensor);
    return { name: unique, dtype: tensor.dtype, shape: tensor.shape };
  }

  /** A float32 scalar, one node for each distinct number. */
  scalar(x: number): Value {
    return this.#shared(`f${Object.is(x, -0) ? "-0" : x}`, () => this.constant(f32(x), "scalar"));
  }

  /** A 1-D int64 constant: axes, shapes, indices. */
  ints(values: readonly number[]): Value {
    return this.#shared(`i${values.join()}`, () => this.constant(i64(values), "ints"));
  }

  /** Appends a node with one output. Throws OpError when its inputs do not fit. */
  node(op: string, inputs: readonly (Value | null)[], attrs: Attrs = {}, options: NodeOptions = {}): Value {
    return this.nodeOutputs(op, inputs, attrs, { ...options, outputs: 1 })[0]!;
  }

  /** Appends a node with several outputs. */
  nodeOutputs(op: string, inputs: readonly (Value | null)[], attrs: Attrs = {}, options: NodeOptions = {}): Value[] {
    const name = this.#freeNodeName(options.name ?? op);
    const count = options.outputNames?.length ?? options.outputs ?? 1;
    const outputs =
      options.outputNames ?? Array.from({ length: count }, (_, i) => this.#freeName(i === 0 ? name : `${name}.${i}`));
    const node: Node = {
      op,
      name,
      domain: options.domain ?? "",
      inputs: inputs.map((v) => v?.name ?? ""),
      outputs,
      attrs,
    };
    const types =
      options.types ??
      inferNode(
        node,
        inputs.map((v) => v ?? undefined),
        (i) => (inputs[i] ? this.#constants.get(inputs[i].name) : undefined),
      );
    this.#nodes.push(node);
    return outputs.map((output, i) => {
      const type = types[i];
      if (!type) throw new Error(`${op} "${name}": shape inference gave ${types.length} outputs, ${count} were asked for`);
      if (output) this.#declare(output, type);
      return { name: output, ...type };
    });
  }

  /** A composite op of ours with a float32 output of `shape`, to be lowered to ONNX ops before the graph is written. */
  local(op: string, inputs: readonly (Value | null)[], attrs: Attrs, shape: readonly number[]): Value {
    return this.node(op, inputs, attrs, { domain: LOCAL_DOMAIN, types: [{ dtype: "float32", shape }] });
  }

  // Elementwise, with numpy broadcasting. Multiplying by 1 or adding 0 appends nothing.
  add(a: Operand, b: Operand): Value {
    if (a === 0) return this.#operand(b);
    if (b === 0) return this.#operand(a);
    return this.#binary("Add", a, b);
  }
  sub(a: Operand, b: Operand): Value {
    return b === 0 ? this.#operand(a) : this.#binary("Sub", a, b);
  }
  mul(a: Operand, b: Operand): Value {
    if (a === 1) return this.#operand(b);
    if (b === 1) return this.#operand(a);
    return this.#binary("Mul", a, b);
  }
  div(a: Operand, b: Operand): Value {
    return b === 1 ? this.#operand(a) : this.#binary("Div", a, b);
  }
  pow(a: Value, exponent: number): Value {
    if (exponent === 1) return a;
    if (exponent === 2) return this.mul(a, a);
    if (exponent === 0.5) return this.sqrt(a);
    if (exponent === -1) return this.node("Reciprocal", [a]);
    return this.#binary("Pow", a, exponent);
  }
  greater(a: Operand, b: Operand): Value {
    return this.#binary("Greater", a, b);
  }
  less(a: Operand, b: Operand): Value {
    return this.#binary("Less", a, b);
  }
  equal(a: Operand, b: Operand): Value {
    return this.#binary("Equal", a, b);
  }
  and(a: Value, b: Value): Value {
    return this.node("And", [a, b]);
  }
  where(condition: Value, a: Operand, b: Operand): Value {
    return this.node("Where", [condition, this.#operand(a), this.#operand(b)]);
  }
  neg(a: Value): Value {
    return this.node("Neg", [a]);
  }
  sqrt(a: Value): Value {
    return this.node("Sqrt", [a]);
  }
  relu(a: Value): Value {
    return this.node("Relu", [a]);
  }
  sigmoid(a: Value): Value {
    return this.node("Sigmoid", [a]);
  }
  abs(a: Value): Value {
    return this.node("Abs", [a]);
  }
  exp(a: Value): Value {
    return this.node("Exp", [a]);
  }
  cast(a: Value, to: DType): Value {
    return a.dtype === to ? a : this.node("Cast", [a], { to: DTYPE_CODE[to] });
  }

  // Shapes. Each returns its operand when there is nothing to do.
  reshape(a: Value, shape: readonly number[]): Value {
    if (sameShape(a.shape, shape)) return a;
    if (sizeOf(a.shape) !== sizeOf(shape))
      throw new Error(`reshape of "${a.name}": [${a.shape}] has ${sizeOf(a.shape)} elements, [${shape}] has ${sizeOf(shape)}`);
    return this.node("Reshape", [a, this.ints(shape)]);
  }
  transpose(a: Value, perm: readonly number[]): Value {
    return perm.every((p, i) => p === i) ? a : this.node("Transpose", [a], { perm });
  }
  /** Broadcasts to `shape`. */
  expand(a: Value, shape: readonly number[]): Value {
    return sameShape(a.shape, shape) ? a : this.node("Expand", [a, this.ints(shape)]);
  }
  concat(parts: readonly Value[], axis: number): Value {
    return parts.length === 1 ? parts[0]! : this.node("Concat", parts, { axis });
  }
  /** Half-open ranges along `axes`; steps default to 1. */
  slice(a: Value, starts: readonly number[], ends: readonly number[], axes: readonly number[], steps?: readonly number[]): Value {
    return this.node("Slice", [a, this.ints(starts), this.ints(ends), this.ints(axes), steps ? this.ints(steps) : null]);
  }
  /** `pads` as ONNX has them: all begins, then all ends; negative ones crop. */
  pad(a: Value, pads: readonly number[], value = 0): Value {
    return pads.every((p) => p === 0) ? a : this.node("Pad", [a, this.ints(pads), this.scalar(value)], { mode: "constant" });
  }

  // Reductions, over `axes`; none named means all.
  reduceSum(a: Value, axes: readonly number[], keepdims = true): Value {
    return this.#reduce("ReduceSum", a, axes, keepdims);
  }
  reduceMean(a: Value, axes: readonly number[], keepdims = true): Value {
    return this.#reduce("ReduceMean", a, axes, keepdims);
  }
  reduceMax(a: Value, axes: readonly number[], keepdims = true): Value {
    return this.#reduce("ReduceMax", a, axes, keepdims);
  }

  matmul(a: Value, b: Value): Value {
    return this.node("MatMul", [a, b]);
  }
  conv(x: Value, w: Value, bias: Value | null, attrs: Attrs): Value {
    return this.node("Conv", bias ? [x, w, bias] : [x, w], attrs);
  }
  convTranspose(x: Value, w: Value, attrs: Attrs): Value {
    return this.node("ConvTranspose", [x, w], attrs);
  }

  /** The graph of everything that `outputs` need; inputs that nothing uses stay unless `dropUnusedInputs`. */
  build(name: string, outputs: readonly Value[], options: { dropUnusedInputs?: boolean } = {}): StaticGraph {
    const needed = new Set(outputs.map((v) => v.name));
    const kept: Node[] = [];
    for (let i = this.#nodes.length - 1; i >= 0; i--) {
      const node = this.#nodes[i]!;
      if (!node.outputs.some((o) => o && needed.has(o))) continue;
      kept.push(node);
      for (const input of node.inputs) if (input) needed.add(input);
    }
    kept.reverse();
    const inputs = options.dropUnusedInputs ? this.#inputs.filter((v) => needed.has(v.name)) : this.#inputs;
    const constants = new Map([...this.#constants].filter(([key]) => needed.has(key)));
    const alive = new Set([...needed, ...inputs.map((v) => v.name), ...kept.flatMap((n) => n.outputs)]);
    const types = new Map([...this.#types].filter(([key]) => alive.has(key)));
    return { name, opset: OPSET, inputs: [...inputs], outputs: outputs.map((v) => v.name), nodes: kept, constants, types };
  }

  #binary(op: string, a: Operand, b: Operand): Value {
    return this.node(op, [this.#operand(a), this.#operand(b)]);
  }

  #operand(x: Operand): Value {
    return typeof x === "number" ? this.scalar(x) : x;
  }

  #reduce(op: string, a: Value, axes: readonly number[], keepdims: boolean): Value {
    const all = axes.length ? axes : a.shape.map((_, i) => i);
    return this.node(op, [a, this.ints(all)], { keepdims: keepdims ? 1 : 0 });
  }

  #shared(key: string, make: () => Value): Value {
    const known = this.#scalars.get(key);
    if (known) return known;
    const made = make();
    this.#scalars.set(key, made);
    return made;
  }

  #declare(name: string, { dtype, shape }: ValueType): void {
    if (this.#types.has(name)) throw new Error(`value "${name}" is defined twice`);
    this.#types.set(name, { dtype, shape });
  }

  #freeName(base: string): string {
    return this.#numbered(base, "value", (name) => this.#types.has(name) || this.#reserved.has(name));
  }

  #freeNodeName(base: string): string {
    const name = this.#numbered(base, "node", (name) => this.#nodeNames.has(name) || this.#reservedNodes.has(name));
    this.#nodeNames.add(name);
    return name;
  }

  /** `base`, or base_1, base_2, ...: the first not taken. Remembers where it stopped, so n names cost O(n). */
  #numbered(base: string, kind: "value" | "node", taken: (name: string) => boolean): string {
    if (!taken(base)) return base;
    const key = `${kind} ${base}`;
    let i = (this.#lastSuffix.get(key) ?? 0) + 1;
    while (taken(`${base}_${i}`)) i++;
    this.#lastSuffix.set(key, i);
    return `${base}_${i}`;
  }
}

const sameShape = (a: readonly number[], b: readonly number[]) => a.length === b.length && a.every((d, i) => d === b[i]);
