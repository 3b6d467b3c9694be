/**
 * Conv and ConvTranspose with every attribute explicit. On the way a Conv takes in the BatchNormalization after it,
 * and, if it is the network's first, the channel order and scale of the picture.
 */
import { sizeOf, type Attrs, type Node, type Tensor, type Value } from "../graph";
import { reach, windows } from "../infer/window";
import { computed, f32, numbers } from "../tensor";
import { normScaleShift } from "./normalisation";
import type { Affine, CanonicalRule, CanonicalTable, Site } from "./site";

function attributes(s: Site, sizes: readonly number[], kernel: readonly number[]): Attrs & { pads: number[] } {
  const axes = windows(s, sizes, kernel);
  return {
    kernel_shape: [...kernel],
    strides: axes.map((w) => w.stride),
    dilations: axes.map((w) => w.dilation),
    pads: [...axes.map((w) => w.before), ...axes.map((w) => w.after)],
    group: s.int("group", 1),
  };
}

/** The BatchNormalization that alone reads this node's output, if its numbers are constants. */
function normAfter(s: Site): Node | undefined {
  const next = s.around.soleConsumer(s.node.outputs[0]!);
  return next?.op === "BatchNormalization" && next.inputs[0] === s.node.outputs[0] ? next : undefined;
}

/** W and B times and plus what the BatchNormalization does to output channel m. `channelOf` says which m an element of W feeds. */
function scaled(
  W: Tensor,
  B: Tensor | undefined,
  scale: readonly number[],
  shift: readonly number[],
  channelOf: (i: number) => number,
) {
  const weights = computed("float32", W.shape, () => {
    const w = Float32Array.from(W.data as Float32Array);
    for (let i = 0; i < w.length; i++) w[i]! *= scale[channelOf(i)]!;
    return w;
  });
  const bias = B ? numbers(B) : scale.map(() => 0);
  return { W: weights, B: f32(shift.map((d, m) => bias[m]! * scale[m]! + d)) };
}

/** Conv over the network's picture, rewritten to take RGB in 0..1: permuted and scaled weights, the shift in bias or an Add. */
function absorb(s: Site, W: Tensor, B: Tensor | undefined, { source, scale, shift }: Affine, pads: readonly number[]) {
  const [M, C] = W.shape as [number, number];
  const inner = sizeOf(W.shape.slice(2));
  const from = W.data as Float32Array;
  const to = new Float32Array(from.length);
  const bias = B ? numbers(B) : new Array<number>(M).fill(0);
  const padded = pads.some((p) => p !== 0);
  for (let m = 0; m < M; m++)
    for (let c = 0; c < C; c++)
      for (let i = 0; i < inner; i++) {
        const w = from[(m * C + c) * inner + i]!;
        to[(m * C + source[c]!) * inner + i] = w * scale[c]!;
        if (!padded) bias[m]! += w * shift[c]!;
      }
  let x = s.input(0);
  const shifted = shift.some((d) => d !== 0);
  if (padded && shifted) {
    // The padding is zeros after the shift, so it cannot move into the bias: 0 must stay 0.
    const offset = new Float32Array(C);
    source.forEach((r, c) => (offset[r] = shift[c]! / scale[c]!));
    x = s.step("shifted", "Add", [x, s.hold("shift", f32(offset, [1, C, ...W.shape.slice(2).map(() => 1)]))]);
  }
  return { x, W: f32(to, W.shape), B: B || (!padded && shifted) ? f32(bias) : undefined };
}

