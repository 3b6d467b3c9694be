/** What an inference rule sees, and the small helpers all of them share. */
import { OpError, type Node, type Tensor, type ValueType } from "../graph";
import { numbers } from "../tensor";

export interface InferContext {
  node: Node;
  inputs: readonly (ValueType | undefined)[];
  constantOf: (index: number) => Tensor | undefined;
}
export type InferRule = (context: InferContext) => ValueType[];
export type InferTable = Readonly<Record<string, InferRule>>;

/** Input `index`, which must be there. */
export function required({ node, inputs }: InferContext, index: number): ValueType {
  const type = inputs[index];
  if (!type) throw new OpError(node, `input ${index} is missing. The file is incomplete; export it again.`);
  return type;
}

/** The constant numbers of input `index`. Throws when it is computed at run time: shapes here are static. */
export function constantNumbers(context: InferContext, index: number, what: string): number[] {
  const tensor = context.constantOf(index);
  if (!tensor) throw new OpError(context.node, `its ${what} is computed at run time, but shapes must be known beforehand.`);
  return numbers(tensor);
}

/** An integer attribute, or its default. */
export function int({ node }: InferContext, name: string, otherwise: number): number {
  const value = node.attrs[name];
  return typeof value === "number" ? value : otherwise;
}

/** An integer-list attribute, or undefined when absent. */
export function ints({ node }: InferContext, name: string): readonly number[] | undefined {
  const value = node.attrs[name];
  return Array.isArray(value) ? (value as readonly number[]) : undefined;
}

/** A string attribute, or its default. */
export function string({ node }: InferContext, name: string, otherwise: string): string {
  const value = node.attrs[name];
  return typeof value === "string" ? value : otherwise;
}

/** `axis` counted from the front; throws when it lies outside [-rank, rank). */
export function axisOf(node: Node, axis: number, rank: number): number {
  if (axis < -rank || axis >= rank) throw new OpError(node, `axis ${axis} does not exist in a tensor of ${rank} dimensions.`);
  return axis < 0 ? axis + rank : axis;
}

/** The shape that two shapes broadcast to, by numpy's rule. */
export function broadcast(node: Node, a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1)
      throw new OpError(
        node,
        `shapes [${a}] and [${b}] do not broadcast. The file contradicts itself, or the chosen size does not suit it.`,
      );
    return x === 1 ? y : x;
  });
}
