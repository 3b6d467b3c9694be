/** Each canonical form against the original node in ONNX Runtime: same numbers, only canonical ops, old names kept. */
import { describe, expect, test } from "vitest";
import { runModelBytes } from "../../test/runGraph";
import { randomTensor, relativeDifference, smallGraph, type GraphSpec, type NodeSpec } from "../../test/smallGraph";
import { canonicalise, type CanonicaliseOptions } from "./canonicalise";
import type { Attrs, StaticGraph, Tensor } from "./graph";
import { f32, i64 } from "./tensor";
import { writeModel } from "./write";

const opsOf = (graph: StaticGraph) => graph.nodes.map((n) => n.op);

/** Runs both forms on the same random numbers and compares every output; returns the canonical graph. */
async function same(spec: GraphSpec, options: CanonicaliseOptions = {}, scale = 1, tolerance = 1e-5): Promise<StaticGraph> {
  const original = smallGraph(spec);
  const canonical = canonicalise(original, options);
  const feeds = Object.fromEntries(
    Object.entries(spec.inputs).map(([name, shape], i) => [name, randomTensor(shape as readonly number[], i + 1, scale)]),
  );
  const kept = Object.fromEntries(canonical.inputs.map(({ name }) => [name, feeds[name]!]));
  const expected = await runModelBytes(writeModel(original), feeds);
  const actual = await runModelBytes(writeModel(canonical), kept);
  for (const name of spec.outputs) {
    expect(canonical.types.get(name)?.shape).toEqual(expected[name]!.shape);
    expect(relativeDifference(actual[name]!, expected[name]!)).toBeLessThan(tolerance);
  }
  return canonical;
}

/** One node over run-time input x and constants. */
const one = (
  op: string,
  shape: readonly number[],
  attrs: Attrs = {},
  constants: (Tensor | null)[] = [],
  opset = 18,
): GraphSpec => ({
  inputs: { x: shape },
  constants: Object.fromEntries(constants.flatMap((c, i) => (c ? [[`c${i}`, c]] : []))),
  nodes: [{ op, inputs: ["x", ...constants.map((c, i) => (c ? `c${i}` : ""))], outputs: ["y"], attrs }],
  outputs: ["y"],
  opset,
});

describe("pools", () => {
  const cases = [5, 6, 7, 8].flatMap((size) =>
    [
      [2, 2, 0],
      [3, 2, 0],
      [3, 2, 1],
      [3, 3, 1],
      [2, 3, 0],
      [3, 1, 1],
      [2, 4, 1],
    ].map(([kernel, stride, pad]) => ({ size, kernel: kernel!, stride: stride!, pad: pad! })),
  );
  test.each(cases)(
    "MaxPool ceil_mode: size $size kernel $kernel stride $stride pad $pad",
    async ({ size, kernel, stride, pad }) => {
      const attrs = { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: [pad, 0, 0, pad], ceil_mode: 1 };
      const graph = await same(one("MaxPool", [1, 2, size, size + 1], attrs));
      expect(opsOf(graph)).toEqual(["MaxPool"]);
      expect(graph.nodes[0]!.attrs.ceil_mode).toBeUndefined();
    },
  );
  test.each(cases.flatMap((c) => [0, 1].map((count) => ({ ...c, count }))))(
    "AveragePool ceil_mode: size $size kernel $kernel stride $stride pad $pad count_include_pad $count",
    async ({ size, kernel, stride, pad, count }) => {
      const attrs = {
        kernel_shape: [kernel, kernel],
        strides: [stride, stride],
        pads: [pad, pad, pad, pad],
        ceil_mode: 1,
        count_include_pad: count,
      };
      await same(one("AveragePool", [1, 2, size, size + 1], attrs, [], 19));
    },
  );
  test.each(
    ["SAME_UPPER", "SAME_LOWER", "VALID"].flatMap((auto_pad) => ["MaxPool", "AveragePool"].map((op) => ({ op, auto_pad }))),
  )("$op auto_pad $auto_pad", async ({ op, auto_pad }) => {
    for (const size of [7, 8])
      for (const strides of [
        [2, 2],
        [3, 1],
      ])
        await same(one(op, [1, 2, size, size], { kernel_shape: [3, 2], strides, auto_pad }));
  });
  test("global pools reduce and pool the whole grid", async () => {
    expect(opsOf(await same(one("GlobalAveragePool", [2, 3, 4, 5])))).toEqual(["ReduceMean"]);
    expect(opsOf(await same(one("GlobalMaxPool", [2, 3, 4, 5])))).toEqual(["MaxPool"]);
  });
  test("a dilated ceil_mode window may overhang by a kernel or more: then the padding is a Pad", async () => {
    const attrs = { kernel_shape: [2, 2], strides: [3, 3], dilations: [4, 4], ceil_mode: 1 };
    const graph = await same(one("MaxPool", [1, 1, 9, 9], attrs));
    expect(graph.types.get("y")!.shape).toEqual([1, 1, 3, 3]);
  });
});

