/**
 * Constant folding in plain TypeScript: shape arithmetic, small constants, and weights that are stored otherwise than
 * they are used (quantised, half precision, transposed). Nodes are in their opset-18 form.
 */
import { sizeOf, type Node, type Tensor, type ValueType } from "./graph";
import { binary, elements, fromNumbers, modulo, predicate, reduced, unary, zip } from "./fold/arithmetic";
import { dequantised, quantised } from "./fold/quantised";
import { expanded, gathered, joined, padded, reshaped, sliced, stridesOf } from "./fold/strided";
import { inferNode } from "./infer";
import { constantValue } from "./infer/indexing";
import { NodeView } from "./infer/nodeView";
import { computed, numbers, transposed } from "./tensor";

/** What a folding rule sees: `x` are the inputs' values (undefined: absent), `y` the outputs' inferred types. */
interface Folding {
  view: NodeView;
  x: readonly (Tensor | undefined)[];
  y: readonly ValueType[];
}
/** The outputs' values, or undefined where the rule does not cover the case. */
type FoldRule = (f: Folding) => (Tensor | undefined)[];

/** Constants beyond this are left to the run time: they would only make the graph larger. */
const MAX_GROWN = 2 ** 22;

const all = (f: Folding): Tensor[] => f.x.filter((t) => t !== undefined);
const axisOf = (f: Folding, fallback: number) => f.view.axis(f.view.int("axis", fallback), f.x[0]!.shape.length);

const elementwise =
  (g: (...xs: number[]) => number): FoldRule =>
  (f) => [zip(g, all(f), f.y[0]!.dtype, f.y[0]!.shape)];

const keep: FoldRule = (f) => [reshaped(f.x[0]!, f.y[0]!.shape)];

const reduction =
  (step: (sum: number, value: number) => number, start: number, finish?: (sum: number, count: number) => number): FoldRule =>
  (f) => {
    const x = f.x[0]!;
    const axes = f.x[1] ? numbers(f.x[1]) : [];
    if (!axes.length && f.view.int("noop_with_empty_axes", 0)) return [x];
    const set = new Set(axes.length ? axes.map((a) => f.view.axis(a, x.shape.length)) : x.shape.keys());
    return [reduced(x, set, f.y[0]!.shape, step, start, finish)];
  };

const slice: FoldRule = (f) => {
  const x = f.x[0]!;
  const [starts, ends, axes, steps] = [1, 2, 3, 4].map((i) => (f.x[i] ? numbers(f.x[i]) : undefined));
  const along = (axes ?? starts!.map((_, i) => i)).map((a) => f.view.axis(a, x.shape.length));
  return [sliced(x, starts!, ends!, along, steps ?? starts!.map(() => 1))];
};

const pad: FoldRule = (f) => {
  const x = f.x[0]!;
  const given = numbers(f.x[1]!);
  const axes = (f.x[3] ? numbers(f.x[3]) : x.shape.map((_, i) => i)).map((a) => f.view.axis(a, x.shape.length));
  const pads = new Array<number>(2 * x.shape.length).fill(0);
  axes.forEach((axis, i) => {
    pads[axis] = given[i]!;
    pads[axis + x.shape.length] = given[i + axes.length]!;
  });
  if (f.view.text("mode", "constant") !== "constant" || pads.some((p) => p < 0)) return [undefined];
  return [padded(x, pads, f.x[2]?.data[0] ?? (x.dtype.endsWith("int64") ? 0n : 0))];
};

const split: FoldRule = (f) => {
  const axis = axisOf(f, 0);
  let start = 0;
  return f.y.map((type) => {
    const length = type.shape[axis]!;
    const part = sliced(f.x[0]!, [start], [start + length], [axis], [1]);
    start += length;
    return part;
  });
};

const cast: FoldRule = (f) => {
  const x = f.x[0]!;
  const { dtype, shape } = f.y[0]!;
  if (dtype === x.dtype) return [x];
  if (dtype === "float16" || dtype === "string") return [undefined];
  return [zip(dtype === "bool" ? (value) => (value ? 1 : 0) : (value) => value, [x], dtype, shape)];
};

