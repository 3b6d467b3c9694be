/**
 * Pools with explicit pads and no ceil_mode.
 *
 * Under ceil_mode the last window may stick out beyond the padding; the overhang becomes padding at the end. For MaxPool that
 * is all. An average that counts its padding does not count the overhang, so the declared padding becomes a Pad of zeros and
 * the overhang is pooled with count_include_pad = 0.
 */
import type { Value } from "../graph";
import { countCeil, countFloor, reach, windows, type Window } from "../infer/window";
import { f32 } from "../tensor";
import type { CanonicalRule, CanonicalTable, Site } from "./site";

const LOWEST = -3.4028234663852886e38;

/** The windows with ceil_mode's overhang as padding after, and how far it goes beyond the declared padding. */
function explicit(s: Site, x: Value): { axes: Window[]; overhang: number[] } {
  const kernel = s.ints("kernel_shape") ?? s.fail("kernel_shape is missing. The file contradicts itself; export it again.");
  const declared = windows(s, x.shape.slice(2), kernel);
  if (!s.int("ceil_mode", 0)) return { axes: declared, overhang: declared.map(() => 0) };
  const overhang = declared.map((w) => Math.max(0, (countCeil(w) - 1) * w.stride + reach(w) - w.size - w.before - w.after));
  return { axes: declared.map((w, i) => ({ ...w, after: w.after + overhang[i]! })), overhang };
}

const attributes = (axes: readonly Window[], before: readonly number[], after: readonly number[]) => ({
  kernel_shape: axes.map((w) => w.kernel),
  strides: axes.map((w) => w.stride),
  dilations: axes.map((w) => w.dilation),
  pads: [...before, ...after],
});

/** x padded in space by `value`. */
function padded(s: Site, x: Value, before: readonly number[], after: readonly number[], value: number): Value {
  const pads = s.b.ints([0, 0, ...before, 0, 0, ...after]);
  return s.step("padded", "Pad", [x, pads, s.b.scalar(value)], { mode: "constant" });
}

/** Backends refuse padding of a kernel's size or more; only dilated windows can need it. */
const tooWide = (axes: readonly Window[]) => axes.some((w) => w.before >= w.kernel || w.after >= w.kernel);

const maxPool: CanonicalRule = (s) => {
  const x = s.rankAtLeast(0, 3);
  const { axes } = explicit(s, x);
  const before = axes.map((w) => w.before);
  const after = axes.map((w) => w.after);
  const zeros = axes.map(() => 0);
  if (tooWide(axes)) return [s.last("MaxPool", [padded(s, x, before, after, LOWEST)], attributes(axes, zeros, zeros))];
  return [s.last("MaxPool", [x], attributes(axes, before, after))];
};

/** AveragePool has no dilations before opset 19. */
const undilated = (axes: readonly Window[], before: readonly number[], after: readonly number[]) => {
  const { kernel_shape, strides, pads } = attributes(axes, before, after);
  return { kernel_shape, strides, pads };
};

/** How many taps of each window along one axis meet the input, or its declared padding where that counts. */
function taps(w: Window, overhang: number, includes: boolean): number[] {
  const [low, high] = includes ? [-w.before, w.size + w.after - overhang] : [0, w.size];
  return Array.from({ length: countFloor(w) }, (_, o) => {
    const at = Array.from({ length: w.kernel }, (_, k) => o * w.stride - w.before + k * w.dilation);
    return at.filter((i) => i >= low && i < high).length;
  });
}

/** A dilated average: the sum is a Conv of each channel by itself, the counts are known. */
function dilatedAverage(s: Site, x: Value, axes: readonly Window[], overhang: readonly number[], includes: boolean): Value {
  const channels = x.shape[1]!;
  const zeros = axes.map(() => 0);
  const source = padded(s, x, axes.map((w) => w.before), axes.map((w) => w.after), 0); // prettier-ignore
  const kernel = axes.map((w) => w.kernel);
  const sum = s.step("sum", "Conv", [source, s.hold("ones", f32(1, [channels, 1, ...kernel]))], {
    ...attributes(axes, zeros, zeros),
    group: channels,
  });
  const counts = axes.map((w, i) => taps(w, overhang[i]!, includes));
  const shares = counts.reduce<number[]>((all, own) => all.flatMap((a) => own.map((n) => a / n)), [1]);
  return s.last("Mul", [sum, s.hold("shares", f32(shares, [1, 1, ...counts.map((c) => c.length)]))]);
}