describe("convolutions", () => {
  const W = randomTensor([4, 3, 3, 2], 7);
  test.each(["SAME_UPPER", "SAME_LOWER", "VALID"])("Conv auto_pad %s", async (auto_pad) => {
    for (const size of [7, 8]) {
      const graph = await same(one("Conv", [1, 3, size, size + 2], { strides: [2, 1], auto_pad }, [W, f32([1, 2, 3, 4])]));
      expect(Object.keys(graph.nodes[0]!.attrs).sort()).toEqual(["dilations", "group", "kernel_shape", "pads", "strides"]);
    }
  });
  test.each([
    { auto_pad: "SAME_UPPER" },
    { auto_pad: "SAME_LOWER" },
    { output_shape: [9, 11] },
    { output_shape: [7, 8] },
    { pads: [1, 0, 0, 1] },
  ] as Attrs[])("ConvTranspose %j", async (attrs) => {
    await same(
      one("ConvTranspose", [1, 4, 4, 5], { strides: [2, 2], kernel_shape: [3, 2], ...attrs }, [randomTensor([4, 3, 3, 2], 8)]),
    );
  });
  const norm: NodeSpec = {
    op: "BatchNormalization",
    inputs: ["h", "g", "b", "m", "v"],
    outputs: ["y"],
    attrs: { epsilon: 1e-3 },
  };
  const numbers = (n: number) => ({
    g: randomTensor([n], 1),
    b: randomTensor([n], 2),
    m: randomTensor([n], 3),
    v: f32(Float32Array.from({ length: n }, (_, i) => 0.5 + i)),
  });
  const convolutions: { title: string; node: { op: string; attrs: Attrs }; W: Tensor }[] = [
    { title: "Conv", node: { op: "Conv", attrs: { pads: [1, 1, 1, 1], group: 2 } }, W: randomTensor([6, 2, 3, 3], 4) },
    {
      title: "ConvTranspose",
      node: { op: "ConvTranspose", attrs: { group: 2, strides: [2, 2] } },
      W: randomTensor([4, 3, 3, 3], 5),
    },
  ];
  test.each(convolutions)("BatchNormalization folds into the $title before it, groups included", async ({ node, W }) => {
    const graph = await same({
      inputs: { x: [1, 4, 5, 5] },
      constants: { W, B: randomTensor([6], 6), ...numbers(6) },
      nodes: [{ ...node, inputs: ["x", "W", "B"], outputs: ["h"] }, norm, { op: "Relu", inputs: ["y"], outputs: ["z"] }],
      outputs: ["z"],
    });
    expect(opsOf(graph)).toEqual([node.op, "Relu"]);
    expect(graph.types.has("y")).toBe(true);
  });
  test("a Conv whose output is wanted keeps it, and the BatchNormalization becomes Mul and Add", async () => {
    const graph = await same({
      inputs: { x: [1, 4, 5, 5] },
      constants: { W: randomTensor([6, 4, 1, 1], 4), ...numbers(6) },
      nodes: [{ op: "Conv", inputs: ["x", "W"], outputs: ["h"] }, norm],
      outputs: ["h", "y"],
    });
    expect(opsOf(graph)).toEqual(["Conv", "Mul", "Add"]);
  });
});

