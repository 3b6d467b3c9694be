/**
 * Inception v4 (Szegedy et al. 2016) as inception_v4_Opset16.onnx has it: timm's model, exported by PyTorch with its batch norms taken
 * into the convolutions. Its average pools do not count their padding.
 */
import type { Graph } from "../../src/onnx/graph";
import { preprocessing, type Architecture } from "./architecture";
import { TorchNet } from "./torchNet";

type Layer = readonly [channels: number, kernel?: number | readonly [number, number], stride?: 2, pad?: number];
const ROW = [1, 7] as const;
const COLUMN = [7, 1] as const;

/** One layer of a branch; strided ones and those told so have no padding. */
function layer(t: TorchNet, x: string, scope: string, [to, kernel = 1, stride, pad]: Layer): string {
  const from = t.folded(x, `${scope}/conv`, to, kernel, stride ? 0 : pad, stride ?? 1);
  return t.op("Relu", `${scope}/bn/act`, [from]);
}

/** A branch of several layers is a Sequential, whose members are named by their number; of one it is that layer. */
function branch(t: TorchNet, x: string, scope: string, layers: readonly Layer[]): string {
  const name = scope.slice(scope.lastIndexOf("/") + 1);
  if (layers.length === 1) return layer(t, x, scope, layers[0]!);
  return layers.reduce((y, one, i) => layer(t, y, `${scope}/${name}.${i}`, one), x);
}

const branches = (t: TorchNet, x: string, at: string, lists: readonly (readonly Layer[])[]): string[] =>
  lists.map((layers, i) => branch(t, x, `${at}/branch${i}`, layers));

/** The last branch of a module: a mean without its padding, then a projection. */
function pooled(t: TorchNet, x: string, at: string, to: number): string {
  const mean = t.net.pool("AveragePool", x, t.valueName(`${at}/branch3/branch3.0`, "AveragePool"), 3, 1, 1);
  return layer(t, mean, `${at}/branch3/branch3.1`, [to]);
}

const maxPool = (t: TorchNet, x: string, scope: string) => t.net.pool("MaxPool", x, t.valueName(scope, "MaxPool"), 3, 2);

const moduleA = (t: TorchNet, x: string, at: string) =>
  t.concat(at, [...branches(t, x, at, [[[96]], [[64], [96, 3]], [[64], [96, 3], [96, 3]]]), pooled(t, x, at, 96)]);

const reductionA = (t: TorchNet, x: string, at: string) => {
  const convolved = branches(t, x, at, [[[384, 3, 2]], [[192], [224, 3], [256, 3, 2]]]);
  return t.concat(at, [...convolved, maxPool(t, x, `${at}/branch2`)]);
};

const moduleB = (t: TorchNet, x: string, at: string) => {
  const once: Layer[] = [[192], [224, ROW], [256, COLUMN]];
  const twice: Layer[] = [[192], [192, COLUMN], [224, ROW], [224, COLUMN], [256, ROW]];
  return t.concat(at, [...branches(t, x, at, [[[384]], once, twice]), pooled(t, x, at, 128)]);
};

const reductionB = (t: TorchNet, x: string, at: string) => {
  const convolved = branches(t, x, at, [[[192], [192, 3, 2]], [[256], [256, ROW], [320, COLUMN], [320, 3, 2]]]); // prettier-ignore
  return t.concat(at, [...convolved, maxPool(t, x, `${at}/branch2`)]);
};

const moduleC = (t: TorchNet, x: string, at: string) => {
  const one = (from: string, name: string, ...spec: Layer) => layer(t, from, `${at}/${name}`, spec);
  const straight = one(x, "branch0", 256);
  const near = one(x, "branch1_0", 384);
  const single = t.joined(at, [one(near, "branch1_1a", 256, [1, 3]), one(near, "branch1_1b", 256, [3, 1])]);
  const far = one(one(one(x, "branch2_0", 384), "branch2_1", 448, [3, 1]), "branch2_2", 512, [1, 3]);
  const double = t.joined(at, [one(far, "branch2_3a", 256, [1, 3]), one(far, "branch2_3b", 256, [3, 1])]);
  return t.concat(at, [straight, ...single, ...double, pooled(t, x, at, 256)]);
};

/** Two ways down, joined: a strided convolution and a pool. */
const stem = {
  "3": (t: TorchNet, x: string, at: string) =>
    t.concat(at, [maxPool(t, x, `${at}/maxpool`), layer(t, x, `${at}/conv`, [96, 3, 2])]),
  "4": (t: TorchNet, x: string, at: string) =>
    t.concat(at, branches(t, x, at, [[[64], [96, 3, undefined, 0]], [[64], [64, ROW], [64, COLUMN], [96, 3, undefined, 0]]])), // prettier-ignore
  "5": (t: TorchNet, x: string, at: string) =>
    t.concat(at, [layer(t, x, `${at}/conv`, [192, 3, 2]), maxPool(t, x, `${at}/maxpool`)]),
};

function build(): Graph {
  const t = new TorchNet("inception_v4", 299);
  const at = (i: number) => `/features/features.${i}`;
  let x = layer(t, t.input, at(0), [32, 3, 2]);
  x = layer(t, layer(t, x, at(1), [32, 3, undefined, 0]), at(2), [64, 3]);
  x = stem["5"](t, stem["4"](t, stem["3"](t, x, at(3)), at(4)), at(5));
  for (let i = 6; i < 10; i++) x = moduleA(t, x, at(i));
  x = reductionA(t, x, at(10));
  for (let i = 11; i < 18; i++) x = moduleB(t, x, at(i));
  x = reductionB(t, x, at(18));
  for (let i = 19; i < 22; i++) x = moduleC(t, x, at(i));
  return t.classify(x, "last_linear");
}

const repeated = (from: number, to: number, value: string, shape: readonly number[]) =>
  Object.fromEntries(Array.from({ length: to - from + 1 }, (_, i) => [`/features/features.${from + i}/${value}`, shape]));

export const inceptionV4: Architecture = {
  id: "inceptionv4_slim",
  build,
  preprocessing: preprocessing("x", 299),
  fileBytes: 170_683_767,
  operators: { Conv: 149, Relu: 149, Concat: 19, AveragePool: 14, MaxPool: 4, GlobalAveragePool: 1, Flatten: 1, Gemm: 1 },
  blocks: {
    "/features/features.0/bn/act/Relu_output_0": [32, 149, 149],
    "/features/features.2/bn/act/Relu_output_0": [64, 147, 147],
    "/features/features.3/Concat_output_0": [160, 73, 73],
    "/features/features.4/Concat_output_0": [192, 71, 71],
    ...repeated(5, 9, "Concat_output_0", [384, 35, 35]),
    ...repeated(10, 17, "Concat_output_0", [1024, 17, 17]),
    "/features/features.18/Concat_output_0": [1536, 8, 8],
    ...repeated(19, 21, "Concat_2_output_0", [1536, 8, 8]),
    output: [1000],
  },
  gradient: { of: "/features/features.13/Concat_output_0", size: 75 },
  render: { of: "/features/features.10/Concat_output_0", size: 96 },
};
