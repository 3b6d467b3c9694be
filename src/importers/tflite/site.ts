/**
 * One TensorFlow Lite operator while it becomes ONNX nodes. TensorFlow's own rules (../tfjs) do the ops that the two share, so this
 * is their site, with what differs: constants may be quantised, options lie in a table, activations are fused into any op.
 *
 * What was quantised is computed in real numbers: the fake quantisation of activations is dropped, clamps that a file names as fused
 * activations are kept.
 */
import type { GraphBuilder } from "../../onnx/builder";
import type { Attrs, Value } from "../../onnx/graph";
import { numbers, transposed } from "../../onnx/tensor";
import { CHANNELS_LAST, TfSite } from "../tfjs/site";
import { tfRules } from "../tfjs/rules";
import type { TfliteOperator, TfliteTensor } from "./read";
import { ActivationFunctionType, type BuiltinOptions } from "./schema/tflite_generated";
import { hold, real, type TfliteConstant } from "./weights";

export type TfliteOperand = { value: Value } | TfliteConstant;

/** Any of the schema's tables of options. */
interface OptionsTable {
  bb_pos: number;
}

/** A result that is known already. */
export type Known = Omit<TfliteConstant, "name">;

/** What a rule makes: a value for each output, or a constant. */
export type TfliteRule = (s: TfliteSite) => Value | readonly Value[] | Known;

/** What the sites of one import share: constants that are in the graph already, by their order of axes and tensor. */
export type HeldConstants = Map<string, Value>;

const identity = (rank: number) => Array.from({ length: rank }, (_, i) => i);

export class TfliteSite extends TfSite {
  declare readonly operands: readonly (TfliteOperand | undefined)[];

  constructor(
    b: GraphBuilder,
    readonly operator: TfliteOperator,
    operands: readonly (TfliteOperand | undefined)[],
    readonly outputs: readonly TfliteTensor[],
    readonly held: HeldConstants,
    attrs: Readonly<Record<string, unknown>> = {},
  ) {
    super(b, { op: operator.op, name: outputs[0]!.name, inputs: [], attrs }, operands);
  }

  /** TensorFlow's rule for the op that means the same, with its attributes in GraphDef's JSON; operands may be replaced. */
  asTensorFlow(op: string, attrs: Readonly<Record<string, unknown>> = {}, operands = this.operands): Value {
    const made = tfRules[op]!(new TfliteSite(this.b, this.operator, operands, this.outputs, this.held, attrs));
    return Array.isArray(made) ? made[0]! : made;
  }

  has(i: number): boolean {
    return this.operands[i] !== undefined;
  }

  override operand(i: number): TfliteOperand {
    return this.operands[i] ?? this.fail(`input ${i} is missing. The file contradicts itself; convert it again.`);
  }

  override value(i: number): Value {
    const operand = this.operand(i);
    if ("value" in operand) return operand.value;
    return this.weight(i, operand.constant.shape.length === 4 ? CHANNELS_LAST.stored : identity(operand.constant.shape.length));
  }

  /** Input `i`, which must be a constant, as a float32 value with its axes permuted. */
  weight(i: number, perm: readonly number[]): Value {
    this.constant(i, "the weight");
    const operand = this.operand(i) as TfliteConstant;
    const key = `${perm.join()} ${operand.name}`;
    const made = this.held.get(key) ?? hold(this.b, operand, perm);
    this.held.set(key, made);
    return made;
  }

  /** The real numbers of input `i`, which must be a constant. */
  reals(i: number, what: string): number[] {
    this.constant(i, what);
    return numbers(real(this.operand(i) as TfliteConstant));
  }

  /** Input `i` broadcast-ready against a value of `rank` axes: TensorFlow lines axes up from the last, which is the channel. */
  aligned(i: number, rank: number): Value {
    const shape = this.shape(i);
    if (rank !== 4 || shape.length === 4 || shape.length === 0) return this.value(i);
    const full = [...Array.from({ length: 4 - shape.length }, () => 1), ...shape];
    const operand = this.operand(i);
    if ("constant" in operand) {
      const nhwc = { ...real(operand), shape: full };
      return this.b.constant(transposed(nhwc, this.order.stored), operand.name);
    }
    const nhwc = this.step(`input${i}`, "Reshape", [operand.value, this.b.ints(full)]);
    return this.step(`input${i}_nchw`, "Transpose", [nhwc], { perm: this.order.stored });
  }

  /** The operator's options, or null where the file gives none of this kind. */
  optionsIf<T extends OptionsTable>(type: BuiltinOptions, table: T): T | null {
    const { table: operator } = this.operator;
    return operator.builtinOptionsType() === type ? (operator.builtinOptions(table) as T | null) : null;
  }

  options<T extends OptionsTable>(type: BuiltinOptions, table: T): T {
    return this.optionsIf(type, table) ?? this.fail("its options are missing. The file is damaged; convert it again.");
  }

  /** A stride, dilation or kernel size. */
  positive(what: string, ...sizes: number[]): number[] {
    if (sizes.some((size) => size < 1 || size > 2 ** 16))
      this.fail(`${what} [${sizes}] must be 1 or more. The file is damaged; convert it again.`);
    return sizes;
  }

  /** The operator's last node, and the activation that is fused into it. */
  fused(activation: ActivationFunctionType, op: string, inputs: readonly (Value | null)[], attrs: Attrs = {}): Value {
    if (activation === ActivationFunctionType.NONE) return this.last(op, inputs, attrs);
    return this.activate(activation, this.step("linear", op, inputs, attrs));
  }

  /** A fused activation: as the operator's last node, or as `step` on the way. */
  activate(activation: ActivationFunctionType, x: Value, step?: string): Value {
    switch (activation) {
      case ActivationFunctionType.RELU:
        return this.#end(step, "Relu", [x]);
      case ActivationFunctionType.RELU6:
        return this.clip(x, 0, 6, step);
      case ActivationFunctionType.RELU_N1_TO_1:
        return this.clip(x, -1, 1, step);
      case ActivationFunctionType.TANH:
        return this.#end(step, "Tanh", [x]);
      case ActivationFunctionType.NONE:
        return x;
      default:
        return this.fail(
          `its fused activation ${(ActivationFunctionType[activation] as string | undefined) ?? activation} is not supported. Cut the model before it.`,
        );
    }
  }

  clip(x: Value, low: number, high: number, step?: string): Value {
    return this.#end(step, "Clip", [x, this.b.scalar(low), this.b.scalar(high)]);
  }

  #end(step: string | undefined, op: string, inputs: readonly Value[]): Value {
    return step === undefined ? this.last(op, inputs) : this.step(step, op, inputs);
  }
}