describe("normalisations are arithmetic", () => {
  const c3 = [f32([1, 2, 3]), f32([0.1, 0.2, 0.3])];
  test.each([
    { size: 5, alpha: 1e-4, beta: 0.75, bias: 1 },
    { size: 3, alpha: 0.5, beta: 0.5, bias: 2 },
    { size: 1, alpha: 1, beta: 1, bias: 1 },
  ])("LRN %j", async (attrs) => {
    const graph = await same(one("LRN", [2, 7, 4, 3], attrs), {}, 3);
    expect(opsOf(graph)).not.toContain("LRN");
  });
  test("LayerNormalization", () => same(one("LayerNormalization", [2, 4, 3], { axis: -1, epsilon: 1e-3 }, c3)));
  test("LayerNormalization over two axes, no bias", () =>
    same(one("LayerNormalization", [2, 4, 3], { axis: 1 }, [randomTensor([4, 3], 2)])));
  test("InstanceNormalization", () => same(one("InstanceNormalization", [2, 3, 4, 5], {}, c3)));
  test("GroupNormalization at opset 18: scale by group", () =>
    same(one("GroupNormalization", [2, 6, 4, 5], { num_groups: 3 }, c3), {}, 1, 1e-4));
  test("GroupNormalization at opset 21: scale by channel", () =>
    same(
      one("GroupNormalization", [2, 6, 4, 5], { num_groups: 3 }, [randomTensor([6], 1), randomTensor([6], 2)], 21),
      {},
      1,
      1e-4,
    ));
  test("LpNormalization", () => same(one("LpNormalization", [2, 6, 3], { axis: 1, p: 2 })));
});

describe("matrices", () => {
  test.each([0, 1].flatMap((transA) => [0, 1].map((transB) => ({ transA, transB }))))("Gemm %j", async ({ transA, transB }) => {
    const B = randomTensor(transB ? [4, 3] : [3, 4], 5);
    const graph = await same(
      one("Gemm", transA ? [3, 2] : [2, 3], { transA, transB, alpha: 0.5, beta: 2 }, [B, randomTensor([4], 6)]),
    );
    expect(opsOf(graph)).toEqual(transA ? ["Transpose", "MatMul", "Add"] : ["MatMul", "Add"]);
  });
  test("Gemm without C, and of two run-time matrices", async () => {
    expect(opsOf(await same(one("Gemm", [2, 3], {}, [randomTensor([3, 4], 5)])))).toEqual(["MatMul"]);
    await same({
      inputs: { a: [2, 3], b: [4, 3], c: [1, 4] },
      nodes: [{ op: "Gemm", inputs: ["a", "b", "c"], outputs: ["y"], attrs: { transB: 1, alpha: 2, beta: 0.5 } }],
      outputs: ["y"],
    });
  });
});

describe("elementwise", () => {
  const cases: [op: string, attrs: Attrs, constants: (Tensor | null)[], opset: number][] = [
    ["Clip", { min: 0, max: 6 }, [], 7],
    ["Clip", { min: 0 }, [], 7],
    ["Clip", {}, [f32(-0.5), f32(0.5)], 13],
    ["Clip", {}, [null, f32(0.5)], 13],
    ["HardSwish", {}, [], 14],
    ["HardSigmoid", {}, [], 7],
    ["Gelu", {}, [], 20],
    ["Gelu", { approximate: "tanh" }, [], 20],
    ["Mish", {}, [], 18],
    ["Softsign", {}, [], 7],
    ["Selu", {}, [], 7],
    ["Celu", { alpha: 2 }, [], 12],
    ["Elu", {}, [], 7],
    ["LeakyRelu", {}, [], 7],
    ["PRelu", {}, [f32([0.1, 0.2, 0.3], [3, 1])], 9],
    ["Dropout", { ratio: 0.5 }, [], 7],
    ["Softmax", {}, [], 7],
    ["Softmax", { axis: 2 }, [], 11],
    ["Softmax", { axis: 0 }, [], 12],
    ["Softmax", {}, [], 13],
    ["LogSoftmax", { axis: 1 }, [], 11],
    ["Sum", {}, [f32(1), f32([1, 2, 3, 4])], 8],
    ["Mean", {}, [f32(1), f32([1, 2, 3, 4])], 8],
    ["Max", {}, [f32(0.1), f32([-1, 2, -3, 4])], 8],
  ];
  test.each(cases.map(([op, attrs, constants, opset]) => ({ op, attrs, constants, opset })))(
    "$op $attrs at opset $opset",
    async ({ op, attrs, constants, opset }) => {
      const graph = await same(one(op, [2, 3, 4], attrs, constants, opset));
      for (const gone of ["HardSwish", "Gelu", "Mish", "Dropout", "Sum", "Mean", "Selu"])
        expect(opsOf(graph)).not.toContain(gone);
    },
  );
  test("Clip with bounds known at run time", () =>
    same({ inputs: { x: [4], low: [] }, nodes: [{ op: "Clip", inputs: ["x", "low"], outputs: ["y"] }], outputs: ["y"] }));
});

