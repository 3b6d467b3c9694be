/** Quantised networks as float ones: against ONNX Runtime on the originals, within the rounding that is left out. */
import { describe, expect, test } from "vitest";
import { runGraph, runModelBytes } from "../../../test/runGraph";
import { randomTensor, smallGraph, type GraphSpec, type NodeSpec } from "../../../test/smallGraph";
import { gradient } from "../../autodiff/gradient";
import { canonicalise, layersOf } from "../canonicalise";
import { OpError, sizeOf, type Attrs, type StaticGraph, type Tensor } from "../graph";
import type { Preprocessing } from "../preprocessing";
import { f32, numbers } from "../tensor";
import { writeModel } from "../write";

const i8 = (values: readonly number[], shape: readonly number[] = []): Tensor => ({
  dtype: "int8",
  shape,
  data: Int8Array.from(values),
});
const u8 = (values: readonly number[], shape: readonly number[] = []): Tensor => ({
  dtype: "uint8",
  shape,
  data: Uint8Array.from(values),
});
const i32 = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor => ({
  dtype: "int32",
  shape,
  data: Int32Array.from(values),
});
/** Whole numbers from -100 to 100, the same for the same seed. */
const levels = (
  shape: readonly number[],
  seed: number,
  to: (values: number[], shape: readonly number[]) => Tensor = i8,
): Tensor =>
  to(
    numbers(randomTensor(shape, seed, 40)).map((x) => Math.max(-100, Math.min(100, Math.round(x))) + (to === u8 ? 100 : 0)),
    shape,
  );
const scalar = (x: number) => f32(x, []);

/** What the widest step of rounding may be, and how many layers round. */
async function close(spec: GraphSpec, step: number, feeds: Record<string, Tensor>): Promise<StaticGraph> {
  const original = smallGraph(spec);
  const graph = canonicalise(original);
  const wanted = await runModelBytes(writeModel(original), feeds);
  const found = await runGraph(graph, feeds);
  for (const name of spec.outputs) {
    const [a, e] = [numbers(found[name]!), numbers(wanted[name]!)];
    expect(found[name]!.shape).toEqual(wanted[name]!.shape);
    const worst = a.reduce((m, x, i) => Math.max(m, Math.abs(x - e[i]!)), 0);
    expect(worst, name).toBeLessThanOrEqual(step);
    expect(Math.max(...e.map(Math.abs))).toBeGreaterThan(5 * step); // there is something to compare
  }
  return graph;
}

const opsOf = (graph: StaticGraph) => graph.nodes.map(({ op }) => op);
const MS = "com.microsoft";

/** x -> Q -> DQ -> Conv with dequantised weights and bias -> Q -> DQ */
const qdq = (axis: boolean): GraphSpec => ({
  inputs: { x: [1, 3, 6, 6] },
  constants: {
    xs: scalar(0.02),
    xz: u8([120]),
    w: levels([4, 3, 3, 3], 2),
    ws: axis ? f32([0.01, 0.02, 0.005, 0.01]) : scalar(0.01),
    wz: axis ? i8([0, 0, 0, 0], [4]) : i8([0]),
    b: i32([100, -200, 300, 0]),
    bs: axis ? f32([0.0002, 0.0004, 0.0001, 0.0002]) : scalar(0.0002),
    bz: axis ? i32([0, 0, 0, 0]) : i32([0], []),
    ys: scalar(0.05),
    yz: i8([-10]),
  },
  nodes: [
    { op: "QuantizeLinear", inputs: ["x", "xs", "xz"], outputs: ["xq"] },
    { op: "DequantizeLinear", inputs: ["xq", "xs", "xz"], outputs: ["xd"] },
    { op: "DequantizeLinear", inputs: ["w", "ws", "wz"], outputs: ["wd"], attrs: { axis: 0 } },
    { op: "DequantizeLinear", inputs: ["b", "bs", "bz"], outputs: ["bd"], attrs: { axis: 0 } },
    { op: "Conv", inputs: ["xd", "wd", "bd"], outputs: ["c"], attrs: { pads: [1, 1, 1, 1] } },
    { op: "Relu", inputs: ["c"], outputs: ["r"] },
    { op: "QuantizeLinear", inputs: ["r", "ys", "yz"], outputs: ["rq"] },
    { op: "MaxPool", inputs: ["rq"], outputs: ["pq"], attrs: { kernel_shape: [2, 2], strides: [2, 2] } },
    { op: "DequantizeLinear", inputs: ["pq", "ys", "yz"], outputs: ["y"] },
  ],
  outputs: ["y"],
  opset: 13,
});

