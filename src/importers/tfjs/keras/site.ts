/** One Keras layer while it becomes ONNX nodes: its inputs, its config and its weights. */
import type { GraphBuilder } from "../../../onnx/builder";
import type { Tensor, Value } from "../../../onnx/graph";
import { SAME, VALID, type Activation, type Window } from "../emit";
import { isList, isObject, isText, kindOf } from "../modelJson";
import { CHANNELS_FIRST, Site, type AxisOrder } from "../site";
import type { KerasNode } from "./network";
import type { KerasWeights, NamedTensor } from "./weights";

/** Who wrote the file: some layers mean different things to each, and what a network was trained as is what counts. */
export type Writer = "tfjs" | "keras2" | "keras3";

export type KerasRule = (s: KerasSite) => Value;

/** Keras's activations by our names (emit.ts); TF.js writes them with underscores too. */
const activations: Readonly<Record<string, Activation>> = {
  linear: { name: "Linear" },
  relu: { name: "Relu" },
  relu6: { name: "Relu6" },
  elu: { name: "Elu" },
  selu: { name: "Selu" },
  sigmoid: { name: "Sigmoid" },
  softplus: { name: "Softplus" },
  softsign: { name: "Softsign" },
  tanh: { name: "Tanh" },
  softmax: { name: "Softmax" },
  log_softmax: { name: "LogSoftmax" },
  gelu: { name: "Gelu" },
  gelu_new: { name: "GeluTanh" },
  mish: { name: "Mish" },
  swish: { name: "Swish" },
  silu: { name: "Swish" },
  hard_swish: { name: "HardSwish" },
  hard_silu: { name: "HardSwish" },
  exponential: { name: "Exp" },
  leaky_relu: { name: "LeakyRelu", alpha: 0.2 },
};

export class KerasSite extends Site {
  constructor(
    b: GraphBuilder,
    override readonly node: KerasNode,
    order: AxisOrder,
    readonly inputs: readonly Value[],
    readonly weights: KerasWeights,
    readonly writer: Writer,
  ) {
    super(b, node, order);
  }

  /** The one input of a layer that takes one. */
  get x(): Value {
    const [x] = this.inputs;
    if (!x || this.inputs.length > 1)
      this.fail(`it has ${this.inputs.length} inputs; one is expected. The file contradicts itself.`);
    return x!;
  }

  /** The one input, as a picture. */
  get picture(): Value {
    const { x } = this;
    return x.shape.length === 4 ? x : this.fail(`its input has the shape [${this.shape}]; four axes are expected.`);
  }

  /** The one input's shape in Keras's order. */
  get shape(): number[] {
    return this.ownOrder(this.x.shape);
  }

  get rank(): number {
    return this.x.shape.length;
  }