const averagePool: CanonicalRule = (s) => {
  const x = s.rankAtLeast(0, 3);
  const { axes, overhang } = explicit(s, x);
  const includes = s.int("count_include_pad", 0);
  if (axes.some((w) => w.dilation !== 1 && w.kernel !== 1)) return [dilatedAverage(s, x, axes, overhang, includes === 1)];
  const before = axes.map((w) => w.before);
  const after = axes.map((w) => w.after);
  if (includes && (overhang.some((o) => o > 0) || tooWide(axes))) {
    const declared = after.map((p, i) => p - overhang[i]!);
    const zeros = axes.map(() => 0);
    const source = [...before, ...declared].some((p) => p > 0) ? padded(s, x, before, declared, 0) : x;
    return [s.last("AveragePool", [source], { ...undilated(axes, zeros, overhang), count_include_pad: 0 })];
  }
  return [s.last("AveragePool", [x], { ...undilated(axes, before, after), count_include_pad: includes })];
};

const globalAverage: CanonicalRule = (s) => {
  const x = s.rankAtLeast(0, 3);
  return [s.last("ReduceMean", [x, s.b.ints(x.shape.slice(2).map((_, i) => i + 2))], { keepdims: 1 })];
};

/** |x|^p */
function power(s: Site, x: Value, p: number): Value {
  if (p === 1) return s.step("abs", "Abs", [x]);
  if (p === 2) return s.step("square", "Mul", [x, x]);
  return s.step("power", "Pow", [s.step("abs", "Abs", [x]), s.b.scalar(p)]);
}

/** sum^(1/p), as the node's output. */
const root = (s: Site, sum: Value, p: number): Value =>
  p === 1 ? s.last("Identity", [sum]) : p === 2 ? s.last("Sqrt", [sum]) : s.last("Pow", [sum, s.b.scalar(1 / p)]);

/** (sum of |x|^p over the window)^(1/p): the sum is an average, padding counted, times the window's size. */
const lpPool: CanonicalRule = (s) => {
  const x = s.rankAtLeast(0, 3);
  const { axes, overhang } = explicit(s, x);
  if (overhang.some((o) => o > 0))
    s.fail("its last window sticks out (ceil_mode), which is not supported. Choose an earlier layer.");
  const p = s.int("p", 2);
  const mean = s.as("mean", "AveragePool", [power(s, x, p)], { ...s.node.attrs, count_include_pad: 1 });
  const size = axes.reduce((n, w) => n * w.kernel, 1);
  return [root(s, s.step("sum", "Mul", [mean, s.b.scalar(size)]), p)];
};

const globalLp: CanonicalRule = (s) => {
  const x = s.rankAtLeast(0, 3);
  const p = s.int("p", 2);
  const over = s.b.ints(x.shape.slice(2).map((_, i) => i + 2));
  return [root(s, s.step("sum", "ReduceSum", [power(s, x, p), over], { keepdims: 1 }), p)];
};

const globalMax: CanonicalRule = (s) => {
  const x = s.rankAtLeast(0, 3);
  const ones = x.shape.slice(2).map(() => 1);
  const pads = [...ones, ...ones].map(() => 0);
  return [s.last("MaxPool", [x], { kernel_shape: x.shape.slice(2), strides: ones, dilations: ones, pads })];
};

export const pooling: CanonicalTable = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: globalAverage,
  GlobalMaxPool: globalMax,
  LpPool: lpPool,
  GlobalLpPool: globalLp,
};