const conv: CanonicalRule = (s) => {
  const weight = s.input(1);
  const kernel = weight.shape.slice(2);
  if (s.rankAtLeast(0, 3).shape.length !== weight.shape.length) return [s.last("Conv", [s.input(0), weight])]; // inference names the fault
  const attrs = attributes(s, s.input(0).shape.slice(2), s.ints("kernel_shape") ?? kernel);
  let x: Value = s.input(0);
  let W = s.constant(1);
  let B = s.constant(2);
  const first = s.around.absorb.get(s.node);
  const norm = normAfter(s);
  const known = W && (B || !s.inputs[2]);
  if (!W || !known || (!first && !norm)) return [s.last("Conv", [x, weight, ...(s.inputs[2] ? [s.inputs[2]] : [])], attrs)];
  if (first) ({ x, W, B } = absorb(s, W, B, first, attrs.pads));
  const affine = norm && normScaleShift(s.around, norm, W.shape[0]!);
  if (norm && affine) {
    const perChannel = sizeOf(W.shape) / W.shape[0]!;
    const folded = scaled(W, B, affine.scale, affine.shift, (i) => Math.floor(i / perChannel));
    const y = emitAs(s, norm, "Conv", [x, s.hold("W", folded.W), s.hold("B", folded.B)], attrs);
    return [y];
  }
  return [s.last("Conv", [x, s.hold("W", W), ...(B ? [s.hold("B", B)] : [])], attrs)];
};

/** Emits under the name of the BatchNormalization that this node has taken in, and marks that one as done. */
function emitAs(s: Site, norm: Node, op: string, inputs: readonly Value[], attrs: Attrs): Value {
  const y = s.b.node(op, inputs, attrs, { name: s.node.name, outputNames: [norm.outputs[0]!] });
  s.around.settle(norm, y);
  return y;
}

const convTranspose: CanonicalRule = (s) => {
  const x = s.rankAtLeast(0, 3);
  const weight = s.input(1);
  const sizes = x.shape.slice(2);
  const auto = s.text("auto_pad", "NOTSET");
  const axes = windows(s, sizes, s.ints("kernel_shape") ?? weight.shape.slice(2));
  const extra = s.ints("output_padding")?.slice() ?? sizes.map(() => 0);
  let before = axes.map((w) => w.before);
  let after = axes.map((w) => w.after);
  const wanted = s.ints("output_shape") ?? (auto.startsWith("SAME") ? axes.map((w) => w.size * w.stride) : undefined);
  if (wanted) {
    const total = axes.map((w, i) => w.stride * (w.size - 1) + extra[i]! + reach(w) - wanted.at(i - axes.length)!);
    total.forEach((t, i) => {
      if (t < 0) extra[i]! -= t; // the wanted output is larger than the windows reach
    });
    const sum = total.map((t) => Math.max(0, t));
    const less = sum.map((t) => Math.floor(t / 2));
    const more = sum.map((t, i) => t - less[i]!);
    [before, after] = auto === "SAME_UPPER" ? [less, more] : [more, less];
  }
  const attrs: Attrs = {
    kernel_shape: weight.shape.slice(2),
    strides: axes.map((w) => w.stride),
    dilations: axes.map((w) => w.dilation),
    pads: [...before, ...after],
    output_padding: extra,
    group: s.int("group", 1),
  };
  const W = s.constant(1);
  const B = s.constant(2);
  const norm = normAfter(s);
  const group = s.int("group", 1);
  const perGroup = weight.shape[1]!;
  const affine = norm && W && (B || !s.inputs[2]) && normScaleShift(s.around, norm, perGroup * group);
  if (!W || !norm || !affine) return [s.last("ConvTranspose", [x, weight, ...(s.inputs[2] ? [s.inputs[2]] : [])], attrs)];
  const inner = sizeOf(W.shape.slice(2));
  const inputsPerGroup = W.shape[0]! / group;
  const channelOf = (i: number) =>
    Math.floor(i / (inner * perGroup * inputsPerGroup)) * perGroup + (Math.floor(i / inner) % perGroup);
  const folded = scaled(W, B, affine.scale, affine.shift, channelOf);
  return [emitAs(s, norm, "ConvTranspose", [x, s.hold("W", folded.W), s.hold("B", folded.B)], attrs)];
};

export const convolution: CanonicalTable = { Conv: conv, ConvTranspose: convTranspose };
