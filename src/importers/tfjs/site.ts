/**
 * One TensorFlow operator or Keras layer while it becomes ONNX nodes, and how NHWC turns into NCHW.
 *
 * The one convention: a run-time value of four axes is stored as NCHW, any other as TensorFlow has it. Rules speak of
 * TensorFlow's axes and shapes; the methods here translate, so no Transpose is needed as long as a value keeps four axes.
 */
import type { GraphBuilder } from "../../onnx/builder";
import { OpError, sizeOf, type Attrs, type Node, type Tensor, type Value } from "../../onnx/graph";
import { computed, f32, numbers, transposed } from "../../onnx/tensor";
import type { TfNode } from "./graphDef";

/** How the four axes of a picture lie: `stored` lists the model's own axes in stored order, `own` the stored ones in the model's. */
export interface AxisOrder {
  readonly stored: readonly number[];
  readonly own: readonly number[];
}
export const CHANNELS_LAST: AxisOrder = { stored: [0, 3, 1, 2], own: [0, 2, 3, 1] };
export const CHANNELS_FIRST: AxisOrder = { stored: [0, 1, 2, 3], own: [0, 1, 2, 3] };

/** A constant beyond this, made from a few numbers of the file, is a mistake or an attack. */
export const MAX_FILL = 2 ** 22;
/** Constants of fewer elements are held anew wherever they are used: it costs nothing. */
const SMALL = 256;
const LONGEST_MESSAGE = 600;

/** What a builder holds already. */
const heldBy = new WeakMap<GraphBuilder, WeakMap<Tensor, Value>>();
/** What was made of a constant, so that a weight which many nodes share is turned and held once. */
const made = new WeakMap<Tensor, Map<string, Tensor>>();

function once(tensor: Tensor, key: string, make: () => Tensor): Tensor {
  const known = made.get(tensor) ?? new Map<string, Tensor>();
  made.set(tensor, known);
  const result = known.get(key) ?? make();
  known.set(key, result);
  return result;
}

/** A constant with its axes permuted; like all large ones it is computed when it is read. */
export const turned = (tensor: Tensor, perm: readonly number[]): Tensor =>
  once(tensor, `turned ${perm.join()}`, () => transposed(tensor, perm));

/** The same numbers in another shape. */
export const shaped = (tensor: Tensor, shape: readonly number[]): Tensor =>
  shape.join() === tensor.shape.join()
    ? tensor
    : once(tensor, `shaped ${shape.join()}`, () => computed(tensor.dtype, shape, () => tensor.data));

export class Site {
  constructor(
    readonly b: GraphBuilder,
    readonly node: Pick<Node, "op" | "name">,
    readonly order: AxisOrder,
  ) {}