describe("QDQ", () => {
  test.each([false, true])("around a convolution, weights per axis: %s", async (axis) => {
    const graph = await close(qdq(axis), 0.05, { x: randomTensor([1, 3, 6, 6], 1) });
    expect(opsOf(graph)).toEqual(["Clip", "Conv", "Relu", "Clip", "MaxPool"]);
    expect(graph.nodes.map(({ outputs }) => outputs[0])).toEqual(["xq~clipped", "c", "r", "rq~clipped", "y"]);
  });

  test("its layers are the float ones", () => {
    expect(layersOf(canonicalise(smallGraph(qdq(true)))).map(({ name, op }) => [name, op])).toEqual([
      ["r", "Relu"],
      ["y", "MaxPool"],
    ]);
  });

  test("gradients flow through it, and stop where it clips", async () => {
    const spec = { ...qdq(false), nodes: qdq(false).nodes.slice(0, 2), outputs: ["xd"] };
    const graph = gradient(canonicalise(smallGraph(spec)), { of: "xd", wrt: "x" });
    const x = f32(
      Array.from({ length: 108 }, (_, i) => (i - 54) * 0.1 + 0.05),
      [1, 3, 6, 6],
    );
    const { grad } = await runGraph(graph, { x, cotangent: f32(1, x.shape) });
    expect(numbers(grad!)).toEqual(numbers(x).map((v) => Number(v > -2.4 && v < 2.7)));
  });

  test("activations along an axis, and levels in another unit", async () => {
    const spec: GraphSpec = {
      inputs: { x: [2, 3, 4] },
      constants: {
        s: f32([0.1, 0.2, 0.05]),
        z: u8([10, 128, 200], [3]),
        t: scalar(0.3),
        u: u8([100]),
        v: scalar(0.2),
        w: u8([90]),
      },
      nodes: [
        { op: "QuantizeLinear", inputs: ["x", "s", "z"], outputs: ["q"], attrs: { axis: 1 } },
        { op: "DequantizeLinear", inputs: ["q", "s", "z"], outputs: ["y"], attrs: { axis: 1 } },
        { op: "QuantizeLinear", inputs: ["x", "v", "w"], outputs: ["p"] },
        { op: "DequantizeLinear", inputs: ["p", "t", "u"], outputs: ["other"] }, // not the unit that it was made with
      ],
      outputs: ["y", "other"],
      opset: 13,
    };
    await close(spec, 0.16, { x: randomTensor([2, 3, 4], 3, 4) });
  });

  test("an operator that computes with levels gets them", async () => {
    const spec: GraphSpec = {
      inputs: { x: [2, 8] },
      constants: { s: scalar(0.1), z: u8([100]), more: u8([110]) },
      nodes: [
        { op: "QuantizeLinear", inputs: ["x", "s", "z"], outputs: ["q"] },
        { op: "Max", inputs: ["q", "more"], outputs: ["m"] },
        { op: "Cast", inputs: ["m"], outputs: ["y"], attrs: { to: 1 } },
      ],
      outputs: ["y", "q"],
      opset: 13,
    };
    await close(spec, 0.5001, { x: randomTensor([2, 8], 4, 3) });
    const seen = canonicalise(smallGraph(spec), { until: ["q"] }); // whoever looks at q wants what it means
    const { q } = await runGraph(seen, { x: f32([1, -2, 0, 99, 0.25, 3, 4, 5, 1, 1, 1, 1, 1, 1, 1, 1], [2, 8]) });
    expect(numbers(q!).slice(0, 5)).toEqual([1, -2, 0, Math.fround(15.5), 0.25]);
  });

  test("an impossible scale", () => {
    const spec = qdq(false);
    const graph = smallGraph({ ...spec, constants: { ...spec.constants, xs: scalar(0) } });
    expect(() => canonicalise(graph)).toThrow(OpError);
    expect(() => canonicalise(graph)).toThrow(
      'QuantizeLinear "xq": a scale of 0; it must be more than 0. The file is damaged; export it again.',
    );
  });
});

