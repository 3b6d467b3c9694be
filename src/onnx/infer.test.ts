/** Every inferred type against what ONNX Runtime returns for the same node, family by family; then the errors' full texts. */
import { describe, expect, test } from "vitest";
import { runModelBytes } from "../../test/runGraph";
import { randomTensor, smallGraph } from "../../test/smallGraph";
import { type Attrs, type DType, type Tensor, type ValueType } from "./graph";
import { inferNode } from "./infer";
import { f32, i64 } from "./tensor";
import { writeModel } from "./write";

/** A run-time operand by shape, or a constant one, or none. */
type Operand = readonly number[] | Tensor | null;
const isTensor = (x: Operand): x is Tensor => x !== null && "data" in x;

function tensorOf(dtype: DType, shape: readonly number[], seed: number): Tensor {
  if (dtype === "float32") return randomTensor(shape, seed);
  const values = randomTensor(shape, seed).data as Float32Array;
  if (dtype === "bool") return { dtype, shape, data: Uint8Array.from(values, (x) => (x > 0 ? 1 : 0)) };
  return { dtype, shape, data: BigInt64Array.from(values, (x) => BigInt(Math.floor(Math.abs(x)) % 2)) };
}

function parts(operands: readonly Operand[], dtypes: readonly DType[] = []) {
  const names = operands.map((x, i) => (x === null ? "" : `x${i}`));
  const types = operands.map((x, i): ValueType | undefined =>
    x === null ? undefined : isTensor(x) ? x : { dtype: dtypes[i] ?? "float32", shape: x },
  );
  return { names, types, constantOf: (i: number) => (operands[i] && isTensor(operands[i]) ? operands[i] : undefined) };
}

const nodeOf = (op: string, inputs: readonly string[], attrs: Attrs, outputs: number) => ({
  op,
  name: "node",
  domain: "",
  inputs,
  outputs: Array.from({ length: outputs }, (_, i) => `y${i}`),
  attrs,
});

async function check(
  op: string,
  operands: readonly Operand[],
  attrs: Attrs = {},
  options: { outputs?: number; dtypes?: DType[] } = {},
) {
  const { names, types, constantOf } = parts(operands, options.dtypes);
  const node = nodeOf(op, names, attrs, options.outputs ?? 1);
  const inferred = inferNode(node, types, constantOf).slice(0, node.outputs.length);
  const runtime = operands.flatMap((x, i) => (x && !isTensor(x) ? [i] : []));
  const graph = smallGraph({
    // ORT wants a graph to have an input: a node of constants alone gets one that it does not read.
    inputs: {
      ...Object.fromEntries(runtime.map((i) => [names[i]!, types[i]!.shape])),
      ...(runtime.length ? {} : { unused: [1] }),
    },
    dtypes: Object.fromEntries(runtime.map((i) => [names[i]!, types[i]!.dtype])),
    constants: Object.fromEntries(operands.flatMap((x, i) => (x && isTensor(x) ? [[names[i]!, x]] : []))),
    nodes: [node],
    outputs: node.outputs.slice(),
  });
  const feeds = Object.fromEntries(runtime.map((i) => [names[i]!, tensorOf(types[i]!.dtype, types[i]!.shape, i + 1)]));
  const results = await runModelBytes(writeModel(graph), runtime.length ? feeds : { unused: f32(0, [1]) });
  const expected = node.outputs.map((name) => ({ dtype: results[name]!.dtype, shape: results[name]!.shape }));
  expect(inferred).toEqual(expected);
}

const infer = (op: string, operands: readonly Operand[], attrs: Attrs = {}, outputs = 1) => {
  const { names, types, constantOf } = parts(operands);
  return inferNode(nodeOf(op, names, attrs, outputs), types, constantOf);
};

type Case = [op: string, operands: readonly Operand[], attrs?: Attrs, options?: { outputs?: number; dtypes?: DType[] }];
const title = ([op, operands, attrs = {}]: Case) =>
  `${op} ${operands.map((x) => (x && isTensor(x) ? `{${[...x.data].join()}}` : x ? `[${x.join()}]` : "none")).join(" ")} ${Object.entries(
    attrs,
  )
    .map(([name, value]) => `${name} ${typeof value === "object" && "data" in value ? "tensor" : String(value)}`)
    .join(", ")}`;
const sweep = (cases: Case[]) => test.each(cases.map((c) => ({ title: title(c), c })))("$title", ({ c }) => check(...c));

