/**
 * Inception v3 (Szegedy et al. 2015) as inception_v3_Opset16.onnx has it: timm's model, exported by PyTorch with its batch norms taken
 * into the convolutions. Its average pools count their padding.
 */
import type { Graph } from "../../src/onnx/graph";
import { preprocessing, type Architecture } from "./architecture";
import { TorchNet } from "./torchNet";

type Kernel = number | readonly [number, number];
const ROW: Kernel = [1, 7];
const COLUMN: Kernel = [7, 1];

/** A 3x3 mean of stride 1. */
const average = (t: TorchNet, x: string, at: string) =>
  t.net.pool("AveragePool", x, t.valueName(at, "AveragePool"), 3, 1, 1, { count_include_pad: 1 });

/** Mixed_5b to 5d: 1x1, 5x5, two 3x3, and a pooled projection. */
function moduleA(t: TorchNet, x: string, at: string, projection: number): string {
  const conv = (from: string, name: string, to: number, kernel: Kernel = 1) => t.convRelu(from, `${at}/${name}`, to, kernel);
  const double = conv(conv(conv(x, "branch3x3dbl_1", 64), "branch3x3dbl_2", 96, 3), "branch3x3dbl_3", 96, 3);
  return t.concat(at, [
    conv(x, "branch1x1", 64),
    conv(conv(x, "branch5x5_1", 48), "branch5x5_2", 64, 5),
    double,
    conv(average(t, x, at), "branch_pool", projection),
  ]);
}

/** Mixed_6a: halves the grid. */
function moduleB(t: TorchNet, x: string, at: string): string {
  const dbl = t.convRelu(t.convRelu(x, `${at}/branch3x3dbl_1`, 64), `${at}/branch3x3dbl_2`, 96, 3);
  return t.concat(at, [
    t.halved(x, `${at}/branch3x3`, 384),
    t.halved(dbl, `${at}/branch3x3dbl_3`, 96),
    t.net.pool("MaxPool", x, `${at}/MaxPool_output_0`, 3, 2),
  ]);
}

/** Mixed_6b to 6e: 7x7 convolutions as rows and columns, through `c7` channels. */
function moduleC(t: TorchNet, x: string, at: string, c7: number): string {
  const conv = (from: string, name: string, to: number, kernel: Kernel = 1) => t.convRelu(from, `${at}/${name}`, to, kernel);
  const once = conv(conv(conv(x, "branch7x7_1", c7), "branch7x7_2", c7, ROW), "branch7x7_3", 192, COLUMN);
  const there = conv(conv(conv(x, "branch7x7dbl_1", c7), "branch7x7dbl_2", c7, COLUMN), "branch7x7dbl_3", c7, ROW);
  const twice = conv(conv(there, "branch7x7dbl_4", c7, COLUMN), "branch7x7dbl_5", 192, ROW);
  return t.concat(at, [conv(x, "branch1x1", 192), once, twice, conv(average(t, x, at), "branch_pool", 192)]);
}

/** Mixed_7a: halves the grid again. */
function moduleD(t: TorchNet, x: string, at: string): string {
  const conv = (from: string, name: string, kernel: Kernel = 1) => t.convRelu(from, `${at}/${name}`, 192, kernel);
  const seven = conv(conv(conv(x, "branch7x7x3_1"), "branch7x7x3_2", ROW), "branch7x7x3_3", COLUMN);
  return t.concat(at, [
    t.halved(conv(x, "branch3x3_1"), `${at}/branch3x3_2`, 320),
    t.halved(seven, `${at}/branch7x7x3_4`, 192),
    t.net.pool("MaxPool", x, `${at}/MaxPool_output_0`, 3, 2),
  ]);
}

