/** Every layer type against its definition in Caffe, written out in plain loops, run in ONNX Runtime. */
import { describe, expect, test } from "vitest";
import { at, check, filled, map, run, sum, type LayerCase as Case } from "../../../test/caffeLayer";
import { sizeOf, type Tensor } from "../../onnx/graph";
import { f32, numbers } from "../../onnx/tensor";

const picture = [2, 4, 6, 5];
const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;

/** A tensor whose numbers are worked on in so many equal groups. */
function inGroups(a: Tensor, groups: number, f: (group: number[]) => number[]): Tensor {
  const all = numbers(a);
  const size = all.length / groups;
  return f32(Array.from({ length: groups }, (_, i) => f(all.slice(i * size, (i + 1) * size))).flat(), a.shape);
}

const elementwise = (layer: string, f: (x: number) => number, above?: number): [string, Case] => [
  layer,
  { layer, bottoms: [picture], expected: ([a]) => map(a!, f), ...(above === undefined ? {} : { above }) },
];

describe("number by number", () => {
  test.each<[string, Case]>([
    elementwise(`type: "ReLU"`, (x) => Math.max(0, x)),
    elementwise(`type: "ReLU" relu_param { negative_slope: 0.1 }`, (x) => (x > 0 ? x : 0.1 * x)),
    elementwise(`type: "ReLU6"`, (x) => Math.min(6, Math.max(0, x))),
    elementwise(`type: "ELU"`, (x) => (x > 0 ? x : Math.expm1(x))),
    elementwise(`type: "ELU" elu_param { alpha: 0.5 }`, (x) => (x > 0 ? x : 0.5 * Math.expm1(x))),
    elementwise(`type: "Sigmoid"`, (x) => 1 / (1 + Math.exp(-x))),
    elementwise(`type: "TanH"`, Math.tanh),
    elementwise(`type: "AbsVal"`, Math.abs),
    elementwise(`type: "BNLL"`, (x) => Math.log1p(Math.exp(x))),
    elementwise(`type: "Power"`, (x) => x),
    elementwise(`type: "Power" power_param { scale: 2 shift: -1 }`, (x) => 2 * x - 1),
    elementwise(`type: "Power" power_param { power: 2 scale: 0.5 shift: 1 }`, (x) => (1 + 0.5 * x) ** 2),
    elementwise(`type: "Power" power_param { power: -0.5 }`, (x) => x ** -0.5, 0.1),
    elementwise(`type: "Exp"`, Math.exp),
    elementwise(`type: "Exp" exp_param { base: 2 scale: 3 shift: 0.5 }`, (x) => 2 ** (0.5 + 3 * x)),
    elementwise(`type: "Exp" exp_param { shift: 1 }`, (x) => Math.exp(1 + x)),
    elementwise(`type: "Log"`, Math.log, 0.1),
    elementwise(`type: "Log" log_param { base: 10 scale: 2 shift: 1 }`, (x) => Math.log10(1 + 2 * x), 0.1),
    elementwise(`type: "Threshold" threshold_param { threshold: 0.25 }`, (x) => (x > 0.25 ? 1 : 0)),
    elementwise(`type: "Clip" clip_param { min: -0.5 max: 1 }`, (x) => Math.min(1, Math.max(-0.5, x))),
    elementwise(`type: "Swish"`, (x) => x / (1 + Math.exp(-x))),
    elementwise(`type: "Swish" swish_param { beta: 2 }`, (x) => x / (1 + Math.exp(-2 * x))),
    elementwise(`type: "Dropout" dropout_param { dropout_ratio: 0.4 }`, (x) => x),
    elementwise(`type: "Dropout" dropout_param { dropout_ratio: 0.4 scale_train: false }`, (x) => 0.6 * x),
  ])("%s", async (_, c) => check(c));

  test("PReLU, a slope for each channel or one for all", async () => {
    const bottoms = [picture];
    const own = ([a, s]: [Tensor, Tensor], shared: boolean) =>
      filled(picture, (n, c, h, w) => (at(a, n!, c!, h!, w!) > 0 ? 1 : at(s, shared ? 0 : c!)) * at(a, n!, c!, h!, w!));
    await check({ layer: `type: "PReLU"`, bottoms, blobs: [[4]], expected: ([a], [s]) => own([a!, s!], false) });
    const layer = `type: "PReLU" prelu_param { channel_shared: true }`;
    await check({ layer, bottoms, blobs: [[]], expected: ([a], [s]) => own([a!, f32(numbers(s!), [1])], true) });
  });
});

