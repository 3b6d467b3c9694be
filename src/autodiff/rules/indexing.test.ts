import { describe, expect, test } from "vitest";
import { gradOf, product, vjpError, type VjpCase } from "../../../test/checkVjp";
import { runGraph } from "../../../test/runGraph";
import { randomTensor, smallGraph } from "../../../test/smallGraph";
import { GraphBuilder } from "../../onnx/builder";
import { canonicalise } from "../../onnx/canonicalise";
import type { Value } from "../../onnx/graph";
import { f32, i64 } from "../../onnx/tensor";
import { appendGradient, gradient } from "../gradient";

const linear = async (shape: readonly number[], of: VjpCase["of"]) => expect(await vjpError({ shape, of })).toBeLessThan(1e-4);

/** Numbers that are constants, or that ORT computes while it runs: in a gradient the two take different ways. */
const whole = (b: GraphBuilder, values: number[], shape: number[], atRunTime: boolean): Value => {
  const constant = b.constant(i64(values, shape));
  return atRunTime ? b.cast(b.cast(constant, "float32"), "int64") : constant;
};

describe("Gather vjp", () => {
  const cases = [
    { axis: 1, values: [2, 0, 1], shape: [3] },
    { axis: 0, values: [1, 1, 0, 1], shape: [4] },
    { axis: 2, values: [-1], shape: [] },
    { axis: 2, values: [0, 3, 3, 1], shape: [2, 2] },
  ];
  test.each(cases.flatMap((c) => [true, false].map((atRunTime) => ({ ...c, atRunTime }))))(
    "axis $axis at $values, computed: $atRunTime",
    ({ axis, values, shape, atRunTime }) =>
      linear([2, 3, 4], (b, x) => b.node("Gather", [x, whole(b, values, shape, atRunTime)], { axis })),
  );
  test("more rows than a one-hot matrix is good for are scattered", async () => {
    const order = Array.from({ length: 1200 }, (_, i) => (7 * i) % 1200);
    await linear([1200, 2], (b, x) => b.node("Gather", [x, b.constant(i64(order))], { axis: 0 }));
    const graph = new GraphBuilder();
    const x = graph.input("x", "float32", [1200, 2]);
    const y = graph.node("Gather", [x, graph.constant(i64(order))], { axis: 0 });
    appendGradient(graph, { of: y, wrt: x, cotangent: graph.constant(f32(1, [1200, 2])) });
    expect(graph.nodes.map((n) => n.op)).not.toContain("MatMul");
  });
  test("a row read twice gets both cotangents", async () => {
    const of: VjpCase["of"] = (b, x) => b.node("Gather", [x, b.constant(i64([2, 2, 0]))], { axis: 0 });
    expect(await gradOf(of, f32([0, 0, 0]), f32([1, 2, 4]))).toEqual([4, 0, 3]);
  });
});

describe("GatherElements vjp", () => {
  test.each(product({ axis: [0, 1, -1] }))("axis $axis", ({ axis }) =>
    linear([2, 3, 4], (b, x) => b.node("GatherElements", [x, b.constant(i64([0, 1, 1, 0, 1, 1], [1, 3, 2]))], { axis })),
  );
  test("an element read twice gets both cotangents", async () => {
    const of: VjpCase["of"] = (b, x) => b.node("GatherElements", [x, b.constant(i64([1, 1, 0]))], { axis: 0 });
    expect(await gradOf(of, f32([0, 0]), f32([1, 2, 4]))).toEqual([4, 3]);
  });
});

describe("GatherND vjp", () => {
  test.each([
    { batch_dims: 0, values: [0, 1, 1, 2, 0, 1], shape: [3, 2] },
    { batch_dims: 0, values: [1, 0], shape: [2, 1] },
    { batch_dims: 1, values: [2, 0], shape: [2, 1] },
    { batch_dims: 1, values: [2, 1, 0, 3, 1, 1, 0, 0], shape: [2, 2, 2] },
    { batch_dims: 2, values: [0, 1, 2, 3, -1, 0], shape: [2, 3, 1] },
  ])("batch_dims $batch_dims at $values", ({ batch_dims, values, shape }) =>
    linear([2, 3, 4], (b, x) => b.node("GatherND", [x, b.constant(i64(values, shape))], { batch_dims })),
  );
  test("a pair of indices names one element", async () => {
    const of: VjpCase["of"] = (b, x) => b.node("GatherND", [x, b.constant(i64([1, 0, 1, 0], [2, 2]))], { batch_dims: 0 });
    expect(await gradOf(of, f32(0, [2, 2]), f32([5, 7]))).toEqual([0, 0, 12, 0]);
  });
});