  fail(message: string): never {
    const cut = message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE)}...` : message;
    throw new OpError(this.node, cut);
  }

  /** Where the model's axis lies in the stored value. */
  storedAxis(axis: number, rank: number): number {
    return rank === 4 ? this.order.own[axis]! : axis;
  }
  /** A list per axis of the model's as a list per stored axis, and back. */
  storedOrder<T>(list: readonly T[]): T[] {
    return list.length === 4 ? this.order.stored.map((i) => list[i]!) : [...list];
  }
  ownOrder<T>(list: readonly T[]): T[] {
    return list.length === 4 ? this.order.own.map((i) => list[i]!) : [...list];
  }

  /** A constant in the model's order of axes, as it is stored. */
  stored(constant: Tensor): Tensor {
    return constant.shape.length === 4 ? turned(constant, this.order.stored) : constant;
  }

  /** An axis of `rank` axes, negative ones counted from the end. */
  axisOf(axis: number, rank: number): number {
    const at = axis < 0 ? axis + rank : axis;
    return Number.isInteger(at) && at >= 0 && at < rank ? at : this.fail(`axis ${axis} of an input of ${rank} axes.`);
  }

  /** The node's last ONNX node: its value is called as the node is. */
  last(op: string, inputs: readonly (Value | null)[], attrs: Attrs = {}): Value {
    return this.b.node(op, inputs, attrs, { name: this.node.name, outputNames: [this.node.name] });
  }

  /** An ONNX node on the way; its value is called `node~step`. */
  step(step: string, op: string, inputs: readonly (Value | null)[], attrs: Attrs = {}): Value {
    return this.b.node(op, inputs, attrs, { name: `${this.node.name}~${step}` });
  }

  /** The last ONNX node where its result, of `rank` axes, has them in the model's own order: four are then turned. */
  lastInOwnOrder(rank: number, op: string, inputs: readonly (Value | null)[], attrs: Attrs = {}): Value {
    if (rank !== 4 || this.order === CHANNELS_FIRST) return this.last(op, inputs, attrs);
    return this.last("Transpose", [this.step("nhwc", op, inputs, attrs)], { perm: this.order.stored });
  }

  /** The same place under the name of a step: what `last` makes there is on the way here. */
  at(step: string): Site {
    return new Site(this.b, { op: this.node.op, name: `${this.node.name}~${step}` }, this.order);
  }

  /** A constant; one that is there already, unless it is small, is not held twice. */
  hold(tensor: Tensor, name: string): Value {
    if (sizeOf(tensor.shape) < SMALL) return this.b.constant(tensor, name);
    const held = heldBy.get(this.b) ?? new WeakMap<Tensor, Value>();
    heldBy.set(this.b, held);
    const value = held.get(tensor) ?? this.b.constant(tensor, name);
    held.set(tensor, value);
    return value;
  }

  /** A constant of one number, which a shape repeats. */
  filled(value: number, shape: readonly number[]): Tensor {
    if (sizeOf(shape) > MAX_FILL)
      this.fail(`[${shape}] would have ${sizeOf(shape)} elements, more than ${MAX_FILL}. Cut the model before this node.`);
    return f32(value, shape);
  }

  /** `value` in the model's own order of axes: a Transpose only where H x W is more than one position. */
  inOwnOrder(value: Value): Value {
    const moves = this.order !== CHANNELS_FIRST && value.shape.length === 4;
    if (!moves || sizeOf(value.shape.slice(2)) === 1 || value.shape[1] === 1) return value;
    return this.step("nhwc", "Transpose", [value], { perm: this.order.own });
  }

  /**
   * `value`, whose elements lie in the model's order, in the model's `shape`, stored. Leading sizes that stay are copied
   * (0), and the first that does not is left open (-1): so the batch stays open, and the picture's size where it can.
   */
  reshaped(value: Value, shape: readonly number[]): Value {
    const to = (wanted: readonly number[]): Value => {
      const changed = wanted.findIndex((d, k) => d !== value.shape[k]);
      const kept = wanted.map((d, k) => (changed === -1 || k < changed ? 0 : d));
      return this.b.ints(changed === -1 ? kept : kept.with(changed, -1));
    };
    if (shape.length !== 4 || this.order === CHANNELS_FIRST) return this.last("Reshape", [value, to(shape)]);
    const [batch, height, width, channels] = shape;
    if (height! * width! === 1 || channels === 1) return this.last("Reshape", [value, to([batch!, channels!, height!, width!])]);
    const nhwc = this.step("nhwc", "Reshape", [value, to(shape)]);
    return this.last("Transpose", [nhwc], { perm: this.order.stored });
  }
}

/** A run-time value (stored as the convention says) or a constant (in TensorFlow's layout). */
export type Operand = { value: Value } | { constant: Tensor; name: string };

/** What a TensorFlow op becomes: its output, or its outputs. */
export type TfRule = (s: TfSite) => Value | Value[];

/** A node of a TF.js graph model: its operands and attributes. */
export class TfSite extends Site {
  declare readonly node: TfNode;

  constructor(
    b: GraphBuilder,
    node: TfNode,
    readonly operands: readonly (Operand | undefined)[],
    /** The sites of the nodes before this one, by name. */
    readonly sites: ReadonlyMap<string, TfSite> = new Map(),
  ) {
    super(b, node, CHANNELS_LAST);
  }

  /** The site of the node that makes input `i`, unless that is a constant or an input of the model. */
  maker(i: number): TfSite | undefined {
    const input = this.node.inputs[i];
    return input && input.output === 0 ? this.sites.get(input.node) : undefined;
  }

  /** What output `i` is called: the first as the node is. */
  outputName(i: number): string {
    return i ? `${this.node.name}:${i}` : this.node.name;
  }

  /** The same place, where `last` makes output `i`. */
  output(i: number): TfSite {
    return new TfSite(this.b, { ...this.node, name: this.outputName(i) }, this.operands, this.sites);
  }

  operand(i: number): Operand {
    return this.operands[i] ?? this.fail(`input ${i} is missing. The file contradicts itself; convert it again.`);
  }

  /** Input `i` as a run-time value; a constant becomes one in stored order. */
  value(i: number): Value {
    const operand = this.operand(i);
    return "value" in operand ? operand.value : this.hold(this.stored(operand.constant), operand.name);
  }

  /** Input `i`'s constant, in TensorFlow's layout. */
  constant(i: number, what: string): Tensor {
    const operand = this.operand(i);
    if ("constant" in operand) return operand.constant;
    return this.fail(
      `${what} (input ${i}) is computed while it runs, but must be a constant here. Cut the model before this node.`,
    );
  }

  ints(i: number, what: string): number[] {
    return numbers(this.constant(i, what));
  }

  /** A constant of one number. */
  int(i: number, what: string): number {
    const list = this.ints(i, what);
    return list.length === 1 ? list[0]! : this.fail(`${what} has ${list.length} numbers; one is expected.`);
  }

  /** The name that input `i`'s constant has in the file. */
  constantName(i: number): string {
    const operand = this.operand(i);
    return "constant" in operand ? operand.name : operand.value.name;
  }

  /** TensorFlow's shape of input `i`. */
  shape(i: number): number[] {
    const operand = this.operand(i);
    return "value" in operand ? this.ownOrder(operand.value.shape) : [...operand.constant.shape];
  }

  rank(i: number): number {
    return this.shape(i).length;
  }

  /** An axis of input `i`, negative ones counted from the end. */
  axis(i: number, axis: number): number {
    return this.axisOf(axis, this.rank(i));
  }
}
