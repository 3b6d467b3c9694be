/**
 * MaxPoolGrad(X, Y, dY) -> dX: each window's cotangent to its first maximum in row-major order.
 *
 *   X [N, C, H, W]   Y, dY [N, C, h, w]   dX [N, C, H, W]
 */
import { OpError, sizeOf, spatial, type Value } from "../../onnx/graph";
import { f32, i64 } from "../../onnx/tensor";
import type { Lowering, LoweringContext } from "../lower";
import { wholeGroup } from "./groupedConv";

/** Below every activation, and finite: 0 * -infinity would be NaN in the one-hot convolution. */
const LOWEST = -1e30;

/** ORT's CPU MaxPool names its winners as flat indices into X, first maximum first; scattering dY there is exact. */
export const maxPoolGradByIndices: Lowering = ({ b, node, x: [X, Y, dY], attrs, indicesOf }) => {
  const indices = indicesOf(node.inputs[1]!) ?? b.nodeOutputs("MaxPool", [X!], attrs, { outputs: 2 })[1]!;
  const zeros = b.node("ConstantOfShape", [b.ints([sizeOf(X!.shape)])], { value: f32(0, [1]) });
  const flat = b.node("ScatterElements", [zeros, b.reshape(indices, [sizeOf(Y!.shape)]), b.reshape(dY!, [sizeOf(Y!.shape)])], {
    axis: 0,
    reduction: "add",
  });
  return b.reshape(flat, X!.shape);
};

/**
 * Without indices and without atomics. Three stages, all of them gathers:
 *   1. patches [N, C, k, h w]: the k pixels of every window, by one grouped convolution with one-hot kernels;
 *   2. rank [N, C, 1, h w]: k - i for the first i whose patch equals Y, so that a tie has one winner;
 *   3. every pixel of X looks at the windows that can cover it (ceil(kernel / stride) each way), and takes dY from those
 *      whose winner's rank is the one this pixel has in that window.
 */
export const maxPoolGradByGather: Lowering = (context) => {
  const { b, x } = context;
  const [X, Y, dY] = x as [Value, Value, Value];
  const [n, channels] = X.shape as [number, number];
  const { kernel, strides, dilations, pads } = geometry(context, X);
  const [h, w] = spatial(Y) as [number, number];
  const [height, width] = spatial(X) as [number, number];
  const [k, windows] = [kernel[0]! * kernel[1]!, h * w];

  const padded = b.pad(X, [0, 0, pads[0]!, pads[1]!, 0, 0, pads[2]!, pads[3]!], LOWEST);
  const slots = wholeGroup(k, channels); // more than k are for the convolution's sake: their rank is 0
  const oneHot = b.constant(f32(oneHotKernels(channels, k, slots), [channels * slots, 1, kernel[0]!, kernel[1]!]), "patches");
  const patches = b.conv(padded, oneHot, null, { kernel_shape: kernel, strides, dilations, pads: [0, 0, 0, 0], group: channels });
  const byWindow = b.reshape(patches, [n, channels, slots, windows]);
  const isMaximum = b.equal(byWindow, b.reshape(Y, [n, channels, 1, windows]));
  const ranks = b.constant(f32(Array.from({ length: slots }, (_, i) => Math.max(0, k - i)), [slots, 1]), "ranks"); // prettier-ignore
  const winner = b.reduceMax(b.where(isMaximum, ranks, 0), [2], false);

  const { window, rank } = coveringWindows({ kernel, strides, dilations, pads, out: [h, w], input: [height, width] });
  const readers = window.length / (height * width);
  const at = b.constant(i64(window), "windows");
  const there = [n, channels, readers, height * width];
  const theirWinner = b.reshape(b.node("Gather", [winner, at], { axis: 2 }), there);
  const theirs = b.reshape(b.node("Gather", [b.reshape(dY, [n, channels, windows]), at], { axis: 2 }), there);
  const mine = b.constant(f32(rank, [readers, height * width]), "rank");
  return b.reshape(b.reduceSum(b.where(b.equal(theirWinner, mine), theirs, 0), [2], false), X.shape);
};

function geometry({ node, attrs }: LoweringContext, X: Value) {
  const kernel = attrs.kernel_shape as readonly number[];
  if (kernel.length !== 2)
    throw new OpError(node, `pools over ${spatial(X).length} dimensions have no WebGPU gradient; two are supported.`);
  return {
    kernel,
    strides: attrs.strides as readonly number[],
    dilations: (attrs.dilations as readonly number[] | undefined) ?? [1, 1],
    pads: attrs.pads as readonly number[],
  };
}

/** Kernel [channels * slots, 1, kh, kw] whose output channel c * slots + i is pixel i of the window on channel c; none for i >= k. */
function oneHotKernels(channels: number, k: number, slots: number): Float32Array {
  const data = new Float32Array(channels * slots * k);
  for (let c = 0; c < channels; c++) for (let i = 0; i < k; i++) data[(c * slots + i) * k + i] = 1;
  return data;
}

interface Coverage {
  kernel: readonly number[];
  strides: readonly number[];
  dilations: readonly number[];
  pads: readonly number[];
  out: readonly [number, number];
  input: readonly [number, number];
}

/**
 * For every pixel, slot by slot, a window that covers it and the rank the pixel has in it; rank -1 marks an empty slot.
 * Both lists are [slots, H * W].
 */
function coveringWindows({ kernel, strides, dilations, pads, out, input }: Coverage): { window: number[]; rank: number[] } {
  const along = (axis: 0 | 1, pixel: number) => {
    const found: { window: number; offset: number }[] = [];
    for (let offset = 0; offset < kernel[axis]!; offset++) {
      const start = pixel + pads[axis]! - offset * dilations[axis]!;
      const window = start / strides[axis]!;
      if (Number.isInteger(window) && window >= 0 && window < out[axis]) found.push({ window, offset });
    }
    return found;
  };
  const rows = Array.from({ length: input[0] }, (_, y) => along(0, y));
  const columns = Array.from({ length: input[1] }, (_, x) => along(1, x));
  const k = kernel[0]! * kernel[1]!;
  const most = Math.max(...rows.map((r) => r.length)) * Math.max(...columns.map((c) => c.length));
  const pixels = input[0] * input[1];
  const window = new Array<number>(most * pixels).fill(0);
  const rank = new Array<number>(most * pixels).fill(-1);
  rows.forEach((row, y) =>
    columns.forEach((column, x) => {
      let slot = 0;
      for (const r of row)
        for (const c of column) {
          const place = slot++ * pixels + y * input[1] + x;
          window[place] = r.window * out[1] + c.window;
          rank[place] = k - (r.offset * kernel[1]! + c.offset);
        }
    }),
  );
  return { window, rank };
}
