/**
 * Networks in double precision, for differences that float32 would drown: plain loops over the canonical operators (canonicalise.ts)
 * that the four networks of wholeModels.test.ts have. Others are refused by name. Shapes are those of `graph.types`; strides,
 * pads and the like are always present there.
 */
import { OpError, sizeOf, type Node, type StaticGraph } from "../src/onnx/graph";
import { numbers } from "../src/onnx/tensor";

interface Doubles {
  shape: readonly number[];
  data: Float64Array;
}

/** The value `of` for the given inputs, in double throughout; weights are the file's float32. */
export function runInDouble(graph: StaticGraph, feeds: Record<string, Float64Array>, of: string): Float64Array {
  const values = new Map<string, Doubles>();
  for (const { name, shape } of graph.inputs) values.set(name, { shape, data: feeds[name]! });
  const read = (name: string): Doubles => {
    const made = values.get(name);
    if (made) return made;
    const tensor = graph.constants.get(name)!;
    const constant = { shape: tensor.shape, data: Float64Array.from(numbers(tensor)) };
    values.set(name, constant);
    return constant;
  };
  for (const node of graph.nodes) {
    const [name] = node.outputs as [string];
    const shape = graph.types.get(name)!.shape;
    values.set(name, { shape, data: compute(node, node.inputs.map((i) => (i ? read(i) : null)) as Doubles[], shape) }); // prettier-ignore
  }
  return values.get(of)!.data;
}

function compute(node: Node, inputs: readonly Doubles[], shape: readonly number[]): Float64Array {
  const [x, y, z] = inputs as [Doubles, Doubles, Doubles];
  switch (node.op) {
    case "Add":
      return binary(x, y, shape, (a, b) => a + b);
    case "Mul":
      return binary(x, y, shape, (a, b) => a * b);
    case "Pow":
      return binary(x, y, shape, Math.pow);
    case "Relu":
      return x.data.map((v) => Math.max(v, 0)); // prettier-ignore
    case "Sigmoid":
      return x.data.map((v) => 1 / (1 + Math.exp(-v))); // prettier-ignore
    case "Clip":
      return x.data.map((v) => Math.min(Math.max(v, y.data[0]!), z.data[0]!)); // prettier-ignore
    case "Reshape":
      return x.data;
    case "Softmax":
      return softmax(node, x);
    case "Concat":
      return concat(inputs, node.attrs.axis as number, shape);
    case "ReduceMean":
      return meanOfPlanes(node, x, y);
    case "Conv":
      return conv(node, inputs, shape);
    case "MaxPool":
    case "AveragePool":
      return pool(node, x, shape);
    case "Resize":
      return resize(node, x, shape);
    default:
      throw new OpError(node, "not among the operators in double precision.");
  }
}

/** f(a, b), both broadcast to `shape`. */
function binary(a: Doubles, b: Doubles, shape: readonly number[], f: (a: number, b: number) => number): Float64Array {
  const steps = [a, b].map(({ shape: own }) =>
    shape.map((_, i) => {
      const axis = i - shape.length + own.length;
      return axis < 0 || own[axis] === 1 ? 0 : sizeOf(own.slice(axis + 1));
    }),
  );
  const strides = shape.map((_, i) => sizeOf(shape.slice(i + 1)));
  const at = (i: number, step: readonly number[]) =>
    strides.reduce((sum, stride, axis) => sum + (Math.floor(i / stride) % shape[axis]!) * step[axis]!, 0);
  return Float64Array.from({ length: sizeOf(shape) }, (_, i) => f(a.data[at(i, steps[0]!)]!, b.data[at(i, steps[1]!)]!));
}

function softmax(node: Node, x: Doubles): Float64Array {
  const axis = node.attrs.axis as number;
  if (axis !== -1 && axis !== x.shape.length - 1) throw new OpError(node, `axis ${axis} is not the last.`);
  const length = x.shape.at(-1)!;
  const out = new Float64Array(x.data.length);
  for (let from = 0; from < out.length; from += length) {
    const row = x.data.subarray(from, from + length);
    const largest = row.reduce((m, v) => Math.max(m, v), -Infinity);
    const total = row.reduce((sum, v) => sum + Math.exp(v - largest), 0);
    row.forEach((v, i) => (out[from + i] = Math.exp(v - largest) / total)); // prettier-ignore
  }
  return out;
}

function concat(inputs: readonly Doubles[], axis: number, shape: readonly number[]): Float64Array {
  const at = axis < 0 ? axis + shape.length : axis;
  const out = new Float64Array(sizeOf(shape));
  let filled = 0;
  for (let outer = 0; outer < sizeOf(shape.slice(0, at)); outer++)
    for (const part of inputs) {
      const length = sizeOf(part.shape.slice(at));
      out.set(part.data.subarray(outer * length, (outer + 1) * length), filled);
      filled += length;
    }
  return out;
}

