/**
 * One TensorFlow node while it becomes ONNX nodes: its operands, its attributes, and how NHWC turns into NCHW.
 *
 * The one convention: a run-time value of four axes is stored as NCHW, any other as TensorFlow has it. Rules speak of
 * TensorFlow's axes and shapes; the methods here translate, so no Transpose is needed as long as a value keeps four axes.
 */
import type { GraphBuilder } from "../../onnx/builder";
import { OpError, sizeOf, type Attrs, type Tensor, type Value } from "../../onnx/graph";
import { numbers, transposed } from "../../onnx/tensor";
import type { TfNode } from "./modelJson";

/** A run-time value (stored as the convention says) or a constant (in TensorFlow's layout). */
export type Operand = { value: Value } | { constant: Tensor; name: string };

export type TfRule = (s: TfSite) => Value;

/** NCHW's axes in terms of NHWC's, and back. */
export const TO_NCHW = [0, 3, 1, 2];
export const TO_NHWC = [0, 2, 3, 1];

/** Where TensorFlow's axis lies in the stored value. */
export const storedAxis = (axis: number, rank: number): number => (rank === 4 ? TO_NHWC[axis]! : axis);
/** A list per TensorFlow axis as a list per stored axis. */
export const storedOrder = <T>(list: readonly T[]): T[] => (list.length === 4 ? TO_NCHW.map((i) => list[i]!) : [...list]);
const tfOrder = <T>(list: readonly T[]): T[] => (list.length === 4 ? TO_NHWC.map((i) => list[i]!) : [...list]);

export class TfSite {
  constructor(
    readonly b: GraphBuilder,
    readonly node: TfNode,
    readonly operands: readonly (Operand | undefined)[],
  ) {}

  fail(message: string): never {
    throw new OpError(this.node, message);
  }

  operand(i: number): Operand {
    return this.operands[i] ?? this.fail(`input ${i} is missing. The file contradicts itself; convert it again.`);
  }

  /** Input `i` as a run-time value; a constant becomes one in stored order. */
  value(i: number): Value {
    const operand = this.operand(i);
    if ("value" in operand) return operand.value;
    const { constant } = operand;
    return this.hold(constant.shape.length === 4 ? transposed(constant, TO_NCHW) : constant, operand.name);
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

  /** The name that input `i`'s constant has in the file. */
  constantName(i: number): string {
    const operand = this.operand(i);
    return "constant" in operand ? operand.name : operand.value.name;
  }

  /** TensorFlow's shape of input `i`. */
  shape(i: number): number[] {
    const operand = this.operand(i);
    return "value" in operand ? tfOrder(operand.value.shape) : [...operand.constant.shape];
  }

  rank(i: number): number {
    return this.shape(i).length;
  }

  /** An axis of input `i`, negative ones counted from the end. */
  axis(i: number, axis: number): number {
    const rank = this.rank(i);
    const at = axis < 0 ? axis + rank : axis;
    return Number.isInteger(at) && at >= 0 && at < rank ? at : this.fail(`axis ${axis} of an input of ${rank} axes.`);
  }

  /** The node's last ONNX node: its value is called as the TensorFlow node is. */
  last(op: string, inputs: readonly (Value | null)[], attrs: Attrs = {}): Value {
    return this.b.node(op, inputs, attrs, { name: this.node.name, outputNames: [this.node.name] });
  }

  /** An ONNX node on the way; its value is called `node~step`. */
  step(step: string, op: string, inputs: readonly (Value | null)[], attrs: Attrs = {}): Value {
    return this.b.node(op, inputs, attrs, { name: `${this.node.name}~${step}` });
  }

  hold(tensor: Tensor, name: string): Value {
    return this.b.constant(tensor, name);
  }

  /** Input `i` in TensorFlow's own order of axes: a Transpose only where H x W is more than one position. */
  inTfOrder(i: number): Value {
    const value = this.value(i);
    if (value.shape.length !== 4 || sizeOf(value.shape.slice(2)) === 1 || value.shape[1] === 1) return value;
    return this.step("nhwc", "Transpose", [value], { perm: TO_NHWC });
  }

  /**
   * `value`, whose elements lie in TensorFlow's order, in TensorFlow's `shape`, stored. Leading sizes that stay are copied
   * (0), and the one size that does not is left open (-1): so the batch stays open, and the picture's size where it can.
   */
  reshaped(value: Value, shape: readonly number[]): Value {
    const to = (wanted: readonly number[]): Value => {
      const changed = wanted.findIndex((d, k) => d !== value.shape[k]);
      const kept = wanted.map((d, k) => (changed === -1 || k < changed ? 0 : d));
      return this.b.ints(changed === wanted.length - 1 ? kept.with(-1, -1) : kept);
    };
    const [batch, height, width, channels] = shape;
    if (shape.length !== 4) return this.last("Reshape", [value, to(shape)]);
    if (height! * width! === 1 || channels === 1) return this.last("Reshape", [value, to([batch!, channels!, height!, width!])]);
    const nhwc = this.step("nhwc", "Reshape", [value, to(shape)]);
    return this.last("Transpose", [nhwc], { perm: TO_NCHW });
  }
}
