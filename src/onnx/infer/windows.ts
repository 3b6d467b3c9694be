/**
 * Ops that slide a window over space: convolution, pooling, and the samplers.
 *
 * out = floor((in + pads - ((k - 1) * dilation + 1)) / stride) + 1; with ceil_mode the quotient rounds up,
 * and a last window that would start beyond input and left padding is dropped (PyTorch, Caffe and ONNX since opset 22).
 */
import { OpError, spatial, type ValueType } from "../graph";
import { constantNumbers, int, ints, required, string, type InferContext, type InferRule, type InferTable } from "./rule";

/** Window attributes with every default filled in; auto_pad resolved for the given input. */
export interface WindowGeometry {
  kernel: readonly number[];
  strides: readonly number[];
  dilations: readonly number[];
  /** All begins, then all ends. */
  pads: readonly number[];
  out: readonly number[];
}

/** Resolves a Conv's or a pool's window over `input` [N, C, ...in]. */
export function windowGeometry(c: InferContext, input: ValueType, kernel: readonly number[]): WindowGeometry {
  const size = spatial(input);
  const ones = size.map(() => 1);
  const strides = ints(c, "strides") ?? ones;
  const dilations = ints(c, "dilations") ?? ones;
  if (kernel.length !== size.length)
    throw new OpError(
      c.node,
      `the kernel has ${kernel.length} dimensions, but the input [${input.shape}] has ${size.length} in space.`,
    );
  if (strides.length !== size.length || dilations.length !== size.length || [...strides, ...dilations].some((s) => s < 1))
    throw new OpError(c.node, `strides [${strides}] and dilations [${dilations}] must be ${size.length} positive numbers each.`);
  const reach = kernel.map((k, i) => (k - 1) * dilations[i]! + 1);
  const auto = string(c, "auto_pad", "NOTSET");
  let pads = ints(c, "pads") ?? [...size.map(() => 0), ...size.map(() => 0)];
  if (auto === "SAME_UPPER" || auto === "SAME_LOWER") {
    const total = size.map((n, i) => Math.max(0, (Math.ceil(n / strides[i]!) - 1) * strides[i]! + reach[i]! - n));
    const small = total.map((t) => Math.floor(t / 2));
    const large = total.map((t) => Math.ceil(t / 2));
    pads = auto === "SAME_UPPER" ? [...small, ...large] : [...large, ...small];
  } else if (auto === "VALID") pads = pads.map(() => 0);
  if (pads.length !== 2 * size.length) throw new OpError(c.node, `pads [${pads}] must be ${2 * size.length} numbers.`);
  const ceil = int(c, "ceil_mode", 0) !== 0;
  const out = size.map((n, i) => {
    const room = n + pads[i]! + pads[i + size.length]! - reach[i]!;
    if (room < 0)
      throw new OpError(
        c.node,
        `the window reaches over ${reach[i]} pixels, but the padded input has only ${room + reach[i]!}. Choose a larger picture.`,
      );
    const last = ceil ? Math.ceil(room / strides[i]!) : Math.floor(room / strides[i]!);
    return ceil && last * strides[i]! >= n + pads[i]! ? last : last + 1;
  });
  return { kernel, strides, dilations, pads, out };
}

const conv: InferRule = (c) => {
  const x = required(c, 0);
  const w = required(c, 1);
  const group = int(c, "group", 1);
  const channels = x.shape[1] ?? 0;
  if (x.shape.length !== w.shape.length)
    throw new OpError(c.node, `the input [${x.shape}] and the weight [${w.shape}] differ in dimensions.`);
  if (channels !== w.shape[1]! * group)
    throw new OpError(
      c.node,
      `${channels} input channels, but the weight expects ${w.shape[1]} x ${group} groups = ${w.shape[1]! * group}. ` +
        "The file contradicts itself; export it again.",
    );
  return [{ dtype: x.dtype, shape: [x.shape[0]!, w.shape[0]!, ...windowGeometry(c, x, spatial(w)).out] }];
};

