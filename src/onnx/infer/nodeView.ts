/** What an inference rule sees of its node: typed inputs and attributes, and errors that name the node. */
import { OpError, sizeOf, type Node, type Tensor, type ValueType } from "../graph";
import { numbers } from "../tensor";

/** Output types of a node; rules may give more than the node uses. */
export type InferRule = (view: NodeView) => ValueType[];
export type InferTable = Readonly<Record<string, InferRule>>;

export const CONTRADICTION = "The file contradicts itself; export it again.";

/** No shape, list of axes or of splits has more. */
const MOST_NUMBERS = 65536;

export class NodeView<T extends ValueType = ValueType> {
  constructor(
    readonly node: Node,
    readonly inputs: readonly (T | undefined)[],
    private readonly constantOf: (index: number) => Tensor | undefined,
  ) {}

  fail(message: string): never {
    throw new OpError(this.node, message);
  }

  /** Type of input `i`. Throws OpError when it is absent. */
  input(i: number): T {
    return this.inputs[i] ?? this.fail(`input ${i} is missing. ${CONTRADICTION}`);
  }

  /** Value of input `i`, or undefined when it is absent or known only at run time. */
  constant(i: number): Tensor | undefined {
    return this.constantOf(i);
  }

  /** Input `i` as whole numbers. Undefined when absent; throws OpError when it is not a constant, or one of other numbers. */
  optionalInts(i: number, what: string): number[] | undefined {
    const list = this.optionalNumbers(i, what);
    const broken = list?.find((x) => !Number.isInteger(x));
    if (broken !== undefined) this.fail(`input ${i} (${what}) holds ${broken}, but whole numbers are meant. ${CONTRADICTION}`);
    return list;
  }

  /** Input `i` as numbers, few of them. Undefined when absent; throws OpError when it is not a constant. */
  optionalNumbers(i: number, what: string): number[] | undefined {
    if (!this.inputs[i]) return undefined;
    const tensor = this.constantOf(i);
    if (!tensor) this.fail(`input ${i} (${what}) must be known beforehand, but is computed while the model runs.`);
    const count = sizeOf(tensor.shape);
    if (count > MOST_NUMBERS) this.fail(`input ${i} (${what}) has ${count} elements. ${CONTRADICTION}`);
    return numbers(tensor);
  }

  intsInput(i: number, what: string): number[] {
    return this.optionalInts(i, what) ?? this.fail(`input ${i} (${what}) is missing. ${CONTRADICTION}`);
  }

  int(name: string, fallback: number): number {
    const attr = this.node.attrs[name];
    return typeof attr === "number" ? attr : fallback;
  }

  ints(name: string): readonly number[] | undefined {
    const attr = this.node.attrs[name];
    return Array.isArray(attr) && attr.every((x) => typeof x === "number") ? (attr as readonly number[]) : undefined;
  }

  text(name: string, fallback: string): string {
    const attr = this.node.attrs[name];
    return typeof attr === "string" ? attr : fallback;
  }

  /** `axis` counted from the front. Throws OpError when a tensor of `rank` has no such axis. */
  axis(axis: number, rank: number): number {
    const counted = axis < 0 ? axis + rank : axis;
    if (counted < 0 || counted >= rank)
      this.fail(`axis ${axis}, but its input has ${rank} ${rank === 1 ? "axis" : "axes"}. ${CONTRADICTION}`);
    return counted;
  }

  /** Throws OpError unless input `i` has `rank` axes or more. */
  rankAtLeast(i: number, rank: number): T {
    const type = this.input(i);
    if (type.shape.length < rank)
      this.fail(`input ${i} is ${show(type.shape)}, but it needs at least ${rank} axes. ${CONTRADICTION}`);
    return type;
  }

  /** Numpy broadcasting of several shapes. */
  broadcast(...shapes: (readonly number[])[]): number[] {
    const rank = Math.max(0, ...shapes.map((s) => s.length));
    const out = new Array<number>(rank).fill(1);
    for (const shape of shapes)
      shape.forEach((size, i) => {
        const axis = i + rank - shape.length;
        if (size === 1 || size === out[axis]) return;
        if (out[axis] !== 1) this.fail(`shapes ${shapes.map(show).join(" and ")} do not broadcast together. ${CONTRADICTION}`);
        out[axis] = size;
      });
    return out;
  }
}

export const show = (shape: readonly number[]): string => `[${shape.join(", ")}]`;