describe("ScatterElements and ScatterND vjp", () => {
  const elements = i64([0, 2, 1, 1, 0, 2], [2, 3]);
  const rows = i64([2, 0], [2, 1]);
  test.each(product({ reduction: ["none", "add"], place: ["data", "updates"] }))(
    "ScatterElements, reduction $reduction, x as $place",
    ({ reduction, place }) => {
      const other = (shape: number[]) => randomTensor(shape, 3);
      return linear(place === "data" ? [3, 3] : [2, 3], (b, x) =>
        b.node(
          "ScatterElements",
          place === "data"
            ? [x, b.constant(elements), b.constant(other([2, 3]))]
            : [b.constant(other([3, 3])), b.constant(elements), x],
          { axis: 0, reduction },
        ),
      );
    },
  );
  test.each(product({ reduction: ["none", "add"], place: ["data", "updates"] }))(
    "ScatterND, reduction $reduction, x as $place",
    ({ reduction, place }) =>
      linear(place === "data" ? [3, 4] : [2, 4], (b, x) =>
        b.node(
          "ScatterND",
          place === "data"
            ? [x, b.constant(rows), b.constant(randomTensor([2, 4], 3))]
            : [b.constant(randomTensor([3, 4], 3)), b.constant(rows), x],
          { reduction },
        ),
      ),
  );
  test("what was replaced gets nothing", async () => {
    const of: VjpCase["of"] = (b, x) =>
      b.node("ScatterElements", [x, b.constant(i64([1])), b.constant(f32([9]))], { axis: 0, reduction: "none" });
    expect(await gradOf(of, f32([0, 0, 0]), f32([1, 2, 3]))).toEqual([1, 0, 3]);
  });
  test("products of updates are refused by name", () => {
    const b = new GraphBuilder();
    const x = b.input("x", "float32", [3]);
    const attrs = { axis: 0, reduction: "mul" };
    const y = b.node("ScatterElements", [x, b.constant(i64([1])), b.constant(f32([9]))], attrs, { name: "mask" });
    expect(() => appendGradient(b, { of: y, wrt: x, cotangent: b.constant(f32(1, [3])) })).toThrow(
      'ScatterElements "mask": reduction "mul" has no gradient rule; none and add have.',
    );
  });
});

describe("TopK vjp", () => {
  test.each(product({ axis: [0, 1, -1], largest: [0, 1] }))("axis $axis largest $largest", async ({ axis, largest }) => {
    const of: VjpCase["of"] = (b, x) => b.nodeOutputs("TopK", [x, b.ints([2])], { axis, largest, sorted: 1 }, { outputs: 2 })[0]!;
    expect(await vjpError({ shape: [3, 4, 5], of, x: "distinct" })).toBeLessThan(1e-4);
  });
  test("the two largest of four get the cotangents, in their order", async () => {
    const of: VjpCase["of"] = (b, x) =>
      b.nodeOutputs("TopK", [x, b.ints([2])], { axis: 0, largest: 1, sorted: 1 }, { outputs: 2 })[0]!;
    expect(await gradOf(of, f32([3, 1, 4, 2]), f32([10, 20]))).toEqual([20, 0, 10, 0]);
  });
});

test("TopK whose file names its values alone has the indices that a gradient needs", async () => {
  const nodes = [{ op: "TopK", inputs: ["x", "k"], outputs: ["best"], attrs: { axis: 1 } }];
  const graph = smallGraph({ inputs: { x: [2, 3] }, constants: { k: i64([1]) }, nodes, outputs: ["best"] });
  const model = gradient(canonicalise(graph), { of: "best", wrt: "x" });
  const feeds = { x: f32([1, 3, 2, 6, 5, 4], [2, 3]), cotangent: f32([10, 20], [2, 1]) };
  expect([...(await runGraph(model, feeds)).grad!.data]).toEqual([0, 10, 0, 20, 0, 0]);
});

describe("CumSum vjp", () => {
  test.each(product({ axis: [0, 1, -1], exclusive: [0, 1], reverse: [0, 1] }))(
    "axis $axis exclusive $exclusive reverse $reverse",
    ({ axis, exclusive, reverse }) =>
      linear([2, 3, 4], (b, x) => b.node("CumSum", [x, b.constant(i64(axis))], { exclusive, reverse })),
  );
  test("the first of three counts in three sums", async () => {
    const of: VjpCase["of"] = (b, x) => b.node("CumSum", [x, b.constant(i64(0))], { exclusive: 0, reverse: 0 });
    expect(await gradOf(of, f32([0, 0, 0]), f32([1, 10, 100]))).toEqual([111, 110, 100]);
  });
});
