/** Layers that combine blobs or move numbers about, against their definitions in Caffe; and that none of them freezes a picture's size. */
import { describe, expect, test } from "vitest";
import { at, check, filled, sum, type LayerCase as Case } from "../../../test/caffeLayer";
import { randomTensor } from "../../../test/smallGraph";
import { caffemodel } from "../../../test/tinyCaffe";
import { canonicalise } from "../../onnx/canonicalise";
import type { Tensor } from "../../onnx/graph";
import { f32, numbers } from "../../onnx/tensor";
import { importCaffe } from "./import";

const picture = [2, 4, 6, 5];
const reshaped = (shape: number[]) => ([a]: Tensor[]) => f32(numbers(a!), shape); // prettier-ignore

test.each<[string, Case]>([
  ["a sum", { layer: `type: "Eltwise"`, bottoms: [picture, picture, picture], expected: ([a, b, c]) => f32(numbers(a!).map((x, i) => x + numbers(b!)[i]! + numbers(c!)[i]!), picture) }],
  ["a weighted sum", { layer: `type: "Eltwise" eltwise_param { operation: SUM coeff: 1 coeff: -2 }`, bottoms: [picture, picture], expected: ([a, b]) => f32(numbers(a!).map((x, i) => x - 2 * numbers(b!)[i]!), picture) }],
  ["a product", { layer: `type: "Eltwise" eltwise_param { operation: PROD }`, bottoms: [picture, picture], expected: ([a, b]) => f32(numbers(a!).map((x, i) => x * numbers(b!)[i]!), picture) }],
  ["a maximum", { layer: `type: "Eltwise" eltwise_param { operation: MAX }`, bottoms: [picture, picture], expected: ([a, b]) => f32(numbers(a!).map((x, i) => Math.max(x, numbers(b!)[i]!)), picture) }],
  ["Axpy (SENet)", { layer: `type: "Axpy"`, bottoms: [[2, 4, 1, 1], picture, picture], expected: ([s, x, y]) => filled(picture, (n, c, h, w) => at(s!, n!, c!, 0, 0) * at(x!, n!, c!, h!, w!) + at(y!, n!, c!, h!, w!)) }],
  ["Axpy by [N, C]", { layer: `type: "Axpy"`, bottoms: [[2, 4], picture, picture], expected: ([s, x, y]) => filled(picture, (n, c, h, w) => at(s!, n!, c!) * at(x!, n!, c!, h!, w!) + at(y!, n!, c!, h!, w!)) }],
  ["Softmax over channels", { layer: `type: "Softmax"`, bottoms: [picture], expected: ([a]) => filled(picture, (n, c, h, w) => Math.exp(at(a!, n!, c!, h!, w!)) / sum(4, (k) => Math.exp(at(a!, n!, k, h!, w!)))) }],
  ["Softmax over the last axis", { layer: `type: "Softmax" softmax_param { axis: -1 }`, bottoms: [[2, 3]], expected: ([a]) => filled([2, 3], (n, c) => Math.exp(at(a!, n!, c!)) / sum(3, (k) => Math.exp(at(a!, n!, k)))) }],
  ["Concat", { layer: `type: "Concat"`, bottoms: [picture, [2, 1, 6, 5]], expected: ([a, b]) => filled([2, 5, 6, 5], (n, c, h, w) => (c! < 4 ? at(a!, n!, c!, h!, w!) : at(b!, n!, 0, h!, w!))) }],
  ["Concat by its older name for the axis", { layer: `type: "Concat" concat_param { concat_dim: 2 }`, bottoms: [picture, picture], expected: ([a, b]) => filled([2, 4, 12, 5], (n, c, h, w) => (h! < 6 ? at(a!, n!, c!, h!, w!) : at(b!, n!, c!, h! - 6, w!))) }],
  ["Concat of one", { layer: `type: "Concat"`, bottoms: [picture], expected: ([a]) => a! }],
  ["Slice in equal parts", { layer: `type: "Slice"`, bottoms: [picture], tops: 2, expected: ([a]) => [0, 2].map((from) => filled([2, 2, 6, 5], (n, c, h, w) => at(a!, n!, from + c!, h!, w!))) }],
  ["Slice at points", { layer: `type: "Slice" slice_param { axis: -2 slice_point: 1 slice_point: 4 }`, bottoms: [picture], tops: 3, expected: ([a]) => [[0, 1], [1, 3], [4, 2]].map(([from, rows]) => filled([2, 4, rows!, 5], (n, c, h, w) => at(a!, n!, c!, from! + h!, w!))) }],
  ["Split", { layer: `type: "Split"`, bottoms: [picture], tops: 2, expected: ([a]) => [a!, a!] }],
  ["Flatten", { layer: `type: "Flatten"`, bottoms: [picture], expected: reshaped([2, 120]) }],
  ["Flatten some axes", { layer: `type: "Flatten" flatten_param { axis: 1 end_axis: 2 }`, bottoms: [picture], expected: reshaped([2, 24, 5]) }],
  ["Reshape", { layer: `type: "Reshape" reshape_param { shape { dim: 0 dim: 2 dim: -1 dim: 5 } }`, bottoms: [picture], expected: reshaped([2, 2, 12, 5]) }],
  ["Reshape from an axis on", { layer: `type: "Reshape" reshape_param { shape { dim: 8 dim: 3 } axis: 1 num_axes: 2 }`, bottoms: [picture], expected: reshaped([2, 8, 3, 5]) }],
  ["Reshape with an axis put in", { layer: `type: "Reshape" reshape_param { shape { dim: 1 } axis: -4 num_axes: 0 }`, bottoms: [picture], expected: reshaped([2, 1, 4, 6, 5]) }],
  ["Permute (SSD)", { layer: `type: "Permute" permute_param { order: 0 order: 2 order: 3 order: 1 }`, bottoms: [picture], expected: ([a]) => filled([2, 6, 5, 4], (n, h, w, c) => at(a!, n!, c!, h!, w!)) }],
  ["Permute, the rest in order", { layer: `type: "Permute" permute_param { order: 1 }`, bottoms: [picture], expected: ([a]) => filled([4, 2, 6, 5], (c, n, h, w) => at(a!, n!, c!, h!, w!)) }],
  ["Crop", { layer: `type: "Crop" crop_param { axis: 2 offset: 1 offset: 2 }`, bottoms: [picture, [2, 9, 4, 3]], expected: ([a]) => filled([2, 4, 4, 3], (n, c, h, w) => at(a!, n!, c!, h! + 1, w! + 2)) }],
  ["Crop, channels too", { layer: `type: "Crop" crop_param { axis: 1 offset: 1 }`, bottoms: [picture, [2, 2, 4, 3]], expected: ([a]) => filled([2, 2, 4, 3], (n, c, h, w) => at(a!, n!, c! + 1, h! + 1, w! + 1)) }],
  ["Tile", { layer: `type: "Tile" tile_param { tiles: 3 }`, bottoms: [picture], expected: ([a]) => filled([2, 12, 6, 5], (n, c, h, w) => at(a!, n!, c! % 4, h!, w!)) }],
  ["ShuffleChannel", { layer: `type: "ShuffleChannel" shuffle_channel_param { group: 2 }`, bottoms: [[2, 6, 3, 2]], expected: ([a]) => filled([2, 6, 3, 2], (n, c, h, w) => at(a!, n!, (c! % 2) * 3 + Math.floor(c! / 2), h!, w!)) }],
  ["Upsample", { layer: `type: "Upsample" upsample_param { scale: 2 }`, bottoms: [picture], expected: ([a]) => filled([2, 4, 12, 10], (n, c, h, w) => at(a!, n!, c!, h! >> 1, w! >> 1)) }],
  ["a sum of all but the batch", { layer: `type: "Reduction" reduction_param { axis: 1 coeff: 0.5 }`, bottoms: [picture], expected: ([a]) => filled([2], (n) => 0.5 * sum(120, (i) => at(f32(numbers(a!), [2, 120]), n!, i))) }],
  ["a sum of magnitudes", { layer: `type: "Reduction" reduction_param { axis: 1 operation: ASUM }`, bottoms: [picture], expected: ([a]) => filled([2], (n) => sum(120, (i) => Math.abs(at(f32(numbers(a!), [2, 120]), n!, i)))) }],
  ["a sum of squares", { layer: `type: "Reduction" reduction_param { axis: -1 operation: SUMSQ }`, bottoms: [picture], expected: ([a]) => filled([2, 4, 6], (n, c, h) => sum(5, (w) => at(a!, n!, c!, h!, w) ** 2)) }],
  ["a mean", { layer: `type: "Reduction" reduction_param { axis: 2 operation: MEAN }`, bottoms: [picture], expected: ([a]) => filled([2, 4], (n, c) => sum(30, (i) => at(f32(numbers(a!), [2, 4, 30]), n!, c!, i)) / 30) }],
])("%s", async (_, c) => check(c)); // prettier-ignore