describe("reductions", () => {
  const ops = [
    "ReduceSum",
    "ReduceMean",
    "ReduceMax",
    "ReduceMin",
    "ReduceProd",
    "ReduceL1",
    "ReduceL2",
    "ReduceSumSquare",
    "ReduceLogSumExp",
  ];
  test.each(ops)("%s with axes as attribute, as input, and absent", async (op) => {
    await same(one(op, [2, 3, 4], { axes: [1, -1], keepdims: 0 }, [], 11));
    await same(one(op, [2, 3, 4], { keepdims: 1 }, [i64([1])], 18));
    const graph = await same(one(op, [2, 3, 4], { keepdims: 0 }, [], 11));
    for (const gone of ["ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp"]) expect(opsOf(graph)).not.toContain(gone);
  });
});

type Layout = [op: string, shape: number[], attrs: Attrs, constants: (Tensor | null)[], opset: number];

describe("layout", () => {
  const layouts: Layout[] = [
    ["Squeeze", [1, 3, 1, 4], { axes: [0, -2] }, [], 11],
    ["Squeeze", [1, 3, 1, 4], {}, [i64([2])], 13],
    ["Squeeze", [1, 3, 1, 4], {}, [], 13],
    ["Unsqueeze", [3, 4], { axes: [0, 2] }, [], 11],
    ["Unsqueeze", [3, 4], {}, [i64([-1])], 13],
    ["Flatten", [2, 3, 4], {}, [], 7],
    ["Reshape", [2, 3, 4], {}, [i64([0, -1])], 13],
    ["Slice", [2, 6], { starts: [1], ends: [-1], axes: [1] }, [], 9],
    ["Slice", [2, 6], {}, [i64([-1]), i64([-100]), i64([1]), i64([-2])], 13],
    ["Slice", [2, 6], {}, [i64([0]), { dtype: "int64", shape: [1], data: BigInt64Array.of(2n ** 63n - 1n) }, i64([1])], 13],
    ["Slice", [4, 6], {}, [i64([4, 1]), i64([1, 5]), i64([1, 0]), i64([-1, 2])], 13],
    ["Pad", [2, 5], { pads: [0, 1, 1, 2], value: 0.5 }, [], 7],
    ["Pad", [2, 5], {}, [i64([0, 1, 0, -2])], 13],
    ["Pad", [2, 5], { mode: "reflect" }, [i64([0, 1, 0, 2])], 13],
    ["Pad", [2, 5], {}, [i64([1, 2]), f32(3), i64([-1])], 18],
    ["Transpose", [2, 3, 4], {}, [], 7],
    ["Expand", [3, 1], {}, [i64([2, 1, 4])], 8],
    ["Tile", [2, 3], {}, [i64([2, 2])], 13],
    ["DepthToSpace", [1, 8, 2, 3], { blocksize: 2 }, [], 11],
    ["DepthToSpace", [1, 8, 2, 3], { blocksize: 2, mode: "CRD" }, [], 11],
    ["Upsample", [1, 2, 3, 4], { scales: [1, 1, 2, 3], mode: "nearest" }, [], 7],
    ["Upsample", [1, 2, 3, 4], { mode: "linear" }, [f32([1, 1, 2, 2])], 9],
    ["Resize", [1, 2, 3, 4], { mode: "nearest" }, [f32([1, 1, 2, 1.5])], 10],
    ["Resize", [1, 2, 6, 8], { mode: "nearest" }, [f32([1, 1, 0.6, 0.5])], 10],
    ["Resize", [1, 2, 3, 4], { mode: "linear" }, [f32([1, 1, 2, 1.5])], 10],
    ["Resize", [1, 2, 3, 4], { mode: "linear" }, [f32([]), f32([1, 1, 2, 2])], 11],
    [
      "Resize",
      [1, 2, 3, 4],
      { mode: "linear", coordinate_transformation_mode: "align_corners" },
      [f32([]), f32([]), i64([1, 2, 7, 9])],
      13,
    ],
    ["Resize", [1, 2, 3, 4], { mode: "nearest", axes: [2, 3] }, [null, f32([2, 3])], 18],
  ];
  test.each(layouts.map(([op, shape, attrs, constants, opset]) => ({ op, shape, attrs, constants, opset })))(
    "$op $shape $attrs at opset $opset",
    async ({ op, shape, attrs, constants, opset }) => {
      await same(one(op, shape, attrs, constants, opset));
    },
  );
  test.each([
    { attrs: { axis: 1, split: [2, 4] }, opset: 11, constants: [] },
    { attrs: { axis: -1 }, opset: 13, constants: [i64([1, 5])] },
    { attrs: { axis: 1 }, opset: 13, constants: [] },
    { attrs: { axis: 1, num_outputs: 2 }, opset: 18, constants: [] },
  ] as { attrs: Attrs; opset: number; constants: Tensor[] }[])(
    "Split becomes Slices: opset $opset",
    async ({ attrs, opset, constants }) => {
      const spec = one("Split", [3, 6], attrs, constants, opset);
      const graph = await same({ ...spec, nodes: [{ ...spec.nodes[0]!, outputs: ["y", "z"] }], outputs: ["y", "z"] });
      expect(opsOf(graph)).toEqual(["Slice", "Slice"]);
    },
  );
  test("a Transpose and its inverse cancel", async () => {
    const graph = await same({
      inputs: { x: [1, 3, 4, 5] },
      nodes: [
        { op: "Transpose", inputs: ["x"], outputs: ["a"], attrs: { perm: [0, 2, 3, 1] } },
        { op: "Transpose", inputs: ["a"], outputs: ["b"], attrs: { perm: [0, 3, 1, 2] } },
        { op: "Relu", inputs: ["b"], outputs: ["y"] },
      ],
      outputs: ["y"],
    });
    expect(opsOf(graph)).toEqual(["Relu"]);
  });
});

