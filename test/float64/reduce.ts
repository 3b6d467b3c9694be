/** Sums, products of matrices and softmax in double precision. */
import { OpError, sizeOf, type Node } from "../../src/onnx/graph";
import type { Doubles, Kernel } from "./kernel";

/** For every output, f of the inputs that it reduces, in order. */
const reduction =
  (f: (values: readonly number[]) => number): Kernel =>
  (_, [x, axes]) => {
    const over = new Set(axes!.data);
    const kept = x!.shape.map((size, i) => (over.has(i) ? 1 : size));
    const groups = Array.from({ length: sizeOf(kept) }, () => [] as number[]);
    const strides = x!.shape.map((_, i) => sizeOf(x!.shape.slice(i + 1)));
    const steps = kept.map((size, i) => (size === 1 ? 0 : sizeOf(kept.slice(i + 1))));
    x!.data.forEach((v, i) => {
      groups[strides.reduce((at, stride, axis) => at + (Math.floor(i / stride) % x!.shape[axis]!) * steps[axis]!, 0)]!.push(v);
    });
    return Float64Array.from(groups, f);
  };

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

const softmax: Kernel = (node, [x], shape) => {
  const axis = node.attrs.axis as number;
  const inner = sizeOf(shape.slice(axis + 1));
  const length = shape[axis]!;
  const out = new Float64Array(sizeOf(shape));
  for (let row = 0; row < out.length / length; row++) {
    const from = Math.floor(row / inner) * inner * length + (row % inner);
    const values = Array.from({ length }, (_, i) => x!.data[from + i * inner]!);
    const largest = Math.max(...values);
    const total = sum(values.map((v) => Math.exp(v - largest)));
    values.forEach((v, i) => (out[from + i * inner] = Math.exp(v - largest) / total));
  }
  return out;
};

/** Sizes and letters of an Einsum with a letter for each axis and an explicit output; MatMul is one of these. */
function contract(terms: readonly string[], out: string, operands: readonly Doubles[]): Float64Array {
  const sizes = new Map<string, number>();
  terms.forEach((term, k) => [...term].forEach((l, i) => sizes.set(l, Math.max(sizes.get(l) ?? 1, operands[k]!.shape[i]!))));
  const steps = (letters: readonly string[], term: string, shape: readonly number[]) =>
    letters.map((l) => {
      const axis = term.indexOf(l);
      return axis < 0 || shape[axis] === 1 ? 0 : sizeOf(shape.slice(axis + 1));
    });
  const outer = [...out];
  const inner = [...sizes.keys()].filter((l) => !out.includes(l));
  const shape = outer.map((l) => sizes.get(l)!);
  const depth = inner.map((l) => sizes.get(l)!);
  const offset = (i: number, of: readonly number[], step: readonly number[]) =>
    of.reduce((at, size, axis) => at + (Math.floor(i / sizeOf(of.slice(axis + 1))) % size) * step[axis]!, 0);
  const plans = operands.map(({ shape: own }, k) => ({
    outer: steps(outer, terms[k]!, own),
    inner: Array.from({ length: sizeOf(depth) }, (_, i) => offset(i, depth, steps(inner, terms[k]!, own))),
  }));
  return Float64Array.from({ length: sizeOf(shape) }, (_, o) => {
    const bases = plans.map((plan) => offset(o, shape, plan.outer));
    let total = 0;
    for (let i = 0; i < sizeOf(depth); i++) {
      let product = 1;
      for (let k = 0; k < operands.length; k++) product *= operands[k]!.data[bases[k]! + plans[k]!.inner[i]!]!;
      total += product;
    }
    return total;
  });
}

const matMul: Kernel = (_, [a, b]) => {
  const batch = "pqrstu";
  const spell = (rank: number, last: string) => batch.slice(batch.length - (rank - 2)) + last;
  const rank = Math.max(a!.shape.length, b!.shape.length);
  return contract([spell(a!.shape.length, "ij"), spell(b!.shape.length, "jk")], spell(rank, "ik"), [a!, b!]);
};

const einsum: Kernel = (node: Node, inputs) => {
  const [left, out] = String(node.attrs.equation).replaceAll(" ", "").split("->");
  if (out === undefined || left!.includes(".")) throw new OpError(node, "only explicit equations are there in double precision.");
  return contract(left!.split(","), out, inputs as Doubles[]);
};

export const reduceKernels = {
  ReduceSum: reduction(sum),
  ReduceMean: reduction((values) => sum(values) / values.length),
  ReduceMax: reduction((values) => Math.max(...values)),
  Softmax: softmax,
  MatMul: matMul,
  Einsum: einsum,
} satisfies Record<string, Kernel>;
