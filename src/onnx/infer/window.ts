/** Types of convolutions and pools, over any number of spatial axes, and the arithmetic of their windows. */
import type { ValueType } from "../graph";
import { CONTRADICTION, show, type InferRule, type InferTable, type NodeView } from "./nodeView";

/** One spatial axis of a sliding window. */
export interface Window {
  /** Rows of the input along this axis. */
  size: number;
  kernel: number;
  stride: number;
  dilation: number;
  before: number;
  after: number;
}

/** Input rows that one window spans. */
export const reach = (w: Pick<Window, "kernel" | "dilation">): number => (w.kernel - 1) * w.dilation + 1;

/** Number of windows when the last one must lie wholly inside input and padding. */
export const countFloor = (w: Window): number => Math.floor((w.size + w.before + w.after - reach(w)) / w.stride) + 1;

/**
 * Number of windows under ceil_mode: the last may stick out of the right padding,
 * but must start inside the input or the left padding (Caffe's rule, PyTorch's and ORT's).
 */
export function countCeil(w: Window): number {
  const count = Math.ceil((w.size + w.before + w.after - reach(w)) / w.stride) + 1;
  return (count - 1) * w.stride >= w.size + w.before ? count - 1 : count;
}

/** The windows of a Conv or pool node over spatial sizes `sizes`, with auto_pad resolved to pads. Checks lengths and signs. */
export function windows(v: NodeView, sizes: readonly number[], kernel: readonly number[]): Window[] {
  const rank = sizes.length;
  if (kernel.length !== rank) v.fail(`a kernel ${show(kernel)} over ${rank} spatial axes ${show(sizes)}. ${CONTRADICTION}`);
  const strides = v.ints("strides") ?? sizes.map(() => 1);
  const dilations = v.ints("dilations") ?? sizes.map(() => 1);
  const pads = v.ints("pads") ?? [...sizes, ...sizes].map(() => 0);
  if (strides.length !== rank || dilations.length !== rank || pads.length !== 2 * rank)
    v.fail(
      `strides ${show(strides)}, dilations ${show(dilations)}, pads ${show(pads)} for ${rank} spatial axes. ${CONTRADICTION}`,
    );
  if ([...kernel, ...strides, ...dilations].some((x) => !Number.isInteger(x) || x < 1))
    v.fail(
      `kernel ${show(kernel)}, strides ${show(strides)}, dilations ${show(dilations)}: all must be 1 or more. ${CONTRADICTION}`,
    );
  const auto = v.text("auto_pad", "NOTSET");
  return sizes.map((size, i) => {
    const w = {
      size,
      kernel: kernel[i]!,
      stride: strides[i]!,
      dilation: dilations[i]!,
      before: pads[i]!,
      after: pads[i + rank]!,
    };
    if (auto === "NOTSET" || auto === "") return w;
    if (auto === "VALID") return { ...w, before: 0, after: 0 };
    const total = Math.max(0, (Math.ceil(size / w.stride) - 1) * w.stride + reach(w) - size);
    const less = Math.floor(total / 2);
    return auto === "SAME_UPPER" ? { ...w, before: less, after: total - less } : { ...w, before: total - less, after: less };
  });
}

function outputSizes(v: NodeView, axes: readonly Window[], count: (w: Window) => number): number[] {
  return axes.map((w) => {
    const out = count(w);
    if (out < 1)
      v.fail(
        `a window of ${reach(w)} does not fit into ${w.size} + ${w.before} + ${w.after} padding. Choose a larger picture size or an earlier layer.`,
      );
    return out;
  });
}

/** Shape of a Conv's weight and how it must fit X. `M` output channels, per group C/group input channels. */
function checkChannels(v: NodeView, channels: number, expected: number, group: number): void {
  if (channels !== expected * group)
    v.fail(
      group === 1
        ? `${channels} input channels, but the weight expects ${expected}. ${CONTRADICTION}`
        : `${channels} input channels, but the weight expects ${expected} x ${group} groups = ${expected * group}. ${CONTRADICTION}`,
    );
}

