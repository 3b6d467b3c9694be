/** How much a network's answers change when its weights are stored otherwise. */
import type { Tensor } from "../onnx/graph";
import { numbers } from "../onnx/tensor";

/** What the answers of a network lost by its storage, over some pictures. */
export interface LogitsChange {
  pictures: number;
  /** Share of the pictures with the same first answer (the largest number), 0..1. */
  top1Agreement: number;
  /** |a - b| over the range of a within its picture: the largest over all pictures, and the mean. */
  largest: number;
  mean: number;
}

/**
 * Compares answers picture by picture; both lists are in the same order, each tensor of any shape, the same on both sides.
 * Throws Error when there is nothing to compare or shapes differ.
 */
export function compareLogits(before: readonly Tensor[], after: readonly Tensor[]): LogitsChange {
  if (!before.length || before.length !== after.length)
    throw new Error(`${before.length} answers are to be compared with ${after.length}: as many are needed, and at least one.`);
  let [same, largest, sum] = [0, 0, 0];
  before.forEach((a, i) => {
    const b = after[i]!;
    if (a.shape.join() !== b.shape.join())
      throw new Error(`answers of shape [${a.shape.join(", ")}] are to be compared with [${b.shape.join(", ")}].`);
    const [x, y] = [numbers(a), numbers(b)];
    const range = extreme(x, Math.max) - extreme(x, Math.min) || 1;
    const differences = x.map((v, k) => Math.abs(v - y[k]!) / range);
    largest = Math.max(largest, extreme(differences, Math.max));
    sum += differences.reduce((total, d) => total + d, 0) / differences.length;
    if (first(x) === first(y)) same++;
  });
  return { pictures: before.length, top1Agreement: same / before.length, largest, mean: sum / before.length };
}

const extreme = (values: readonly number[], pick: (a: number, b: number) => number): number =>
  values.reduce((a, b) => pick(a, b));
const first = (values: readonly number[]): number => values.indexOf(extreme(values, Math.max));