describe("folding", () => {
  const int8 = (values: number[], shape: number[]): Tensor => ({ dtype: "int8", shape, data: Int8Array.from(values) });
  test("the chain that PyTorch exports for x.view(x.size(0), -1)", async () => {
    const graph = await same({
      inputs: { x: [2, 3, 4] },
      constants: { zero: i64(0), axes: i64([0]), minus: i64([-1]) },
      nodes: [
        { op: "Shape", inputs: ["x"], outputs: ["s"] },
        { op: "Gather", inputs: ["s", "zero"], outputs: ["n"], attrs: { axis: 0 } },
        { op: "Unsqueeze", inputs: ["n", "axes"], outputs: ["n1"] },
        { op: "Concat", inputs: ["n1", "minus"], outputs: ["target"], attrs: { axis: 0 } },
        { op: "Reshape", inputs: ["x", "target"], outputs: ["y"] },
      ],
      outputs: ["y"],
    });
    expect(opsOf(graph)).toEqual(["Reshape"]);
    expect([...graph.constants.keys()]).toEqual([graph.nodes[0]!.inputs[1]]);
  });
  test.each([
    { title: "per tensor", scale: f32(0.1), zero: int8([3], []), attrs: {} },
    { title: "per output channel", scale: f32([0.1, 0.2]), zero: int8([0, -4], [2]), attrs: { axis: 0 } },
    { title: "per input channel, no zero point", scale: f32([0.1, 0.2, 0.3]), zero: null, attrs: { axis: 1 } },
  ] as { title: string; scale: Tensor; zero: Tensor | null; attrs: Attrs }[])(
    "quantised weights, $title",
    async ({ scale, zero, attrs }) => {
      const q = int8(
        Array.from({ length: 24 }, (_, i) => i * 10 - 120),
        [2, 3, 2, 2],
      );
      const graph = await same({
        inputs: { x: [1, 3, 4, 4] },
        constants: { q, scale, ...(zero ? { zero } : {}) },
        nodes: [
          { op: "DequantizeLinear", inputs: ["q", "scale", ...(zero ? ["zero"] : [])], outputs: ["W"], attrs },
          { op: "Conv", inputs: ["x", "W"], outputs: ["y"] },
        ],
        outputs: ["y"],
        opset: 13,
      });
      expect(opsOf(graph)).toEqual(["Conv"]);
      expect(graph.constants.get("W")!.dtype).toBe("float32");
    },
  );
  test("a whole float16 graph becomes float32", () => {
    const half: Tensor = { dtype: "float16", shape: [2], data: Uint16Array.of(0x3c00, 0xc000) };
    const graph = canonicalise(
      smallGraph({
        inputs: { x: [2] },
        dtypes: { x: "float16" },
        constants: { half },
        nodes: [
          { op: "Add", inputs: ["x", "half"], outputs: ["a"] },
          { op: "Cast", inputs: ["a"], outputs: ["y"], attrs: { to: 1 } },
        ],
        outputs: ["y"],
      }),
    );
    expect(graph.inputs[0]!.dtype).toBe("float32");
    expect([...graph.constants.get("half")!.data]).toEqual([1, -2]);
    expect(graph.nodes).toMatchObject([{ op: "Add", outputs: ["y"] }]);
  });
  test("an If of a constant becomes the branch it takes", async () => {
    const branch = (op: string) =>
      smallGraph({ inputs: {}, nodes: [{ op, inputs: ["x"], outputs: [`${op}_y`] }], outputs: [`${op}_y`] });
    const graph = await same({
      inputs: { x: [3] },
      constants: { three: i64([3]) },
      nodes: [
        { op: "Shape", inputs: ["x"], outputs: ["s"] },
        { op: "Equal", inputs: ["s", "three"], outputs: ["c1"] },
        { op: "Squeeze", inputs: ["c1"], outputs: ["c"] },
        { op: "If", inputs: ["c"], outputs: ["y"], attrs: { then_branch: branch("Relu"), else_branch: branch("Exp") } },
      ],
      outputs: ["y"],
    });
    expect(opsOf(graph)).toEqual(["Relu"]);
  });
});

