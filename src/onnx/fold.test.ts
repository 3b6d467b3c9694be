/** Folded values against ONNX Runtime's for the same constants; what cannot be folded is left alone. */
import { describe, expect, test } from "vitest";
import { runModelBytes } from "../../test/runGraph";
import { randomTensor, relativeDifference, smallGraph } from "../../test/smallGraph";
import { fold } from "./fold";
import type { Attrs, Tensor } from "./graph";
import { f32, i64 } from "./tensor";
import { writeModel } from "./write";

const node = (op: string, constants: readonly (Tensor | null)[], attrs: Attrs = {}, outputs = 1) => ({
  op,
  name: "node",
  domain: "",
  inputs: constants.map((c, i) => (c ? `c${i}` : "")),
  outputs: Array.from({ length: outputs }, (_, i) => `y${i}`),
  attrs,
});
const folded = (op: string, constants: readonly (Tensor | null)[], attrs: Attrs = {}, outputs = 1) =>
  fold(
    node(op, constants, attrs, outputs),
    constants.map((c) => c ?? undefined),
  );

type Case = { op: string; constants: (Tensor | null)[]; attrs?: Attrs; outputs?: number };
const x = randomTensor([2, 3, 4], 1);
const bytes = (dtype: "int8" | "uint8", values: number[], shape: number[]): Tensor => ({
  dtype,
  shape,
  data: (dtype === "int8" ? Int8Array : Uint8Array).from(values),
});
const q = bytes("uint8", [0, 7, 200, 255, 128, 3], [3, 2]);
const bool = (values: number[]): Tensor => ({ dtype: "bool", shape: [values.length], data: Uint8Array.from(values) });

const cases: Case[] = [
  ...["Neg", "Abs", "Floor", "Ceil", "Exp", "Relu", "Sigmoid", "Tanh", "Sin", "Sign"].map((op) => ({ op, constants: [x] })),
  { op: "Round", constants: [f32([0.5, 1.5, 2.5, -0.5, -1.5, 0.4])] },
  ...["Add", "Sub", "Mul", "Div", "Max", "Min"].flatMap((op) => [
    { op, constants: [x, randomTensor([3, 1], 2)] },
    { op, constants: [i64([7, -7, 9]), i64([2])] },
  ]),
  { op: "Pow", constants: [f32([1, 2, 3]), f32(2)] },
  { op: "Mod", constants: [i64([7, -7]), i64([3])] },
  { op: "Mod", constants: [f32([7.5, -7.5]), f32([3])], attrs: { fmod: 1 } },
  ...["Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual"].map((op) => ({ op, constants: [f32([1, 2, 3]), f32(2)] })),
  { op: "And", constants: [bool([1, 0, 1]), bool([1])] },
  { op: "Not", constants: [bool([1, 0, 1])] },
  { op: "Where", constants: [bool([1, 0, 1]), f32([1, 2, 3]), f32(9)] },
  { op: "Cast", constants: [f32([1.7, -1.7, 0])], attrs: { to: 7 } },
  { op: "Cast", constants: [f32([1.7, -1.7, 0])], attrs: { to: 9 } },
  { op: "Cast", constants: [i64([3, -4])], attrs: { to: 1 } },
  { op: "Transpose", constants: [x], attrs: { perm: [2, 0, 1] } },
  { op: "Reshape", constants: [x, i64([4, -1])] },
  { op: "Expand", constants: [f32([1, 2, 3], [3, 1]), i64([2, 1, 2])] },
  { op: "Tile", constants: [x, i64([1, 2, 3])] },
  { op: "Concat", constants: [x, x], attrs: { axis: 1 } },
  { op: "Gather", constants: [x, i64([-1, 0])], attrs: { axis: 2 } },
  { op: "Gather", constants: [i64([5, 6, 7]), i64(1)] },
  { op: "Slice", constants: [x, i64([-1, 0]), i64([-100, 3]), i64([2, 1]), i64([-2, 2])] },
  { op: "Pad", constants: [x, i64([0, 1, 0, 1, 0, 2]), f32(9)] },
  { op: "Split", constants: [x], attrs: { axis: 1, num_outputs: 2 }, outputs: 2 },
  { op: "ReduceSum", constants: [x, i64([1])], attrs: { keepdims: 0 } },
  { op: "ReduceProd", constants: [i64([2, 3, 4])], attrs: { keepdims: 0 } },
  { op: "ReduceMax", constants: [x, i64([0, 2])] },
  { op: "ReduceMean", constants: [x] },
  { op: "ConstantOfShape", constants: [i64([2, 2])], attrs: { value: i64([7]) } },
  { op: "Range", constants: [i64(10), i64(0), i64(-3)] },
  { op: "NonZero", constants: [f32([0, 1, 2, 0], [2, 2])] },
  { op: "DequantizeLinear", constants: [q, f32(0.1), bytes("uint8", [128], [])] },
  { op: "DequantizeLinear", constants: [q, f32([0.1, 0.2, 0.3]), bytes("uint8", [128, 0, 3], [3])], attrs: { axis: 0 } },
  { op: "DequantizeLinear", constants: [q, f32([0.1, 0.2]), null], attrs: { axis: -1 } },
  { op: "QuantizeLinear", constants: [f32([0.05, 0.15, -9, 99]), f32(0.1), bytes("int8", [3], [])] },
];

describe("folding", () => {
  test.each(
    cases.map((c) => ({
      ...c,
      title: `${c.op} ${c.constants.map((t) => (t ? `${t.dtype}[${t.shape.join()}]` : "-")).join(" ")}`,
    })),
  )("$title", async ({ op, constants, attrs, outputs }) => {
    const n = node(op, constants, attrs, outputs);
    const graph = smallGraph({
      inputs: { unused: [1] },
      constants: Object.fromEntries(constants.flatMap((c, i) => (c ? [[`c${i}`, c]] : []))),
      nodes: [n],
      outputs: n.outputs.slice(),
    });
    const expected = await runModelBytes(writeModel(graph), { unused: f32(0, [1]) });
    const actual = folded(op, constants, attrs, outputs)!;
    n.outputs.forEach((name, i) => {
      expect(actual[i]!.dtype).toBe(expected[name]!.dtype);
      expect(relativeDifference(actual[i]!, expected[name]!)).toBeLessThan(1e-6);
    });
  });
  test("the largest int64 passes through unharmed", () => {
    const big = BigInt64Array.of(2n ** 63n - 1n);
    const [y] = folded("Concat", [{ dtype: "int64", shape: [1], data: big }, i64([1])], { axis: 0 })!;
    expect([...y!.data]).toEqual([2n ** 63n - 1n, 1n]);
  });
  test("what it does not know, or what would grow too large, it leaves", () => {
    expect(folded("Conv", [x, x])).toBeUndefined();
    expect(folded("ConstantOfShape", [i64([20000, 20000])])).toBeUndefined();
    expect(folded("Gather", [i64([1, 2]), i64(5)])).toBeUndefined();
  });
  test("blocks of weights with a scale each", () => {
    const w = bytes("int8", [1, 2, 3, 4, 5, 6, 7, 8], [2, 4]);
    const [y] = folded("DequantizeLinear", [w, f32([1, 10, 100, 1000], [2, 2])], { axis: 1, block_size: 2 })!;
    expect([...y!.data]).toEqual([1, 2, 30, 40, 500, 600, 7000, 8000]);
  });
});