/** DeepLab's resize: corners on corners. */
function interpolated(a: Tensor, height: number, width: number): Tensor {
  const [N, C, H, W] = a.shape as [number, number, number, number];
  const place = (i: number, from: number, to: number): [low: number, high: number, share: number] => {
    const x = to > 1 ? (i * (from - 1)) / (to - 1) : 0;
    const low = Math.floor(x);
    return [low, Math.min(low + 1, from - 1), x - low];
  };
  return filled([N, C, height, width], (n, c, h, w) => {
    const [top, bottom, down] = place(h!, H, height);
    const [left, right, along] = place(w!, W, width);
    const row = (y: number) => (1 - along) * at(a, n!, c!, y, left) + along * at(a, n!, c!, y, right);
    return (1 - down) * row(top) + down * row(bottom);
  });
}

describe("Interp", () => {
  test.each<[string, number, number]>([
    ["height: 9 width: 7", 9, 7],
    ["zoom_factor: 3", 16, 13],
    ["shrink_factor: 2", 3, 3],
    ["shrink_factor: 2 zoom_factor: 4", 9, 9],
  ])("%s", async (p, height, width) => {
    const layer = `type: "Interp" interp_param { ${p} }`;
    await check({ layer, bottoms: [picture], expected: ([a]) => interpolated(a!, height, width) });
  });

  test("with rows cut off before", async () => {
    const cut = (a: Tensor) => filled([2, 4, 4, 3], (n, c, h, w) => at(a, n!, c!, h! + 1, w! + 1));
    const layer = `type: "Interp" interp_param { zoom_factor: 2 pad_beg: -1 pad_end: -1 }`;
    await check({ layer, bottoms: [picture], expected: ([a]) => interpolated(cut(a!), 7, 5) });
  });
});

test("a network stays right at another size and batch than the file's", async () => {
  const prototxt = `input: "x" input_dim: [10, 4, 6, 6]
    layer { name: "s" type: "ShuffleChannel" bottom: "x" top: "s" shuffle_channel_param { group: 2 } }
    layer { name: "r" type: "Reshape" bottom: "s" top: "r" reshape_param { shape { dim: 10 dim: 2 dim: -1 } } }
    layer { name: "z" type: "Interp" bottom: "x" top: "z" interp_param { zoom_factor: 2 } }
    layer { name: "c" type: "Crop" bottom: "z" bottom: "x" top: "c" crop_param { offset: 1 } }
    layer { name: "e" type: "Eltwise" bottom: "c" bottom: "x" top: "e" }`;
  const { graph } = importCaffe({ prototxt, caffemodel: caffemodel({ other: [randomTensor([1], 1)] }) });
  const { types } = canonicalise(graph, { shapes: { x: [3, 4, 8, 10] } });
  expect(types.get("r")!.shape).toEqual([3, 2, 160]);
  expect(types.get("z")!.shape).toEqual([3, 4, 15, 19]);
  expect(types.get("e")!.shape).toEqual([3, 4, 8, 10]);
});
