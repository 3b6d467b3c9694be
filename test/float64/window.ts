/** Convolutions, pools and resizing in double precision: plain loops over [N, C, H, W]. */
import { OpError, sizeOf, type Node } from "../../src/onnx/graph";
import type { Kernel } from "./kernel";

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

const conv: Kernel = (node, [x, w, bias], shape) => {
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
};

const pool: Kernel = (node, [input], shape) => {
  const x = input!;
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
};

/** Each input pixel paints the kernel, times itself, into the output. */
const convTranspose: Kernel = (node, [x, w, bias], shape) => {
  const { kernel, stride, dilation, pad } = window(node);
  const [batch, channels, height, width] = x!.shape as [number, number, number, number];
  const [, units, rows, columns] = shape as [number, number, number, number];
  const group = node.attrs.group as number;
  const [perGroup, unitsPerGroup] = [channels / group, units / group];
  const out = Float64Array.from({ length: sizeOf(shape) }, (_, o) => bias?.data[Math.floor(o / (rows * columns)) % units] ?? 0);
  for (let n = 0; n < batch; n++)
    for (let c = 0; c < channels; c++)
      for (let u = 0; u < unitsPerGroup; u++) {
        const to = (n * units + Math.floor(c / perGroup) * unitsPerGroup + u) * rows * columns;
        for (let ky = 0; ky < kernel[0]!; ky++)
          for (let kx = 0; kx < kernel[1]!; kx++) {
            const weight = w!.data[((c * unitsPerGroup + u) * kernel[0]! + ky) * kernel[1]! + kx]!;
            for (let i = 0; i < height; i++)
              for (let j = 0; j < width; j++) {
                const [y, z] = [i * stride[0]! - pad[0]! + ky * dilation[0]!, j * stride[1]! - pad[1]! + kx * dilation[1]!];
                if (y < 0 || y >= rows || z < 0 || z >= columns) continue;
                out[to + y * columns + z]! += weight * x!.data[((n * channels + c) * height + i) * width + j]!;
              }
          }
      }
  return out;
};

/** Where output position o of an axis reads: nearest rounds down, linear lies between two. */
function sourceOf(node: Node, o: number, input: number, out: number): number {
  switch (node.attrs.coordinate_transformation_mode) {
    case "asymmetric":
      return (o * input) / out;
    case "align_corners":
      return out === 1 ? 0 : (o * (input - 1)) / (out - 1);
    case "half_pixel":
      return ((o + 0.5) * input) / out - 0.5;
    case "pytorch_half_pixel":
      return out === 1 ? 0 : ((o + 0.5) * input) / out - 0.5;
    default:
      throw new OpError(node, "this coordinate_transformation_mode is not there in double precision.");
  }
}

/** Nearest (rounding down) or bilinear, over height and width. */
const resize: Kernel = (node, [input], shape) => {
  const x = input!;
  const linear = node.attrs.mode === "linear";
  if (!linear && (node.attrs.mode !== "nearest" || node.attrs.nearest_mode !== "floor"))
    throw new OpError(node, "only linear, and nearest rounded down, are there in double precision.");
  const [height, width] = x.shape.slice(2) as [number, number];
  const [rows, columns] = shape.slice(2) as [number, number];
  const mix = (a: number, b: number, t: number) => a + (b - a) * t;
  const clamp = (i: number, size: number) => Math.min(Math.max(i, 0), size - 1);
  return Float64Array.from({ length: sizeOf(shape) }, (_, o) => {
    const plane = Math.floor(o / (rows * columns)) * height * width;
    const y = sourceOf(node, Math.floor(o / columns) % rows, height, rows);
    const z = sourceOf(node, o % columns, width, columns);
    const [top, left] = [Math.floor(y), Math.floor(z)];
    const at = (i: number, j: number) => x.data[plane + clamp(i, height) * width + clamp(j, width)]!;
    if (!linear) return at(top, left);
    return mix(mix(at(top, left), at(top, left + 1), z - left), mix(at(top + 1, left), at(top + 1, left + 1), z - left), y - top);
  });
};

export const windowKernels = { Conv: conv, ConvTranspose: convTranspose, MaxPool: pool, AveragePool: pool, Resize: resize };