/** Convolution as Caffe defines it; `w` is [M, C / group, kh, kw]. */
function conv(a: Tensor, w: Tensor, b: Tensor | undefined, o: { stride: number[]; pad: number[]; dilation: number[]; group: number }) {
  const [N, C, H, W] = a.shape as [number, number, number, number];
  const [M, per, kh, kw] = w.shape as [number, number, number, number];
  const size = (d: number, k: number, i: number) => Math.floor((d + 2 * o.pad[i]! - ((k - 1) * o.dilation[i]! + 1)) / o.stride[i]!) + 1;
  expect(per * o.group).toBe(C);
  return filled([N, M, size(H, kh, 0), size(W, kw, 1)], (n, m, y, x) => {
    const first = Math.floor(m! / (M / o.group)) * per;
    return (b ? at(b, m!) : 0) + sum(per, (c) => sum(kh, (i) => sum(kw, (j) =>
      at(w, m!, c, i, j) * at(a, n!, first + c, y! * o.stride[0]! - o.pad[0]! + i * o.dilation[0]!, x! * o.stride[1]! - o.pad[1]! + j * o.dilation[1]!))));
  });
} // prettier-ignore

/** Deconvolution: every number of `a` lays the kernel down; `w` is [C, M / group, kh, kw]. */
function deconv(a: Tensor, w: Tensor, b: Tensor | undefined, o: { stride: number; pad: number; dilation: number; group: number }) {
  const [N, C, H, W] = a.shape as [number, number, number, number];
  const [, per, kh, kw] = w.shape as [number, number, number, number];
  const M = per * o.group;
  const size = (d: number, k: number) => o.stride * (d - 1) + (k - 1) * o.dilation + 1 - 2 * o.pad;
  return filled([N, M, size(H, kh), size(W, kw)], (n, m, y, x) => {
    const group = Math.floor(m! / per);
    const from = (C / o.group) * group;
    return (b ? at(b, m!) : 0) + sum(C / o.group, (c) => sum(kh, (i) => sum(kw, (j) => {
      const [row, column] = [(y! + o.pad - i * o.dilation) / o.stride, (x! + o.pad - j * o.dilation) / o.stride];
      return Number.isInteger(row) && Number.isInteger(column) ? at(w, from + c, m! % per, i, j) * at(a, n!, from + c, row, column) : 0;
    })));
  });
} // prettier-ignore