describe("outputs keep their names", () => {
  test("where an Identity is dropped", async () => {
    const graph = await same({
      inputs: { x: [3] },
      nodes: [
        { op: "Relu", inputs: ["x"], outputs: ["a"] },
        { op: "Identity", inputs: ["a"], outputs: ["y"] },
      ],
      outputs: ["y"],
    });
    expect(opsOf(graph)).toEqual(["Relu"]);
  });
  test("where two outputs are one value, or an output is an input", async () => {
    const graph = await same({
      inputs: { x: [3] },
      nodes: [
        { op: "Relu", inputs: ["x"], outputs: ["a"] },
        { op: "Identity", inputs: ["a"], outputs: ["y"] },
        { op: "Identity", inputs: ["x"], outputs: ["z"] },
      ],
      outputs: ["a", "y", "z"],
    });
    expect(opsOf(graph)).toEqual(["Relu", "Identity", "Identity"]);
  });
  test("everything after `until` is cut, unsupported ops included", () => {
    const graph = canonicalise(
      smallGraph({
        inputs: { x: [3], unused: [null] },
        nodes: [
          { op: "Relu", inputs: ["x"], outputs: ["block/relu_1"] },
          { op: "NonMaxSuppression", inputs: ["block/relu_1", "unused"], outputs: ["y"] },
        ],
        outputs: ["y"],
      }),
      { until: ["block_relu"] },
    );
    expect(graph.outputs).toEqual(["block/relu_1"]);
    expect(graph.inputs.map((i) => i.name)).toEqual(["x"]);
  });
});