describe("elementwise", () => {
  sweep([
    ...["Abs", "Exp", "Relu", "Sigmoid", "Erf", "Softplus", "HardSigmoid", "HardSwish", "LeakyRelu", "Elu", "Selu", "Sign"].map(
      (op): Case => [op, [[2, 3]]],
    ),
    ...["Add", "Sub", "Mul", "Div", "Pow"].flatMap((op): Case[] => [
      [
        op,
        [
          [2, 3, 4],
          [3, 1],
        ],
      ],
      [op, [[], [2, 1]]],
      [
        op,
        [
          [1, 5],
          [4, 1],
        ],
      ],
    ]),
    ...["Equal", "Greater", "LessOrEqual"].map((op): Case => [op, [[2, 3], [3]]]),
    ["And", [[2, 3], [3]], {}, { dtypes: ["bool", "bool"] }],
    ["Not", [[3]], {}, { dtypes: ["bool"] }],
    ["Where", [[2, 1], [3], []], {}, { dtypes: ["bool"] }],
    ["Max", [[2, 1], [3], [1]]],
    ["Cast", [[2, 3]], { to: 7 }],
    ["Cast", [[2, 3]], { to: 9 }],
    ["Clip", [[2, 3], f32(-1), f32(1)]],
    [
      "PRelu",
      [
        [2, 3, 4],
        [3, 1],
      ],
    ],
  ]);
});

describe("windows", () => {
  const sizes = [7, 8, 9];
  const paddings: Attrs[] = [
    { pads: [0, 1, 1, 0], dilations: [1, 2] },
    { auto_pad: "SAME_UPPER" },
    { auto_pad: "SAME_LOWER" },
    { auto_pad: "VALID" },
  ];
  const conv = sizes.flatMap((size) =>
    [1, 3].flatMap((kernel) =>
      [1, 2, 3].flatMap((stride) =>
        paddings.map((extra): Case => [
          "Conv",
          [[1, 4, size, size + 1], [6, 2, kernel, kernel], [6]],
          { group: 2, strides: [stride, stride], ...extra },
        ]),
      ),
    ),
  );
  const pools = sizes.flatMap((size) =>
    [2, 3].flatMap((kernel) =>
      [1, 2, 3, 4].flatMap((stride) =>
        [0, 1].flatMap((ceil_mode) =>
          [0, 1].map((pad): Case => [
            "MaxPool",
            [[1, 2, size, size]],
            { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: [pad, pad, pad, pad], ceil_mode },
            { outputs: 2 },
          ]),
        ),
      ),
    ),
  );
  const transposes = [1, 2, 3].flatMap((stride) =>
    [0, 1].flatMap((pad) =>
      [0, stride - 1].map((extra): Case => [
        "ConvTranspose",
        [
          [2, 4, 5, 6],
          [4, 3, 3, 3],
        ],
        { group: 2, strides: [stride, stride], pads: [pad, 0, 0, pad], output_padding: [extra, extra], dilations: [1, 2] },
      ]),
    ),
  );
  sweep([
    ...conv,
    ...pools,
    ...transposes,
    [
      "ConvTranspose",
      [
        [1, 2, 4, 4],
        [2, 3, 3, 3],
      ],
      { strides: [2, 2], auto_pad: "SAME_UPPER" },
    ],
    [
      "ConvTranspose",
      [
        [1, 2, 4, 4],
        [2, 3, 3, 3],
      ],
      { strides: [2, 2], output_shape: [9, 10] },
    ],
    [
      "Conv",
      [
        [1, 2, 9],
        [3, 2, 3],
      ],
    ],
    ["AveragePool", [[1, 2, 9, 9]], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }],
    ["GlobalAveragePool", [[2, 3, 4, 5]]],
    ["GlobalMaxPool", [[2, 3, 4, 5]]],
  ]);
});

describe("matrices", () => {
  sweep([
    [
      "MatMul",
      [
        [2, 3],
        [3, 4],
      ],
    ],
    [
      "MatMul",
      [
        [5, 1, 2, 3],
        [4, 3, 2],
      ],
    ],
    ["MatMul", [[3], [3, 4]]],
    ["MatMul", [[2, 3], [3]]],
    ["MatMul", [[3], [3]]],
    ["Gemm", [[2, 3], [4, 3], [4]], { transB: 1 }],
    ["Gemm", [[3, 2], [3, 4], []], { transA: 1 }],
    [
      "Einsum",
      [
        [2, 3, 4],
        [2, 4, 5],
      ],
      { equation: "bij,bjk->bik" },
    ],
    ["Einsum", [[2, 3, 3]], { equation: "...ii->...i" }],
    [
      "Einsum",
      [
        [3, 4],
        [4, 5],
      ],
      { equation: "ij,jk" },
    ],
  ]);
});