describe("weights that slide", () => {
  const plain = { stride: [1, 1], pad: [0, 0], dilation: [1, 1], group: 1 };
  const convolution = (p: string, w: number[], o: Partial<typeof plain>, bias = true, type = "Convolution"): [string, Case] => [
    `${type} ${p}`,
    {
      layer: `type: "${type}" convolution_param { num_output: ${w[0]} ${p} }`,
      bottoms: [[2, 4, 7, 8]],
      blobs: bias ? [w, [w[0]!]] : [w],
      expected: ([a], [W, b]) => conv(a!, W!, b, { ...plain, ...o }),
    },
  ];
  test.each([
    convolution("kernel_size: 3", [6, 4, 3, 3], {}),
    convolution("kernel_size: 3 pad: 1 stride: 2 bias_term: false", [6, 4, 3, 3], { pad: [1, 1], stride: [2, 2] }, false),
    convolution("kernel_h: 3 kernel_w: 1 pad_h: 1 stride_h: 2 stride_w: 1", [6, 4, 3, 1], { pad: [1, 0], stride: [2, 1] }),
    convolution("kernel_size: 3 kernel_size: 2 pad: [2, 0] stride: 1", [6, 4, 3, 2], { pad: [2, 0] }),
    convolution("kernel_size: 3 dilation: 2 pad: 2", [6, 4, 3, 3], { dilation: [2, 2], pad: [2, 2] }),
    convolution("kernel_size: 3 group: 2", [6, 2, 3, 3], { group: 2 }),
    convolution("kernel_size: 3 pad: 1", [4, 1, 3, 3], { pad: [1, 1], group: 4 }, true, "DepthwiseConvolution"),
  ])("%s", async (_, c) => check(c));

  const simple = { stride: 1, pad: 0, dilation: 1, group: 1 };
  test.each<[string, number[], Partial<typeof simple>]>([
    ["kernel_size: 4 stride: 2 pad: 1", [4, 3, 4, 4], { stride: 2, pad: 1 }],
    ["kernel_size: 3 dilation: 2", [4, 3, 3, 3], { dilation: 2 }],
    ["kernel_size: 4 stride: 2 pad: 1 group: 4 bias_term: false", [4, 1, 4, 4], { stride: 2, pad: 1, group: 4 }],
    ["kernel_size: 3 group: 2 stride: 3", [4, 3, 3, 3], { stride: 3, group: 2 }],
  ])("Deconvolution %s", async (p, w, o) => {
    const M = w[1]! * (o.group ?? 1);
    await check({
      layer: `type: "Deconvolution" convolution_param { num_output: ${M} ${p} }`,
      bottoms: [[2, 4, 5, 4]],
      blobs: p.includes("bias_term") ? [w] : [w, [M]],
      expected: ([a], [W, b]) => deconv(a!, W!, b, { ...simple, ...o }),
    });
  });

  test.each([
    ["num_output: 3", [2, 4, 3, 2], [3, 24], 1, false],
    ["num_output: 3 transpose: true", [2, 4, 3, 2], [24, 3], 1, true],
    ["num_output: 3 axis: 2", [2, 4, 3, 2], [3, 6], 2, false],
    ["num_output: 3 axis: -1 transpose: true bias_term: false", [2, 4, 3, 2], [2, 3], 3, true],
    ["num_output: 3", [2, 5], [3, 5], 1, false],
  ])("InnerProduct %s of [%s]", async (p, shape, w, axis, transposed) => {
    const head = shape.slice(0, axis);
    await check({
      layer: `type: "InnerProduct" inner_product_param { ${p} }`,
      bottoms: [shape],
      blobs: p.includes("bias_term") ? [w] : [w, [3]],
      expected: ([a], [W, b]) => {
        const K = sizeOf(shape.slice(axis));
        const rows = sizeOf(head);
        const flat = f32(numbers(a!), [rows, K]);
        const y = filled([rows, 3], (r, m) => (b ? at(b, m!) : 0) + sum(K, (k) => at(flat, r!, k) * (transposed ? at(W!, k, m!) : at(W!, m!, k))));
        return f32(numbers(y), [...head, 3]);
      },
    });
  }); // prettier-ignore
});

/** Caffe's pooling, as its source defines it: sizes rounded up, clipped where there is padding; AVE divides by what lies in the padded picture. */
function pool(a: Tensor, kind: string, k: number, stride: number, pad: number): Tensor {
  const [N, C, H, W] = a.shape as [number, number, number, number];
  const count = (d: number) => {
    const n = Math.ceil((d + 2 * pad - k) / stride) + 1;
    return pad > 0 && (n - 1) * stride >= d + pad ? n - 1 : n;
  };
  return filled([N, C, count(H), count(W)], (n, c, y, x) => {
    const [top, left] = [y! * stride - pad, x! * stride - pad];
    const [bottom, right] = [Math.min(top + k, H + pad), Math.min(left + k, W + pad)];
    let largest = -Infinity;
    let total = 0;
    for (let i = Math.max(top, 0); i < Math.min(bottom, H); i++)
      for (let j = Math.max(left, 0); j < Math.min(right, W); j++) {
        largest = Math.max(largest, at(a, n!, c!, i, j));
        total += at(a, n!, c!, i, j);
      }
    return kind === "MAX" ? largest : total / ((bottom - top) * (right - left));
  });
}