describe("large weights wait until they are read", () => {
  const untouchable = (dtype: Tensor["dtype"], shape: readonly number[]): Tensor => ({
    dtype,
    shape,
    get data(): never {
      throw new Error("touched");
    },
  });
  const W = {
    Q: untouchable("int8", [512, 2048]),
    s: f32(1, [512]),
    W: untouchable("float32", [2048, 512]),
    h: untouchable("float16", [512, 512]),
  };
  const spec: GraphSpec = {
    inputs: { x: [1, 2048] },
    constants: W,
    nodes: [
      { op: "DequantizeLinear", inputs: ["Q", "s"], outputs: ["w"], attrs: { axis: 0 } },
      { op: "Gemm", inputs: ["x", "w"], outputs: ["a"], attrs: { transB: 1, alpha: 0.5 } },
      { op: "Cast", inputs: ["h"], outputs: ["hf"], attrs: { to: 1 } },
      { op: "MatMul", inputs: ["a", "hf"], outputs: ["b"] },
      { op: "Transpose", inputs: ["W"], outputs: ["t"], attrs: { perm: [1, 0] } },
      { op: "Gemm", inputs: ["b", "t"], outputs: ["y"] },
    ],
    outputs: ["y"],
  };
  test("shapes and layers are known without them", () => {
    const graph = canonicalise(smallGraph(spec));
    expect(opsOf(graph)).toEqual(["MatMul", "MatMul", "MatMul"]);
    expect(graph.types.get("y")?.shape).toEqual([1, 2048]);
  });
  test("only what a cut graph needs is ever computed", () => {
    const graph = canonicalise(smallGraph({ ...spec, constants: { ...W, Q: { dtype: "int8", shape: [512, 2048], data: new Int8Array(512 * 2048).fill(2) } } }), { until: ["a"] }); // prettier-ignore
    const [weight] = graph.constants.values();
    expect(weight).toMatchObject({ dtype: "float32", shape: [2048, 512] });
    expect(weight!.data[7]).toBe(1);
    expect(weight!.data).toBe(weight!.data);
  });
});

describe("sequences", () => {
  const x = { inputs: { x: [2, 6, 4] } };
  test("parts of one length, two of them joined again", async () => {
    const spec: GraphSpec = {
      ...x,
      constants: { length: i64(4), first: i64(0), last: i64(-1) },
      nodes: [
        { op: "SplitToSequence", inputs: ["x", "length"], outputs: ["parts"], attrs: { axis: 1 } },
        { op: "SequenceAt", inputs: ["parts", "first"], outputs: ["a"] },
        { op: "SequenceAt", inputs: ["parts", "last"], outputs: ["b"] },
        { op: "SequenceConstruct", inputs: ["b", "a"], outputs: ["turned"] },
        { op: "ConcatFromSequence", inputs: ["turned"], outputs: ["y"], attrs: { axis: 1 } },
      ],
      outputs: ["y"],
    };
    expect(opsOf(await same(spec))).toEqual(["Slice", "Slice", "Concat"]);
  });
  test("rows, one left out, one put in, stacked", async () => {
    const spec: GraphSpec = {
      ...x,
      constants: { second: i64(1), third: i64(2) },
      nodes: [
        { op: "SplitToSequence", inputs: ["x"], outputs: ["rows"], attrs: { axis: 2, keepdims: 0 } },
        { op: "SequenceErase", inputs: ["rows", "second"], outputs: ["fewer"] },
        { op: "SequenceAt", inputs: ["rows", "third"], outputs: ["row"] },
        { op: "SequenceInsert", inputs: ["fewer", "row", "second"], outputs: ["again"] },
        { op: "ConcatFromSequence", inputs: ["again"], outputs: ["y"], attrs: { axis: -1, new_axis: 1 } },
      ],
      outputs: ["y"],
    };
    await same(spec);
  });
  test("a place that a sequence has not", () => {
    const spec: GraphSpec = {
      ...x,
      constants: { far: i64(7) },
      nodes: [
        { op: "SequenceConstruct", inputs: ["x", "x"], outputs: ["two"] },
        { op: "SequenceAt", inputs: ["two", "far"], outputs: ["y"] },
      ],
      outputs: ["y"],
    };
    expect(() => canonicalise(smallGraph(spec))).toThrow(
      'SequenceAt "y": place 7 of 2. The file contradicts itself; export it again.',
    );
  });
});
