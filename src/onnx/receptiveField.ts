/**
 * Which part of the picture a position of a layer sees, read off the graph: kernels, strides, dilations and paddings are followed
 * through every branch, as Araujo, Norris and Sim do ("Computing Receptive Fields of Convolutional Neural Networks", Distill 2019).
 *
 * Along each axis position p of a value sees the source's rows  jump * p + from  to  jump * p + to,  both included; where branches
 * meet, the hull of theirs. A path that looks everywhere (a squeeze-and-excite gate, attention) is noted and otherwise left out,
 * so that a unit behind such a gate still has a place in the picture.
 */
import { sizeOf, type Attrs, type Node, type StaticGraph } from "./graph";

/** Along one axis. `jump` may be a fraction, after an upsampling. */
export interface Span {
  jump: number;
  from: number;
  to: number;
}

export interface ReceptiveField {
  /** Rows, then columns; null where a position sees the whole source on every path. */
  spans: readonly [rows: Span, columns: Span] | null;
  /** Some path sees the whole source. */
  everywhere: boolean;
}

/** Half-open, in pixels of the source; it may lie partly outside, where padding was. */
export interface Rectangle {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

const WHOLE: ReceptiveField = { spans: null, everywhere: true };
const POINT: Span = { jump: 1, from: 0, to: 0 };

/**
 * The field of every value that depends on `source` (default: the graph's first input), for values [N, C, H, W] and what is flattened
 * from them. What an op does to places that is not understood counts as looking everywhere.
 */
export function receptiveFields(graph: StaticGraph, source: string = graph.inputs[0]!.name): Map<string, ReceptiveField> {
  const fields = new Map<string, ReceptiveField>([[source, { spans: [POINT, POINT], everywhere: false }]]);
  const flat = new Set<string>(); // values [N, 1, C, H * W]
  for (const node of graph.nodes) {
    const read = node.inputs.flatMap((name) => (fields.has(name) ? [{ name, field: fields.get(name)! }] : []));
    if (!read.length) continue;
    const shape = shapeOf(graph, node.outputs[0]!);
    const isFlat =
      node.op === "Reshape" ? shape[1] === 1 && flattens(shapeOf(graph, read[0]!.name), shape) : flat.has(read[0]!.name);
    const parts = read.map(({ name, field }) => through(graph, node, { field, from: shapeOf(graph, name), to: shape, isFlat }));
    const made = hull(parts);
    for (const output of node.outputs) {
      if (output) fields.set(output, made);
      if (isFlat) flat.add(output);
    }
  }
  return fields;
}

/** What the position (row, column) of a layer sees. `size` is the source's, and the answer where the field is the whole of it. */
export function fieldAt(
  { spans }: ReceptiveField,
  [row, column]: readonly [row: number, column: number],
  [height, width]: readonly [height: number, width: number],
): Rectangle {
  if (!spans) return { left: 0, top: 0, right: width, bottom: height };
  const [rows, columns] = spans;
  return {
    top: Math.floor(rows.jump * row + rows.from),
    bottom: Math.ceil(rows.jump * row + rows.to) + 1,
    left: Math.floor(columns.jump * column + columns.from),
    right: Math.ceil(columns.jump * column + columns.to) + 1,
  };
}

/** Height and width of a field in pixels; null where it is the whole source. */
export const fieldSize = ({ spans }: ReceptiveField): [height: number, width: number] | null =>
  spans && (spans.map(({ from, to }) => Math.ceil(to - from) + 1) as [number, number]);

type Shape = readonly number[];
interface Step {
  field: ReceptiveField;
  from: Shape;
  to: Shape;
  /** Both are [N, 1, C, H * W]. */
  isFlat: boolean;
}

const shapeOf = (graph: StaticGraph, name: string): Shape => graph.types.get(name)!.shape;

const UNMOVED = new Set(
  (
    "Abs Add Cast Clip Concat Cos Div Elu Equal Erf Exp Gelu Greater HardSigmoid HardSwish Identity LeakyRelu Less Log Max Min Mul Neg " +
    "PRelu Pow Reciprocal Relu Round Sigmoid Sign Sin Softplus Sqrt Sub Tanh ThresholdedRelu Where"
  ).split(" "),
);

/** The field of a node's output through one of its inputs. */
function through(graph: StaticGraph, node: Node, { field, from, to, isFlat }: Step): ReceptiveField {
  const { spans } = field;
  if (!spans) return WHOLE;
  const moved = (change: (span: Span, axis: 0 | 1) => Span): ReceptiveField => ({
    spans: [change(spans[0], 0), change(spans[1], 1)],
    everywhere: field.everywhere,
  });
  const constant = (i: number): readonly number[] | undefined => {
    const tensor = graph.constants.get(node.inputs[i] ?? "");
    return tensor && Array.from(tensor.data as ArrayLike<number | bigint>, Number);
  };
  if (isFlat && node.op === "AveragePool") return (node.attrs.kernel_shape as readonly number[])[1] === 1 ? field : WHOLE;
  if (UNMOVED.has(node.op)) return samePlaces(from, to) ? field : WHOLE;
  switch (node.op) {
    case "Conv":
    case "AveragePool":
    case "MaxPool":
      return moved((span, axis) => windowed(span, windowOf(node.attrs, axis)));
    case "ConvTranspose":
      return moved((span, axis) => spread(span, windowOf(node.attrs, axis)));
    case "Reshape":
      return keepsPlaces(from, to) ? field : WHOLE;
    case "Pad":
    case "Slice":
    case "Gather":
      return shifted(node, { from, to, constant, moved }) ?? WHOLE;
    case "Resize":
      return node.attrs.mode === "cubic"
        ? WHOLE
        : moved((span, axis) => zoomed(span, from[axis + 2]! / to[axis + 2]!, node.attrs.mode === "nearest" ? 0 : 1));
    case "DepthToSpace":
      return moved((span) => zoomed(span, 1 / Number(node.attrs.blocksize), 0));
    case "SpaceToDepth":
      return moved((span) => windowed(span, blockWindow(Number(node.attrs.blocksize))));
    default:
      return alongChannels(node, from, constant) ? field : WHOLE;
  }
}

interface Window {
  kernel: number;
  stride: number;
  dilation: number;
  before: number;
}

const blockWindow = (size: number): Window => ({ kernel: size, stride: size, dilation: 1, before: 0 });

function windowOf(attrs: Attrs, axis: number): Window {
  const at = (name: string, fallback: number): number => (attrs[name] as readonly number[] | undefined)?.[axis] ?? fallback;
  return { kernel: at("kernel_shape", 1), stride: at("strides", 1), dilation: at("dilations", 1), before: at("pads", 0) };
}

/** Output p reads inputs  stride p - before  to  stride p - before + (kernel - 1) dilation. */
const windowed = ({ jump, from, to }: Span, { kernel, stride, dilation, before }: Window): Span => ({
  jump: jump * stride,
  from: from - jump * before,
  to: to + jump * ((kernel - 1) * dilation - before),
});

/** A transposed convolution: output p reads inputs (p + before - k dilation) / stride for k = 0 .. kernel - 1. */
const spread = ({ jump, from, to }: Span, { kernel, stride, dilation, before }: Window): Span => ({
  jump: jump / stride,
  from: from + (jump * (before - (kernel - 1) * dilation)) / stride,
  to: to + (jump * before) / stride,
});

/** A resampling whose pixels are `scale` inputs wide: nearest reads one of the two around its centre, linear both. */
const zoomed = ({ jump, from, to }: Span, scale: number, extra: number): Span => {
  if (scale === 1) return { jump, from, to };
  const centre = (scale - 1) / 2;
  const reach = Math.abs(centre) + extra * Math.min(1, 1 / scale) * 0.5;
  return { jump: jump * scale, from: from + jump * (centre - reach), to: to + jump * (centre + reach) };
};

/** Whether an elementwise op or a join leaves every position where it was: an input of one position reaches all. */
const samePlaces = (from: Shape, to: Shape): boolean => placesOf(from) === placesOf(to);

const placesOf = (shape: Shape): string => shape.slice(2).join();

/** Whether a reshape makes [N, 1, C, H * W] of [N, C, H, W], as LRN's sum over channels has it (canonical/lrn.ts). */
const flattens = (grid: Shape, to: Shape): boolean =>
  grid.length === 4 && to.length === 4 && to[1] === 1 && to[2] === grid[1] && to[3] === sizeOf(grid.slice(2));

const keepsPlaces = (from: Shape, to: Shape): boolean =>
  placesOf(from) === placesOf(to) || flattens(from, to) || flattens(to, from);

interface Shift {
  from: Shape;
  to: Shape;
  constant: (i: number) => readonly number[] | undefined;
  moved: (change: (span: Span, axis: 0 | 1) => Span) => ReceptiveField;
}

/** Pad, Slice and Gather along channels leave places alone; along rows and columns the first two move them. */
function shifted(node: Node, { from, to, constant, moved }: Shift): ReceptiveField | null {
  if (node.op === "Gather") return Number(node.attrs.axis ?? 0) === 1 && samePlaces(from, to) ? moved((span) => span) : null;
  if (node.op === "Pad") {
    const pads = constant(1);
    const constantly = (node.attrs.mode ?? "constant") === "constant";
    return pads && constantly
      ? moved((span, axis) => windowed(span, { kernel: 1, stride: 1, dilation: 1, before: pads[axis + 2]! }))
      : null;
  }
  const [starts, axes] = [constant(1), constant(3)];
  if (!starts || !axes) return null;
  const steps = constant(4) ?? starts.map(() => 1);
  return moved((span, axis) => {
    const i = axes.findIndex((a) => (a + from.length) % from.length === axis + 2);
    if (i < 0) return span;
    const size = from[axis + 2]!;
    const start = starts[i]! < 0 ? starts[i]! + size : Math.min(starts[i]!, size - 1);
    return windowed(span, { kernel: 1, stride: steps[i]!, dilation: 1, before: -start });
  });
}

/** Whether a reduction, a softmax or a running sum stays within one position of [N, C, H, W]. */
function alongChannels(node: Node, from: Shape, constant: Shift["constant"]): boolean {
  if (from.length !== 4) return false;
  const axes = node.op.startsWith("Reduce")
    ? constant(1)
    : node.op.endsWith("oftmax")
      ? [Number(node.attrs.axis ?? -1)]
      : undefined;
  return axes !== undefined && axes.length > 0 && axes.every((axis) => (axis + 4) % 4 <= 1);
}

/** What several inputs see together; the whole where their grids have different steps, for no one span says that. */
function hull(parts: readonly ReceptiveField[]): ReceptiveField {
  const local = parts.flatMap(({ spans }) => (spans ? [spans] : []));
  const [first] = local;
  const alike = (spans: readonly Span[]): boolean => spans.every(({ jump }, i) => Math.abs(jump - first![i]!.jump) < 1e-6 * jump);
  if (!first || !local.every(alike)) return WHOLE;
  const along = (i: 0 | 1): Span => ({
    jump: first[i].jump,
    from: Math.min(...local.map((spans) => spans[i].from)),
    to: Math.max(...local.map((spans) => spans[i].to)),
  });
  return { spans: [along(0), along(1)], everywhere: parts.some((part) => part.everywhere) };
}