describe("reductions", () => {
  sweep([
    ...[
      "ReduceSum",
      "ReduceMean",
      "ReduceMax",
      "ReduceMin",
      "ReduceProd",
      "ReduceL1",
      "ReduceL2",
      "ReduceSumSquare",
      "ReduceLogSumExp",
    ].flatMap((op): Case[] => [
      [op, [[2, 3, 4], i64([1, -1])], { keepdims: 0 }],
      [op, [[2, 3, 4], i64([0])]],
      [op, [[2, 3, 4]], { keepdims: 0 }],
    ]),
    ["ReduceSum", [[2, 3, 4], i64([])], { noop_with_empty_axes: 1 }],
    ["ArgMax", [[2, 3, 4]], { axis: -1, keepdims: 0 }],
    ["ArgMin", [[2, 3, 4]], { axis: 1 }],
    ["Softmax", [[2, 3, 4]], { axis: 1 }],
    ["LogSoftmax", [[2, 3, 4]]],
    ["CumSum", [[2, 3], i64(1)]],
    ["TopK", [[2, 5], i64([3])], {}, { outputs: 2 }],
  ]);
});

describe("layout", () => {
  const slices = [
    [1, 100, 1],
    [-3, -1, 1],
    [100, -100, -1],
    [4, 0, -2],
    [-100, 3, 2],
    [3, 3, 1],
  ].map(([start, end, step]): Case => ["Slice", [[2, 6], i64([start!]), i64([end!]), i64([-1]), i64([step!])]]);
  sweep([
    ...slices,
    ["Slice", [[4, 6], i64([1, 2]), i64([3, 5])]],
    ["Reshape", [[2, 3, 4], i64([0, -1])]],
    ["Reshape", [[2, 3, 4], i64([4, 6])]],
    ["Transpose", [[2, 3, 4]], { perm: [2, 0, 1] }],
    ["Transpose", [[2, 3, 4]]],
    ["Expand", [[3, 1], i64([2, 1, 4])]],
    ["Squeeze", [[1, 3, 1], i64([-1])]],
    ["Squeeze", [[1, 3, 1]]],
    ["Unsqueeze", [[3, 4], i64([0, -1])]],
    ["Flatten", [[2, 3, 4, 5]], { axis: 2 }],
    ["Flatten", [[2, 3, 4]], { axis: -1 }],
    ["Flatten", [[2, 3, 4]], { axis: 0 }],
    [
      "Concat",
      [
        [2, 3],
        [2, 5],
      ],
      { axis: -1 },
    ],
    ["Split", [[2, 7]], { axis: 1, num_outputs: 3 }, { outputs: 3 }],
    ["Split", [[2, 7], i64([3, 4])], { axis: -1 }, { outputs: 2 }],
    ["Pad", [[2, 5], i64([0, 1, 1, 2])]],
    ["Pad", [[2, 5], i64([0, -1, 0, -2])]],
    ["Pad", [[2, 5], i64([1, 2]), null, i64([1])]],
    ["Tile", [[2, 3], i64([2, 1])]],
    ["DepthToSpace", [[1, 8, 2, 3]], { blocksize: 2 }],
    ["SpaceToDepth", [[1, 2, 4, 6]], { blocksize: 2 }],
    ["Resize", [[1, 2, 5, 7], null, f32([1, 1, 1.5, 0.6])], { mode: "linear" }],
    ["Resize", [[1, 2, 5, 7], null, null, i64([1, 2, 9, 3])], { mode: "nearest" }],
    ["Resize", [[1, 2, 5, 7], null, f32([2, 3])], { axes: [2, 3] }],
    ["Resize", [[1, 2, 6, 4], null, null, i64([9, 9])], { axes: [2, 3], keep_aspect_ratio_policy: "not_larger" }],
    [
      "GridSample",
      [
        [2, 3, 5, 6],
        [2, 4, 7, 2],
      ],
    ],
  ]);
});

describe("indexing", () => {
  sweep([
    [
      "Gather",
      [
        [4, 5],
        [2, 3],
      ],
      { axis: 1 },
      { dtypes: ["float32", "int64"] },
    ],
    ["Gather", [[4, 5], i64(1)]],
    [
      "GatherElements",
      [
        [4, 5],
        [2, 5],
      ],
      { axis: 0 },
      { dtypes: ["float32", "int64"] },
    ],
    [
      "GatherND",
      [
        [4, 5, 6],
        [3, 2],
      ],
      {},
      { dtypes: ["float32", "int64"] },
    ],
    [
      "GatherND",
      [
        [2, 5, 6],
        [2, 3, 1],
      ],
      { batch_dims: 1 },
      { dtypes: ["float32", "int64"] },
    ],
    ["ScatterElements", [[4, 5], i64([0, 1, 2], [1, 3]), [1, 3]], { axis: 1, reduction: "add" }],
    ["ScatterND", [[4, 5], i64([0, 2], [2, 1]), [2, 5]]],
    ["OneHot", [i64([0, 2]), i64(3), f32([0, 1])], { axis: 0 }],
    ["Shape", [[2, 3, 4]], { start: 1 }],
    ["Size", [[2, 3, 4]]],
    ["ConstantOfShape", [i64([2, 3])]],
    ["ConstantOfShape", [i64([2])], { value: i64([1]) }],
    ["Range", [i64(1), i64(10), i64(4)]],
    ["Range", [f32(1), f32(0), f32(-0.3)]],
    ["Constant", [], { value: i64([1, 2]) }],
    ["Constant", [], { value_float: 0.5 }],
  ]);
});