describe("Pooling", () => {
  const sweep = [5, 6, 7, 8].flatMap((size) =>
    [2, 3].flatMap((k) => [1, 2, 3].flatMap((stride) => [0, 1].map((pad) => ({ size, k, stride, pad })))),
  );
  const beyond = ({ size, k, stride, pad }: (typeof sweep)[number]) =>
    pad === 0 && Math.ceil((size - k) / stride) * stride >= size;

  test.each(["MAX", "AVE"])("%s over sizes, kernels, strides and pads", async (kind) => {
    for (const p of sweep) {
      const layer = `type: "Pooling" pooling_param { pool: ${kind} kernel_size: ${p.k} stride: ${p.stride} pad: ${p.pad} }`;
      const c = {
        layer,
        bottoms: [[1, 2, p.size, p.size + 1]],
        expected: ([a]: Tensor[]) => pool(a!, kind, p.k, p.stride, p.pad),
      };
      if (beyond(p) || beyond({ ...p, size: p.size + 1 })) await expect(run(c)).rejects.toThrow("begins behind its bottom");
      else await check(c);
    }
  });

  test("4x4 and 3, stride 2, pad 1 by hand: the last window holds the last row and column alone, and 5 of padding are not counted twice", async () => {
    // windows at -1, 1, 3; Caffe keeps those that begin before 4 + 1: three. AVE at (2, 2): rows 3..5 of which 4 is padding, 5 outside
    const c = `type: "Pooling" pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }`;
    const { inputs, results } = await run({ layer: c, bottoms: [[1, 1, 4, 4]], expected: ([a]) => a! });
    expect(results[0]!.shape).toEqual([1, 1, 3, 3]);
    expect(results[0]!.data[8]).toBeCloseTo(Number(inputs[0]!.data[15]) / 4, 6);
  });

  test("oblong, global, and rounded down", async () => {
    const bottoms = [[2, 3, 5, 6]];
    await check({ layer: `type: "Pooling" pooling_param { pool: AVE global_pooling: true }`, bottoms, expected: ([a]) => filled([2, 3, 1, 1], (n, c) => sum(30, (i) => at(f32(numbers(a!), [2, 3, 30]), n!, c!, i)) / 30) });
    await check({ layer: `type: "Pooling" pooling_param { global_pooling: true }`, bottoms, expected: ([a]) => filled([2, 3, 1, 1], (n, c) => Math.max(...Array.from({ length: 30 }, (_, i) => at(f32(numbers(a!), [2, 3, 30]), n!, c!, i)))) });
    await check({ layer: `type: "Pooling" pooling_param { kernel_h: 5 kernel_w: 1 stride_h: 1 stride_w: 1 }`, bottoms, expected: ([a]) => filled([2, 3, 1, 6], (n, c, _, w) => Math.max(...[0, 1, 2, 3, 4].map((h) => at(a!, n!, c!, h, w!)))) });
    for (const p of ["round_mode: FLOOR", "ceil_mode: false"])
      await check({ layer: `type: "Pooling" pooling_param { kernel_size: 2 stride: 2 ${p} }`, bottoms, expected: ([a]) => filled([2, 3, 2, 3], (n, c, h, w) => Math.max(...[0, 1, 2, 3].map((i) => at(a!, n!, c!, 2 * h! + (i >> 1), 2 * w! + (i & 1))))) });
  }); // prettier-ignore
});