  /** Config entries. What is null or absent is the fallback. */
  number(key: string, fallback: number): number {
    const value = this.node.config[key] ?? fallback;
    return typeof value === "number" && Number.isFinite(value)
      ? value
      : this.fail(`its ${key} is ${kindOf(value)}, not a number.`);
  }
  /** A size, stride or count. */
  count(key: string, fallback?: number): number {
    const value = this.node.config[key] ?? fallback;
    return this.#counted(key, value);
  }
  flag(key: string, fallback: boolean): boolean {
    const value = this.node.config[key] ?? fallback;
    return typeof value === "boolean" ? value : this.fail(`its ${key} is ${kindOf(value)}, not true or false.`);
  }
  text(key: string, fallback: string): string {
    const value = this.node.config[key] ?? fallback;
    return isText(value) ? value : this.fail(`its ${key} is ${kindOf(value)}, not a text.`);
  }
  /** A list, flattened; `open` stands for what is null in it. */
  numbers(key: string, open?: number): number[] | undefined {
    const value = this.node.config[key];
    if (value === undefined || value === null) return undefined;
    const list = (isList(value) ? value.flat(8) : [value]) as unknown[];
    return list.map((n) => {
      const there = n ?? open;
      return typeof there === "number" && Number.isFinite(there)
        ? there
        : this.fail(`its ${key} holds ${kindOf(n)}, not numbers.`);
    });
  }
  /** Rows and columns; one number stands for both. */
  pair(key: string, fallback?: readonly [number, number]): [number, number] {
    const list = this.numbers(key) ?? (fallback ? [...fallback] : this.fail(`its ${key} is missing. The file is damaged.`));
    if (list.length > 2 || !list.length)
      this.fail(`its ${key} [${list}] has ${list.length} numbers; rows and columns are expected.`);
    return [this.#counted(key, list[0]), this.#counted(key, list.at(-1))];
  }
  /** What is put around or cut off rows and columns, as [begin, end] of each; fewer numbers stand for more. */
  borders(key: string): [[number, number], [number, number]] {
    const list = this.numbers(key) ?? [1];
    if (list.some((n) => !Number.isInteger(n) || n < 0))
      this.fail(`its ${key} [${list}] must be 0 or more. The file is damaged.`);
    const [a, b = a, c, d] = list as [number, number, number, number];
    if (list.length === 4) return [[a, b], [c, d]]; // prettier-ignore
    if (list.length > 2) this.fail(`its ${key} [${list}] has ${list.length} numbers; 1, 2 or 4 are expected.`);
    return [[a, a], [b, b]]; // prettier-ignore
  }
  /** Axes of Keras's order, of the one input. */
  axes(key: string, fallback: number): number[] {
    return (this.numbers(key) ?? [fallback]).map((axis) => this.axisOf(axis, this.rank));
  }

  /** The activation that an entry of the config names. */
  activation(key = "activation"): Activation {
    const value = this.node.config[key] ?? "linear";
    const named = isObject(value) ? (isText(value.config) ? value.config : value.class_name) : value;
    const name = isText(named) ? named : "";
    if (name === "hard_sigmoid") return { name: "HardSigmoid", alpha: this.writer === "keras3" ? 1 / 6 : 0.2 };
    const known = Object.hasOwn(activations, name) ? activations[name] : undefined;
    return (
      known ?? this.fail(`the activation "${name}" is not supported. Save the model without it, or cut it before this layer.`)
    );
  }

  /** Strides, dilations and padding of a window. */
  window(strides: [number, number] = this.pair("strides", [1, 1])): Window {
    const mode = this.text("padding", "valid");
    if (mode !== "same" && mode !== "valid") this.fail(`padding "${mode}" is not supported, only same and valid.`);
    return { strides, dilations: this.pair("dilation_rate", [1, 1]), padding: mode === "same" ? SAME : VALID };
  }

  get channelsFirst(): boolean {
    return this.order === CHANNELS_FIRST;
  }

  /** A weight by its name, or its place among the layer's; its shape must be `shape` (null: any size). */
  weight(key: string | readonly string[], index: number, shape: readonly (number | null)[]): NamedTensor {
    const keys = isText(key) ? [key] : key;
    const found = this.weights.find(this.node.path, keys, index);
    if (!found)
      return this.fail(
        `its weight "${[...this.node.path, keys[0]].join("/")}" is not among those of the manifest. The file contradicts itself; save it again.`,
      );
    const { tensor } = found;
    const fits = tensor.shape.length === shape.length && shape.every((size, i) => size === null || size === tensor.shape[i]);
    if (!fits || tensor.dtype !== "float32" || tensor.shape.includes(0))
      this.fail(
        `its weight "${found.name}" is ${tensor.dtype} [${tensor.shape}]; float32 [${shape.map((d) => d ?? "any")}] is expected. The file contradicts itself.`,
      );
    return found;
  }

  /** The bias over `channels`, or null where the layer has none. */
  bias(index: number, channels: number): Value | null {
    return this.flag("use_bias", true) ? this.held(this.weight("bias", index, [channels])) : null;
  }

  held({ name, tensor }: { name: string; tensor: Tensor }): Value {
    return this.hold(tensor, name);
  }

  #counted(key: string, value: unknown): number {
    return typeof value === "number" && Number.isInteger(value) && value > 0 && value < 2 ** 31
      ? value
      : this.fail(`its ${key} is ${typeof value === "number" ? value : kindOf(value)}; a count of 1 or more is expected.`);
  }
}