describe("normalisation, quantisation, signals", () => {
  sweep([
    ["BatchNormalization", [[2, 3, 4, 4], f32(1, [3]), f32(1, [3]), f32(1, [3]), f32(1, [3])]],
    ["InstanceNormalization", [[2, 3, 4, 4], f32(1, [3]), f32(1, [3])]],
    ["LayerNormalization", [[2, 3, 4], f32(1, [3, 4])], { axis: 1 }, { outputs: 3 }],
    ["LRN", [[2, 5, 4, 4]], { size: 3 }],
    ["Dropout", [[2, 3]], {}, { outputs: 2 }],
    ["QuantizeLinear", [[2, 3], f32(0.1), { dtype: "int8", shape: [], data: Int8Array.of(0) }]],
    ["DequantizeLinear", [{ dtype: "uint8", shape: [2, 2], data: Uint8Array.of(1, 2, 3, 4) }, f32(0.1)]],
    ["DFT", [[2, 8, 1]], { axis: 1 }],
    ["DFT", [[2, 8, 1]], { axis: 1, onesided: 1 }],
    ["DFT", [[2, 8, 2], i64(5)], { axis: 1, inverse: 1 }],
  ]);
});

describe("errors", () => {
  const cases: [title: string, run: () => unknown, message: string][] = [
    [
      "channels",
      () =>
        infer(
          "Conv",
          [
            [1, 4, 8, 8],
            [6, 2, 3, 3],
          ],
          { group: 3 },
        ),
      'Conv "node": 4 input channels, but the weight expects 2 x 3 groups = 6. The file contradicts itself; export it again.',
    ],
    [
      "window",
      () => infer("MaxPool", [[1, 4, 5, 5]], { kernel_shape: [7, 7] }),
      'MaxPool "node": a window of 7 does not fit into 5 + 0 + 0 padding. Choose a larger picture size or an earlier layer.',
    ],
    [
      "broadcast",
      () => infer("Add", [[2, 3], [2]]),
      'Add "node": shapes [2, 3] and [2] do not broadcast together. The file contradicts itself; export it again.',
    ],
    [
      "dtypes",
      () => infer("Add", [[2], i64([1, 2])]),
      'Add "node": input 0 is float32, but input 1 is int64; both must have one type. The file contradicts itself; export it again.',
    ],
    [
      "matrices",
      () =>
        infer("MatMul", [
          [1, 1024],
          [2048, 1000],
        ]),
      'MatMul "node": [1, 1024] x [2048, 1000]: 1024 columns, but 2048 rows. The file contradicts itself; export it again.',
    ],
    [
      "elements",
      () => infer("Reshape", [[2, 3], i64([4, -1])]),
      'Reshape "node": [2, 3] has 6 elements, which do not fill [4, -1]. The file contradicts itself; export it again.',
    ],
    [
      "run-time shape",
      () => infer("Reshape", [[2, 3], [1]]),
      'Reshape "node": input 1 (sizes) must be known beforehand, but is computed while the model runs.',
    ],
    [
      "axis",
      () => infer("Softmax", [[2, 3]], { axis: 2 }),
      'Softmax "node": axis 2, but its input has 2 axes. The file contradicts itself; export it again.',
    ],
    ["missing", () => infer("Add", [[2]]), 'Add "node": input 1 is missing. The file contradicts itself; export it again.'],
    [
      "unknown",
      () => infer("NonMaxSuppression", [[2]]),
      'NonMaxSuppression "node": the op NonMaxSuppression is not supported. Choose an earlier layer, or export the model with standard ONNX ops.',
    ],
    [
      "size",
      () => infer("Expand", [[1], i64([65536, 65536])]),
      'Expand "node": its output [65536, 65536] would have 4294967296 elements, more than 2147483648. Choose a smaller size.',
    ],
  ];
  test.each(cases)("%s", (_, run, message) => {
    expect(run).toThrow(message);
  });

  test("an op called like a method of Object is unknown, not inherited", () => {
    expect(() => infer("constructor", [[2]])).toThrow("the op constructor is not supported");
  });
});