describe("normalisation, scale and shift", () => {
  test("LRN across channels", async () => {
    await check({
      layer: `type: "LRN" lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 k: 2 }`,
      bottoms: [picture],
      expected: ([a]) =>
        filled(picture, (n, c, h, w) => at(a!, n!, c!, h!, w!) * (2 + (0.5 / 3) * sum(3, (i) => at(a!, n!, c! - 1 + i, h!, w!) ** 2)) ** -0.75),
    });
  }); // prettier-ignore

  test("LRN within a channel, where padding counts", async () => {
    await check({
      layer: `type: "LRN" lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 k: 7 norm_region: WITHIN_CHANNEL }`,
      bottoms: [picture],
      expected: ([a]) =>
        filled(picture, (n, c, h, w) => at(a!, n!, c!, h!, w!) * (1 + (0.5 / 9) * sum(9, (i) => at(a!, n!, c!, h! - 1 + Math.floor(i / 3), w! - 1 + (i % 3)) ** 2)) ** -0.75),
    });
  }); // prettier-ignore

  test("BatchNorm, whose file has sums and their number", async () => {
    await check({
      layer: `type: "BatchNorm" batch_norm_param { eps: 0.01 use_global_stats: true }`,
      bottoms: [picture],
      blobs: [[4], [4], [1]],
      above: 0.2,
      expected: ([a], [mean, variance, count]) => {
        const by = 1 / at(count!, 0);
        return filled(picture, (n, c, h, w) => (at(a!, n!, c!, h!, w!) - at(mean!, c!) * by) / Math.sqrt(at(variance!, c!) * by + 0.01));
      },
    });
  }); // prettier-ignore

  test("Scale and Bias, learned or from another blob", async () => {
    const over = (f: (...i: number[]) => number) => filled(picture, f);
    await check({ layer: `type: "Scale"`, bottoms: [picture], blobs: [[4]], expected: ([a], [s]) => over((n, c, h, w) => at(a!, n!, c!, h!, w!) * at(s!, c!)) });
    await check({ layer: `type: "Scale" scale_param { bias_term: true }`, bottoms: [picture], blobs: [[4], [4]], expected: ([a], [s, b]) => over((n, c, h, w) => at(a!, n!, c!, h!, w!) * at(s!, c!) + at(b!, c!)) });
    await check({ layer: `type: "Scale" scale_param { axis: 2 num_axes: -1 bias_term: true }`, bottoms: [picture], blobs: [[6, 5], [6, 5]], expected: ([a], [s, b]) => over((n, c, h, w) => at(a!, n!, c!, h!, w!) * at(s!, h!, w!) + at(b!, h!, w!)) });
    await check({ layer: `type: "Scale" scale_param { num_axes: 0 }`, bottoms: [picture], blobs: [[]], expected: ([a], [s]) => map(a!, (x) => x * Number(s!.data[0])) });
    await check({ layer: `type: "Scale" scale_param { axis: 0 }`, bottoms: [picture, [2, 4]], expected: ([a, b]) => over((n, c, h, w) => at(a!, n!, c!, h!, w!) * at(b!, n!, c!)) });
    await check({ layer: `type: "Bias" bias_param { axis: 1 }`, bottoms: [picture], blobs: [[4]], expected: ([a], [b]) => over((n, c, h, w) => at(a!, n!, c!, h!, w!) + at(b!, c!)) });
    await check({ layer: `type: "Bias" bias_param { axis: -2 }`, bottoms: [picture, [6]], expected: ([a, b]) => over((n, c, h, w) => at(a!, n!, c!, h!, w!) + at(b!, h!)) });
  }); // prettier-ignore

  test("Normalize (SSD) and MVN", async () => {
    const norm = (a: Tensor, n: number, h: number, w: number) => Math.sqrt(1e-10 + sum(4, (c) => at(a, n, c, h, w) ** 2));
    await check({ layer: `type: "Normalize" norm_param { across_spatial: false channel_shared: false }`, bottoms: [picture], blobs: [[4]], expected: ([a], [s]) => filled(picture, (n, c, h, w) => (at(s!, c!) * at(a!, n!, c!, h!, w!)) / norm(a!, n!, h!, w!)) });
    await check({ layer: `type: "Normalize" norm_param { eps: 0.5 }`, bottoms: [picture], blobs: [[1]], expected: ([a], [s]) => inGroups(a!, 2, (x) => { const norm = Math.sqrt(0.5 + mean(x.map((v) => v * v)) * x.length); return x.map((v) => (at(s!, 0) * v) / norm); }) });
    const standard = (a: Tensor, groups: number, variance: boolean) =>
      inGroups(a, groups, (x) => {
        const centred = x.map((v) => v - mean(x));
        const deviation = Math.sqrt(mean(centred.map((v) => v * v)));
        return variance ? centred.map((v) => v / (deviation + 1e-9)) : centred;
      });
    await check({ layer: `type: "MVN"`, bottoms: [picture], expected: ([a]) => standard(a!, 8, true) });
    await check({ layer: `type: "MVN" mvn_param { across_channels: true }`, bottoms: [picture], expected: ([a]) => standard(a!, 2, true) });
    await check({ layer: `type: "MVN" mvn_param { normalize_variance: false }`, bottoms: [picture], expected: ([a]) => standard(a!, 8, false) });
  }); // prettier-ignore
});
