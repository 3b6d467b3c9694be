/**
 * What a VJP rule is: given a node and the cotangent of its output, the cotangents of its inputs.
 *
 * A rule may rely on canonical attributes (no defaults, no auto_pad). It returns one entry per input it can differentiate;
 * null or absent means no gradient. It never accumulates, prunes, or sums over broadcast dimensions: the walk does.
 */
import type { GraphBuilder } from "../onnx/builder";
import { OpError, type Attrs, type Node, type Value } from "../onnx/graph";
import { numbers } from "../onnx/tensor";

/** Five are enough for every operator here; an absent optional input is undefined at run time, so look at `has` first. */
export type Operands = readonly [Value, Value, Value, Value, Value];

export interface VjpContext {
  b: GraphBuilder;
  node: Node;
  x: Operands;
  y: Operands;
  /** Cotangent of the first output. */
  dy: Value;
  attrs: Attrs;
  /** Whether input i depends on what the gradient is taken by. */
  needs: readonly boolean[];
}

export type VjpRule = (context: VjpContext) => readonly (Value | null)[];

/** "stops": the derivative is zero wherever it exists. */
export type Rule = VjpRule | "stops";
export type RuleTable = Readonly<Record<string, Rule>>;

/** A float or int attribute; throws when a canonical graph lacks it. */
export function number({ node, attrs }: Pick<VjpContext, "node" | "attrs">, name: string, otherwise?: number): number {
  const value = attrs[name] ?? otherwise;
  if (typeof value !== "number") throw new OpError(node, `attribute "${name}" should be a number, but is ${String(value)}.`);
  return value;
}

/** A list-of-ints attribute; throws when a canonical graph lacks it. */
export function list({ node, attrs }: Pick<VjpContext, "node" | "attrs">, name: string): readonly number[] {
  const value = attrs[name];
  if (!Array.isArray(value)) throw new OpError(node, `attribute "${name}" should be a list of numbers, but is ${String(value)}.`);
  return value as readonly number[];
}

/** The numbers of a constant input; throws when it is computed at run time. */
export function constant({ b, node }: Pick<VjpContext, "b" | "node">, value: Value, what: string): number[] {
  const tensor = b.constantOf(value);
  if (!tensor) throw new OpError(node, `its ${what} ("${value.name}") must be a constant for a gradient to be taken.`);
  return numbers(tensor);
}

/** Refuses a gradient by inputs that hold weights. */
export function frozen({ node, needs }: VjpContext, ...inputs: number[]): void {
  if (inputs.some((i) => needs[i]))
    throw new OpError(node, `gradient of input ${inputs.find((i) => needs[i])} asked for, but weights are frozen.`);
}