describe("QOperator", () => {
  const quantised: NodeSpec = { op: "QuantizeLinear", inputs: ["x", "xs", "xz"], outputs: ["xq"] };
  const unquantised: NodeSpec = { op: "DequantizeLinear", inputs: ["yq", "ys", "yz"], outputs: ["y"] };
  /** x -> levels -> the node -> numbers again */
  const around = (
    shape: readonly number[],
    node: Partial<NodeSpec> & { op: string; inputs: readonly string[] },
    constants: Record<string, Tensor>,
  ): GraphSpec => ({
    inputs: { x: shape },
    constants: { xs: scalar(0.02), xz: u8([120]), ys: scalar(0.04), yz: u8([100]), ...constants },
    nodes: [quantised, { outputs: ["yq"], domain: MS, ...node }, unquantised],
    outputs: ["y"],
    opset: 13,
  });
  const step = 0.04;

  test("QLinearConv, per axis, with bias", async () => {
    const constants = {
      w: levels([4, 3, 3, 3], 5),
      ws: f32([0.005, 0.01, 0.002, 0.01]),
      wz: i8([0, 0, 0, 0], [4]),
      b: i32([900, -400, 100, 0]),
    };
    const node = {
      op: "QLinearConv",
      domain: "",
      inputs: ["xq", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"],
      attrs: { pads: [1, 1, 1, 1] },
    };
    const graph = await close(around([1, 3, 5, 5], node, constants), 2 * step, { x: randomTensor([1, 3, 5, 5], 6, 0.5) });
    expect(opsOf(graph)).toEqual(["Clip", "Conv", "Clip"]);
  });
  test("QLinearMatMul", async () => {
    const constants = { w: levels([6, 5], 7, u8), ws: scalar(0.01), wz: u8([100]) };
    const node = { op: "QLinearMatMul", domain: "", inputs: ["xq", "xs", "xz", "w", "ws", "wz", "ys", "yz"] };
    await close(around([4, 6], node, constants), 2 * step, { x: randomTensor([4, 6], 8) });
  });
  test.each(["QLinearAdd", "QLinearMul"])("%s", async (op) => {
    const node = { op, inputs: ["xq", "xs", "xz", "w", "ws", "wz", "ys", "yz"] };
    await close(around([2, 6], node, { w: levels([6], 9, u8), ws: scalar(0.01), wz: u8([100]) }), 2 * step, {
      x: randomTensor([2, 6], 10),
    });
  });
  test.each(["QLinearSigmoid", "QLinearLeakyRelu"])("%s", async (op) => {
    const node = {
      op,
      inputs: ["xq", "xs", "xz", "ys", "yz"],
      attrs: (op === "QLinearLeakyRelu" ? { alpha: 0.1 } : {}) as Attrs,
    };
    await close(around([2, 6], node, { ys: scalar(0.01), yz: u8([50]) }), 0.02, { x: randomTensor([2, 6], 11) });
  });
  test.each([
    ["QLinearAveragePool", { kernel_shape: [2, 2], strides: [2, 2] }],
    ["QLinearGlobalAveragePool", { channels_last: 0 }],
  ] as const)("%s", async (op, attrs) => {
    const node = { op, inputs: ["xq", "xs", "xz", "ys", "yz"], attrs };
    await close(around([1, 3, 4, 4], node, { ys: scalar(0.01), yz: u8([128]) }), 0.025, { x: randomTensor([1, 3, 4, 4], 12) });
  });
  test("QLinearConcat", async () => {
    const node = { op: "QLinearConcat", inputs: ["ys", "yz", "xq", "xs", "xz", "w", "ws", "wz"], attrs: { axis: 1 } };
    await close(around([2, 6], node, { w: levels([2, 3], 13, u8), ws: scalar(0.01), wz: u8([100]) }), 2 * step, {
      x: randomTensor([2, 6], 14),
    });
  });
  test("QGemm", async () => {
    const constants = { w: levels([5, 6], 15), ws: scalar(0.01), wz: i8([0]), b: i32([2000, -3000, 100, 0, 50]) };
    const node = {
      op: "QGemm",
      inputs: ["xq", "xs", "xz", "w", "ws", "wz", "b", "ys", "yz"],
      attrs: { transB: 1, transA: 0, alpha: 1 },
    };
    await close(around([4, 6], node, constants), 2 * step, { x: randomTensor([4, 6], 16) });
  });

  test("QAttention of what is quantised while it runs", async () => {
    const spec: GraphSpec = {
      inputs: { x: [2, 5, 8] },
      constants: { w: levels([8, 24], 20), b: randomTensor([24], 21), ws: scalar(0.01), wz: i8([0]) },
      nodes: [
        { op: "DynamicQuantizeLinear", inputs: ["x"], outputs: ["q", "s", "z"] },
        {
          op: "QAttention",
          domain: MS,
          inputs: ["q", "w", "b", "s", "ws", "", "z", "wz"],
          outputs: ["y"],
          attrs: { num_heads: 2 },
        },
      ],
      outputs: ["y"],
      opset: 13,
    };
    await close(spec, 0.08, { x: randomTensor([2, 5, 8], 22) });
  });

  test("dynamic quantisation: levels, integers, and numbers again", async () => {
    const spec: GraphSpec = {
      inputs: { x: [1, 3, 6, 6] },
      constants: { w: levels([4, 3, 3, 3], 17), ws: scalar(0.01), wz: i8([0]), m: levels([6, 5], 18), mz: i8([0]) },
      nodes: [
        { op: "DynamicQuantizeLinear", inputs: ["x"], outputs: ["q", "s", "z"] },
        { op: "ConvInteger", inputs: ["q", "w", "z", "wz"], outputs: ["c"] },
        { op: "Cast", inputs: ["c"], outputs: ["f"], attrs: { to: 1 } },
        { op: "Mul", inputs: ["s", "ws"], outputs: ["both"] },
        { op: "Mul", inputs: ["f", "both"], outputs: ["y"] },
        { op: "MatMulInteger", inputs: ["q", "m", "z", "mz"], outputs: ["p"] },
        { op: "Cast", inputs: ["p"], outputs: ["g"], attrs: { to: 1 } },
        { op: "Mul", inputs: ["g", "both"], outputs: ["v"] },
      ],
      outputs: ["y", "v"],
      opset: 13,
    };
    await close(spec, 0.12, { x: randomTensor([1, 3, 6, 6], 19) });
  });

  test("a value that only uint8 pictures have: the network's own input", async () => {
    const spec = around(
      [1, 3, 5, 5],
      { op: "QLinearSigmoid", inputs: ["x", "xs", "xz", "ys", "yz"] },
      { ys: scalar(0.01), yz: u8([50]) },
    );
    const graph = smallGraph({ ...spec, nodes: spec.nodes.slice(1), dtypes: { x: "uint8" } });
    const picture: Preprocessing = {
      channels: "RGB",
      range: 255,
      mean: [0, 0, 0],
      std: [1, 1, 1],
      layout: "NCHW",
      input: "x",
      size: 5,
    };
    const network = canonicalise(graph, { preprocessing: picture });
    const { y } = await runGraph(network, { image: f32(120 / 255 + 0.1, [1, 3, 5, 5]) });
    expect(numbers(y!)[0]).toBeCloseTo(1 / (1 + Math.exp(-0.51)), 2);
    expect(sizeOf(y!.shape)).toBe(75);
  });
});
