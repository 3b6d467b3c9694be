/**
 * Pools with explicit pads and no ceil_mode.
 *
 * Under ceil_mode the last window may stick out beyond the padding; the overhang becomes padding at the end. For MaxPool that
 * is all. An average that counts its padding does not count the overhang, so the declared padding becomes a Pad of zeros and
 * the overhang is pooled with count_include_pad = 0.
 */
import type { Value } from "../graph";
import { countCeil, reach, windows, type Window } from "../infer/window";
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
const undilated = (s: Site, axes: readonly Window[], before: readonly number[], after: readonly number[]) => {
  const { dilations, ...attrs } = attributes(axes, before, after);
  if (dilations.some((d) => d !== 1))
    s.fail(`dilations [${dilations}] of an average are not supported. Choose an earlier layer.`);
  return attrs;
};

const averagePool: CanonicalRule = (s) => {
  const x = s.rankAtLeast(0, 3);
  const { axes, overhang } = explicit(s, x);
  const includes = s.int("count_include_pad", 0);
  const before = axes.map((w) => w.before);
  const after = axes.map((w) => w.after);
  if (includes && (overhang.some((o) => o > 0) || tooWide(axes))) {
    const declared = after.map((p, i) => p - overhang[i]!);
    const zeros = axes.map(() => 0);
    const source = [...before, ...declared].some((p) => p > 0) ? padded(s, x, before, declared, 0) : x;
    return [s.last("AveragePool", [source], { ...undilated(s, axes, zeros, overhang), count_include_pad: 0 })];
  }
  return [s.last("AveragePool", [x], { ...undilated(s, axes, before, after), count_include_pad: includes })];
};

const globalAverage: CanonicalRule = (s) => {
  const x = s.rankAtLeast(0, 3);
  return [s.last("ReduceMean", [x, s.b.ints(x.shape.slice(2).map((_, i) => i + 2))], { keepdims: 1 })];
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
};