const convTranspose: InferRule = (c) => {
  const x = required(c, 0);
  const w = required(c, 1);
  const group = int(c, "group", 1);
  if (x.shape[1] !== w.shape[0])
    throw new OpError(c.node, `${x.shape[1]} input channels, but the weight expects ${w.shape[0]}. The file contradicts itself.`);
  const size = spatial(x);
  const kernel = spatial(w);
  const ones = size.map(() => 1);
  const strides = ints(c, "strides") ?? ones;
  const dilations = ints(c, "dilations") ?? ones;
  const extra = ints(c, "output_padding") ?? size.map(() => 0);
  const auto = string(c, "auto_pad", "NOTSET");
  const wanted = ints(c, "output_shape");
  const pads = ints(c, "pads") ?? [...size.map(() => 0), ...size.map(() => 0)];
  const out = size.map((n, i) => {
    if (wanted) return wanted[i + wanted.length - size.length]!;
    if (auto.startsWith("SAME")) return n * strides[i]!;
    return (n - 1) * strides[i]! + (kernel[i]! - 1) * dilations[i]! + 1 + extra[i]! - pads[i]! - pads[i + size.length]!;
  });
  return [{ dtype: x.dtype, shape: [x.shape[0]!, w.shape[1]! * group, ...out] }];
};

const pool: InferRule = (c) => {
  const x = required(c, 0);
  const kernel = ints(c, "kernel_shape");
  if (!kernel) throw new OpError(c.node, "kernel_shape is missing. The file is incomplete; export it again.");
  const shape = [x.shape[0]!, x.shape[1]!, ...windowGeometry(c, x, kernel).out];
  return [
    { dtype: x.dtype, shape },
    { dtype: "int64", shape },
  ];
};

const globalPool: InferRule = (c) => {
  const x = required(c, 0);
  return [{ dtype: x.dtype, shape: [x.shape[0]!, x.shape[1]!, ...spatial(x).map(() => 1)] }];
};

const resize: InferRule = (c) => {
  const x = required(c, 0);
  const axes = ints(c, "axes")?.map((a) => (a < 0 ? a + x.shape.length : a)) ?? x.shape.map((_, i) => i);
  const upsample = c.node.op === "Upsample" || c.inputs.length === 2;
  const scalesAt = upsample ? 1 : 2;
  const scales = ints(c, "scales") ?? (c.inputs[scalesAt] && constantNumbers(c, scalesAt, "list of scales"));
  const shape = [...x.shape];
  if (c.inputs[3]) constantNumbers(c, 3, "list of sizes").forEach((s, i) => (shape[axes[i]!] = s));
  else if (scales?.length) scales.forEach((s, i) => (shape[axes[i]!] = Math.floor(x.shape[axes[i]!]! * s)));
  else throw new OpError(c.node, "neither scales nor sizes are given. The file is incomplete; export it again.");
  return [{ dtype: x.dtype, shape }];
};

const gridSample: InferRule = (c) => {
  const x = required(c, 0);
  const grid = required(c, 1);
  return [{ dtype: x.dtype, shape: [x.shape[0]!, x.shape[1]!, ...grid.shape.slice(1, -1)] }];
};

const blocks =
  (deeper: boolean): InferRule =>
  (c) => {
    const x = required(c, 0);
    const b = int(c, "blocksize", 1);
    const [n, ch, h, w] = x.shape as [number, number, number, number];
    const shape = deeper ? [n, ch * b * b, h / b, w / b] : [n, ch / (b * b), h * b, w * b];
    if (shape.some((d) => !Number.isInteger(d))) throw new OpError(c.node, `[${x.shape}] does not divide into blocks of ${b}.`);
    return [{ dtype: x.dtype, shape }];
  };

export const windows: InferTable = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool,
  AveragePool: pool,
  LpPool: pool,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  GlobalLpPool: globalPool,
  Resize: resize,
  Upsample: resize,
  GridSample: gridSample,
  SpaceToDepth: blocks(true),
  DepthToSpace: blocks(false),
};