const table: Readonly<Record<string, FoldRule>> = {
  ...Object.fromEntries(Object.entries(unary).map(([op, g]) => [op, elementwise(g)])),
  ...Object.fromEntries(
    Object.entries(binary).map(([op, g]) => [op, (f: Folding) => elementwise((a, b = a) => g(a!, b!, f.y[0]!.dtype))(f)]),
  ),
  ...Object.fromEntries(Object.entries(predicate).map(([op, g]) => [op, elementwise((a, b) => (g(a!, b!) ? 1 : 0))])),
  Mod: (f) => elementwise(modulo(f.view.int("fmod", 0) === 1) as (...xs: number[]) => number)(f),
  Where: elementwise((condition, a, b) => (condition ? a! : b!)),
  Cast: cast,
  Identity: keep,
  Reshape: keep,
  Flatten: keep,
  Squeeze: keep,
  Unsqueeze: keep,
  Transpose: (f) => [transposed(f.x[0]!, f.view.ints("perm") ?? f.x[0]!.shape.map((_, i, s) => s.length - 1 - i))],
  Expand: (f) => [expanded(f.x[0]!, f.y[0]!.shape)],
  Tile: (f) => [f.x[0]!.shape.reduce((x, _, i) => joined(Array<Tensor>(Math.max(1, numbers(f.x[1]!)[i]!)).fill(x), i), f.x[0]!)],
  Concat: (f) => [joined(all(f), axisOf(f, 0))],
  Gather: (f) => [gathered(f.x[0]!, numbers(f.x[1]!), f.x[1]!.shape, axisOf(f, 0))],
  Slice: slice,
  Pad: pad,
  Split: split,
  ReduceSum: reduction((a, b) => a + b, 0),
  ReduceProd: reduction((a, b) => a * b, 1),
  ReduceMax: reduction(Math.max, -Infinity),
  ReduceMin: reduction(Math.min, Infinity),
  ReduceMean: reduction(
    (a, b) => a + b,
    0,
    (sum, count) => sum / count,
  ),
  Constant: (f) => [constantValue(f.view)],
  ConstantOfShape: (f) => {
    const value = f.view.node.attrs.value as Tensor | undefined;
    const { dtype, shape } = f.y[0]!;
    const fill = value ? numbers(value)[0]! : 0;
    return [computed(dtype, shape, () => elements(new Float64Array(sizeOf(shape)).fill(fill), dtype))];
  },
  Range: (f) => {
    const [start, , delta] = f.x.map((t) => numbers(t!)[0]!) as [number, number, number];
    const { dtype, shape } = f.y[0]!;
    const values = () => Float64Array.from({ length: shape[0]! }, (_, i) => start + i * delta);
    return [computed(dtype, shape, () => elements(values(), dtype))];
  },
  DequantizeLinear: (f) => [dequantised(f.x[0]!, f.x[1]!, f.x[2], axisOrZero(f), f.view.int("block_size", 0))],
  QuantizeLinear: (f) => [quantised(f.x[0]!, f.x[1]!, f.x[2], axisOrZero(f))],
};

/** The quantisation axis; a scalar scale has none, so its default need not exist. */
const axisOrZero = (f: Folding) => (sizeOf(f.x[1]!.shape) === 1 ? 0 : axisOf(f, 1));

/** Indices of the elements that are not zero, [rank, count]: its shape depends on values, so it is only ever folded. */
function nonZero(x: Tensor): Tensor {
  const strides = stridesOf(x.shape);
  const hits = numbers(x).flatMap((value, i) => (value ? [i] : []));
  const rows = strides.flatMap((stride, axis) => hits.map((i) => Math.floor(i / stride) % x.shape[axis]!));
  return fromNumbers(rows, "int64", [x.shape.length, hits.length]);
}

/**
 * The values of a node's outputs when all its inputs are constants (undefined: absent input).
 * Undefined when the op or the case is not covered; throws OpError when the node contradicts itself.
 */
export function fold(node: Node, inputs: readonly (Tensor | undefined)[]): Tensor[] | undefined {
  if (node.domain !== "") return undefined;
  if (node.op === "NonZero" && inputs[0]) return [nonZero(inputs[0])];
  const rule = Object.hasOwn(table, node.op) ? table[node.op] : undefined;
  if (!rule) return undefined;
  const types = inferNode(node, inputs, (i) => inputs[i]);
  const largest = Math.max(MAX_GROWN, ...inputs.map((t) => (t ? sizeOf(t.shape) : 0)));
  if (types.some(({ shape }) => sizeOf(shape) > largest)) return undefined;
  const values = rule({ view: new NodeView(node, inputs, (i) => inputs[i]), x: inputs, y: types });
  return values.every((v) => v !== undefined) ? (values as Tensor[]) : undefined;
}