/** Mixed_7b and 7c: branches that split once more. */
function moduleE(t: TorchNet, x: string, at: string): string {
  const conv = (from: string, name: string, to: number, kernel: Kernel = 1) => t.convRelu(from, `${at}/${name}`, to, kernel);
  const split = (from: string, name: string) =>
    t.joined(at, [conv(from, `${name}a`, 384, [1, 3]), conv(from, `${name}b`, 384, [3, 1])]);
  const single = split(conv(x, "branch3x3_1", 384), "branch3x3_2");
  const double = split(conv(conv(x, "branch3x3dbl_1", 448), "branch3x3dbl_2", 384, 3), "branch3x3dbl_3");
  return t.concat(at, [conv(x, "branch1x1", 320), ...single, ...double, conv(average(t, x, at), "branch_pool", 192)]);
}

function build(): Graph {
  const t = new TorchNet("inception_v3", 299);
  const stem = t.convRelu(t.halved(t.input, "/Conv2d_1a_3x3", 32), "/Conv2d_2a_3x3", 32, 3, 0);
  let x = t.net.pool("MaxPool", t.convRelu(stem, "/Conv2d_2b_3x3", 64, 3), "/Pool1/MaxPool_output_0", 3, 2);
  x = t.convRelu(t.convRelu(x, "/Conv2d_3b_1x1", 80), "/Conv2d_4a_3x3", 192, 3, 0);
  x = t.net.pool("MaxPool", x, "/Pool2/MaxPool_output_0", 3, 2);
  x = moduleA(t, x, "/Mixed_5b", 32);
  for (const at of ["/Mixed_5c", "/Mixed_5d"]) x = moduleA(t, x, at, 64);
  x = moduleB(t, x, "/Mixed_6a");
  for (const [at, c7] of [
    ["/Mixed_6b", 128],
    ["/Mixed_6c", 160],
    ["/Mixed_6d", 160],
    ["/Mixed_6e", 192],
  ] as const)
    // prettier-ignore
    x = moduleC(t, x, at, c7);
  x = moduleD(t, x, "/Mixed_7a");
  for (const at of ["/Mixed_7b", "/Mixed_7c"]) x = moduleE(t, x, at);
  return t.classify(x, "fc");
}

export const inceptionV3: Architecture = {
  id: "inceptionv3_slim",
  build,
  preprocessing: preprocessing("x", 299),
  fileBytes: 95_317_116,
  operators: { Conv: 94, Relu: 94, Concat: 11, AveragePool: 9, MaxPool: 4, GlobalAveragePool: 1, Flatten: 1, Gemm: 1 },
  blocks: {
    "/Conv2d_1a_3x3/bn/act/Relu_output_0": [32, 149, 149],
    "/Conv2d_2a_3x3/bn/act/Relu_output_0": [32, 147, 147],
    "/Conv2d_2b_3x3/bn/act/Relu_output_0": [64, 147, 147],
    "/Pool1/MaxPool_output_0": [64, 73, 73],
    "/Conv2d_3b_1x1/bn/act/Relu_output_0": [80, 73, 73],
    "/Conv2d_4a_3x3/bn/act/Relu_output_0": [192, 71, 71],
    "/Pool2/MaxPool_output_0": [192, 35, 35],
    "/Mixed_5b/Concat_output_0": [256, 35, 35],
    "/Mixed_5c/Concat_output_0": [288, 35, 35],
    "/Mixed_5d/Concat_output_0": [288, 35, 35],
    "/Mixed_6a/Concat_output_0": [768, 17, 17],
    "/Mixed_6b/Concat_output_0": [768, 17, 17],
    "/Mixed_6c/Concat_output_0": [768, 17, 17],
    "/Mixed_6d/Concat_output_0": [768, 17, 17],
    "/Mixed_6e/Concat_output_0": [768, 17, 17],
    "/Mixed_7a/Concat_output_0": [1280, 8, 8],
    "/Mixed_7b/Concat_2_output_0": [2048, 8, 8],
    "/Mixed_7c/Concat_2_output_0": [2048, 8, 8],
    output: [1000],
  },
  gradient: { of: "/Mixed_7c/Concat_2_output_0", size: 75 },
  render: { of: "/Mixed_6e/Concat_output_0", size: 96 },
};