/** ReduceMean over height and width. */
function meanOfPlanes(node: Node, x: Doubles, axes: Doubles): Float64Array {
  if (x.shape.length !== 4 || axes.data.join() !== "2,3") throw new OpError(node, `axes ${axes.data.join()} are not 2,3.`);
  const plane = x.shape[2]! * x.shape[3]!;
  return Float64Array.from(
    { length: x.shape[0]! * x.shape[1]! },
    (_, i) => x.data.subarray(i * plane, (i + 1) * plane).reduce((sum, v) => sum + v, 0) / plane,
  );
}

interface Window {
  kernel: number[];
  stride: number[];
  dilation: number[];
  pad: number[];
}
const window = ({ attrs }: Node): Window => ({
  kernel: attrs.kernel_shape as number[],
  stride: attrs.strides as number[],
  dilation: (attrs.dilations as number[] | undefined) ?? [1, 1],
  pad: attrs.pads as number[],
});

/** The output positions o, first to one past last, that one tap of a window reads inside the input: at o * stride + offset. */
function covered(offset: number, stride: number, size: number, out: number): [number, number] {
  return [Math.max(0, Math.ceil(-offset / stride)), Math.min(out, Math.floor((size - 1 - offset) / stride) + 1)];
}

function conv(node: Node, [x, w, bias]: readonly Doubles[], shape: readonly number[]): Float64Array {
  const { kernel, stride, dilation, pad } = window(node);
  const [batch, channels, height, width] = x!.shape as [number, number, number, number];
  const [, units, rows, columns] = shape as [number, number, number, number];
  const group = node.attrs.group as number;
  const [perGroup, unitsPerGroup] = [channels / group, units / group];
  const out = new Float64Array(sizeOf(shape));
  for (let n = 0; n < batch; n++)
    for (let m = 0; m < units; m++) {
      const to = (n * units + m) * rows * columns;
      if (bias) out.fill(bias.data[m]!, to, to + rows * columns);
      for (let c = 0; c < perGroup; c++) {
        const from = (n * channels + Math.floor(m / unitsPerGroup) * perGroup + c) * height * width;
        for (let ky = 0; ky < kernel[0]!; ky++) {
          const dy = ky * dilation[0]! - pad[0]!;
          const [top, bottom] = covered(dy, stride[0]!, height, rows);
          for (let kx = 0; kx < kernel[1]!; kx++) {
            const weight = w!.data[((m * perGroup + c) * kernel[0]! + ky) * kernel[1]! + kx]!;
            const dx = kx * dilation[1]! - pad[1]!;
            const [left, right] = covered(dx, stride[1]!, width, columns);
            for (let i = top; i < bottom; i++) {
              const source = from + (i * stride[0]! + dy) * width + dx;
              const target = to + i * columns;
              for (let j = left; j < right; j++) out[target + j]! += weight * x!.data[source + j * stride[1]!]!;
            }
          }
        }
      }
    }
  return out;
}

function pool(node: Node, x: Doubles, shape: readonly number[]): Float64Array {
  const { kernel, stride, dilation, pad } = window(node);
  const [height, width] = x.shape.slice(2) as [number, number];
  const [rows, columns] = shape.slice(2) as [number, number];
  const largest = node.op === "MaxPool";
  const includePad = node.attrs.count_include_pad === 1;
  return Float64Array.from({ length: sizeOf(shape) }, (_, o) => {
    const plane = Math.floor(o / (rows * columns)) * height * width;
    const [i, j] = [Math.floor(o / columns) % rows, o % columns];
    let [best, sum, count] = [-Infinity, 0, 0];
    for (let ky = 0; ky < kernel[0]!; ky++)
      for (let kx = 0; kx < kernel[1]!; kx++) {
        const [y, z] = [i * stride[0]! - pad[0]! + ky * dilation[0]!, j * stride[1]! - pad[1]! + kx * dilation[1]!];
        if (y < 0 || y >= height || z < 0 || z >= width) continue;
        const v = x.data[plane + y * width + z]!;
        best = Math.max(best, v);
        sum += v;
        count++;
      }
    return largest ? best : sum / (includePad ? kernel[0]! * kernel[1]! : count);
  });
}

/** Bilinear, asymmetric (TensorFlow's ResizeBilinear): output position o reads at o * in / out. */
function resize(node: Node, x: Doubles, shape: readonly number[]): Float64Array {
  if (node.attrs.mode !== "linear" || node.attrs.coordinate_transformation_mode !== "asymmetric")
    throw new OpError(node, "only linear, asymmetric resizing is there in double precision.");
  const [height, width] = x.shape.slice(2) as [number, number];
  const [rows, columns] = shape.slice(2) as [number, number];
  const mix = (a: number, b: number, t: number) => a + (b - a) * t;
  return Float64Array.from({ length: sizeOf(shape) }, (_, o) => {
    const plane = Math.floor(o / (rows * columns)) * height * width;
    const y = ((Math.floor(o / columns) % rows) * height) / rows;
    const z = ((o % columns) * width) / columns;
    const [top, left] = [Math.floor(y), Math.floor(z)];
    const at = (i: number, j: number) => x.data[plane + Math.min(i, height - 1) * width + Math.min(j, width - 1)]!;
    return mix(mix(at(top, left), at(top, left + 1), z - left), mix(at(top + 1, left), at(top + 1, left + 1), z - left), y - top);
  });
}