function checkBias(v: NodeView, channels: number): void {
  const bias = v.inputs[2];
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== channels))
    v.fail(`a bias ${show(bias.shape)} for ${channels} output channels. ${CONTRADICTION}`);
}

const conv: InferRule = (v) => {
  const X = v.rankAtLeast(0, 3);
  const W = v.input(1);
  if (W.shape.length !== X.shape.length)
    v.fail(`its input is ${show(X.shape)}, but its weight is ${show(W.shape)}; both need as many axes. ${CONTRADICTION}`);
  const [M, perGroup] = W.shape as [number, number];
  const group = v.int("group", 1);
  checkChannels(v, X.shape[1]!, perGroup, group);
  if (M % group) v.fail(`${M} output channels do not divide into ${group} groups. ${CONTRADICTION}`);
  checkBias(v, M);
  const kernel = v.ints("kernel_shape") ?? W.shape.slice(2);
  if (kernel.join() !== W.shape.slice(2).join())
    v.fail(`kernel_shape ${show(kernel)}, but the weight is ${show(W.shape)}. ${CONTRADICTION}`);
  const out = outputSizes(v, windows(v, X.shape.slice(2), kernel), countFloor);
  return [{ dtype: X.dtype, shape: [X.shape[0]!, M, ...out] }];
};

const convTranspose: InferRule = (v) => {
  const X = v.rankAtLeast(0, 3);
  const W = v.input(1);
  if (W.shape.length !== X.shape.length)
    v.fail(`its input is ${show(X.shape)}, but its weight is ${show(W.shape)}; both need as many axes. ${CONTRADICTION}`);
  const group = v.int("group", 1);
  if (X.shape[1] !== W.shape[0]) v.fail(`${X.shape[1]} input channels, but the weight expects ${W.shape[0]}. ${CONTRADICTION}`);
  if (W.shape[0]! % group) v.fail(`${W.shape[0]} input channels do not divide into ${group} groups. ${CONTRADICTION}`);
  const channels = W.shape[1]! * group;
  checkBias(v, channels);
  const sizes = X.shape.slice(2);
  const same = v.text("auto_pad", "NOTSET").startsWith("SAME");
  const extra = v.ints("output_padding") ?? sizes.map(() => 0);
  const axes = windows(v, sizes, v.ints("kernel_shape") ?? W.shape.slice(2));
  const out =
    v.ints("output_shape") ??
    axes.map((w, i) => {
      if (same) return w.size * w.stride;
      const size = w.stride * (w.size - 1) + extra[i]! + reach(w) - w.before - w.after;
      return size > 0 ? size : v.fail(`its output would have ${size} rows along spatial axis ${i}. ${CONTRADICTION}`);
    });
  return [{ dtype: X.dtype, shape: [X.shape[0]!, channels, ...out] }];
};

const pool: InferRule = (v) => {
  const X = v.rankAtLeast(0, 3);
  const sizes = X.shape.slice(2);
  const kernel = v.ints("kernel_shape") ?? v.fail(`kernel_shape is missing. ${CONTRADICTION}`);
  const ceil = v.int("ceil_mode", 0) === 1;
  const out = outputSizes(v, windows(v, sizes, kernel), ceil ? countCeil : countFloor);
  const Y: ValueType = { dtype: X.dtype, shape: [...X.shape.slice(0, 2), ...out] };
  return v.node.op === "MaxPool" ? [Y, { dtype: "int64", shape: Y.shape }] : [Y];
};

const globalPool: InferRule = (v) => {
  const { dtype, shape } = v.rankAtLeast(0, 3);
  return [{ dtype, shape: shape.map((size, i) => (i < 2 ? size : 1)) }];
};

export const window: InferTable = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool,
  AveragePool: pool,
  LpPool: pool,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  GlobalLpPool: globalPool,
};
