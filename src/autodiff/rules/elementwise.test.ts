/** Activations and arithmetic: each op by the adjoint test over shapes that do and do not broadcast, then cases small enough to check by hand. */
import { describe, expect, test } from "vitest";
import { gradOf, product, vjpError, type VjpCase } from "../../../test/checkVjp";
import { randomTensor } from "../../../test/smallGraph";
import type { Attrs } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";

describe("activation vjp", () => {
  const unary =
    (op: string, attrs: Attrs = {}): VjpCase["of"] =>
    (b, x) =>
      b.node(op, [x], attrs);
  const kinked = [
    ["Relu", unary("Relu")],
    ["LeakyRelu", unary("LeakyRelu", { alpha: 0.1 })],
    ["Abs", unary("Abs")],
    ["Elu", unary("Elu", { alpha: 1.3 })],
    ["HardSigmoid", unary("HardSigmoid", { alpha: 0.25, beta: 0.5 })],
    ["HardSwish", unary("HardSwish")],
    ["ThresholdedRelu", unary("ThresholdedRelu", { alpha: 1.02 })],
    ["Shrink", unary("Shrink", { lambd: 0.52, bias: 0.3 })],
    ["Clip 0 to 6", (b, x) => b.node("Clip", [x, b.scalar(0), b.scalar(6)])],
    ["Clip below only", (b, x) => b.node("Clip", [x, b.scalar(-1)])],
    ["PRelu", (b, x) => b.node("PRelu", [x, b.constant(f32([0.1, 0.2, 0.3], [3, 1, 1]))])],
  ] satisfies [string, VjpCase["of"]][];
  test.each(kinked)("%s", async (_, of) => {
    for (const shape of [[1, 3, 4, 5], [2, 3, 1, 1]]) expect(await vjpError({ shape, of, x: "distinct" })).toBeLessThan(1e-3); // prettier-ignore
  });

  const smooth = [
    ...["Sigmoid", "Tanh", "Softplus", "Erf", "Exp", "Sin", "Cos", "Neg", "Sinh", "Cosh", "Asinh", "Atan", "Identity"].map(
      (op) => [op, unary(op)] as const,
    ),
    ["Gelu", (b, x) => emitGelu(b, x)] as const,
  ] satisfies (readonly [string, VjpCase["of"]])[];
  test.each(smooth)("%s", async (_, of) => {
    for (const shape of [[7], [2, 3, 4]]) expect(await vjpError({ shape, of })).toBeLessThan(2e-3);
  });

  test.each(["Log", "Sqrt", "Reciprocal"])("%s of positive numbers", async (op) => {
    expect(await vjpError({ shape: [3, 5], of: unary(op), x: "positive", eps: 1e-3 })).toBeLessThan(5e-3);
  });

  test.each(["Tan", "Asin", "Acos", "Atanh"])("%s near zero", async (op) => {
    expect(await vjpError({ shape: [3, 5], of: (b, x) => b.node(op, [b.mul(x, 0.2)]), eps: 1e-3 })).toBeLessThan(5e-3);
  });
  test("Acosh beyond one", async () => {
    const of: VjpCase["of"] = (b, x) => b.node("Acosh", [b.add(x, 1.5)]);
    expect(await vjpError({ shape: [3, 5], of, x: "positive", eps: 1e-3 })).toBeLessThan(5e-3);
  });

  test.each([-0.75, -1, -2, 0.5, 1.5, 2, 3])("Pow %s of positive numbers", async (p) => {
    expect(
      await vjpError({ shape: [3, 5], of: (b, x) => b.node("Pow", [x, b.scalar(p)]), x: "positive", eps: 1e-3 }),
    ).toBeLessThan(5e-3);
  });

  test("Pow with an exponent per channel", async () => {
    const of: VjpCase["of"] = (b, x) => b.node("Pow", [x, b.constant(f32([2, 0.5, -1], [3, 1]))]);
    expect(await vjpError({ shape: [3, 5], of, x: "positive", eps: 1e-3 })).toBeLessThan(5e-3);
  });

  test("Pow 0 is flat, at zero too", async () => {
    const of: VjpCase["of"] = (b, x) => b.node("Pow", [x, b.scalar(0)]);
    expect(await gradOf(of, f32([0, 1, 2]), f32([5, 6, 7]))).toEqual([0, 0, 0]);
  });
  test("Relu passes where it was positive, and nowhere else", async () => {
    expect(await gradOf(unary("Relu"), f32([-1, 0, 2]), f32([5, 6, 7]))).toEqual([0, 0, 7]);
  });
  test("ThresholdedRelu passes above its threshold, Shrink outside its band", async () => {
    expect(await gradOf(unary("ThresholdedRelu", { alpha: 1 }), f32([0.5, 1, 2]), f32([5, 6, 7]))).toEqual([0, 0, 7]);
    expect(await gradOf(unary("Shrink", { lambd: 1, bias: 9 }), f32([-2, 0.5, 2]), f32([5, 6, 7]))).toEqual([5, 0, 7]);
  });
  test("the slope of Atan at 1 is a half, of Tan at 0 one", async () => {
    expect(await gradOf(unary("Atan"), f32([1]), f32([3]))).toEqual([1.5]);
    expect(await gradOf(unary("Tan"), f32([0]), f32([3]))).toEqual([3]);
  });
  test("HardSwish at -4, 0 and 4 has slopes 0, 1/2 and 1", async () => {
    expect(await gradOf(unary("HardSwish"), f32([-4, 0, 4]), f32([1, 1, 1]))).toEqual([0, 0.5, 1]);
  });
});

/** Gelu as its definition, for runtimes whose opset 18 has no Gelu: the rule itself is checked by hand below. */
const emitGelu: VjpCase["of"] = (b, x) => b.mul(x, b.mul(b.add(b.node("Erf", [b.mul(x, Math.SQRT1_2)]), 1), 0.5));

describe("arithmetic vjp", () => {
  const shapes = [[2, 3, 4], [3, 1], [1, 1, 4], [1], [2, 1, 4]]; // prettier-ignore
  const other = randomTensor([2, 3, 4], 9);
  const away = f32((other.data as Float32Array).map((x) => (x < 0 ? x - 1 : x + 1)), other.shape); // prettier-ignore
  test.each(product({ op: ["Add", "Sub", "Mul", "Div"], shape: shapes, side: ["left", "right"] }))(
    "$op, x of shape $shape on the $side",
    async ({ op, shape, side }) => {
      const of: VjpCase["of"] = (b, x) => b.node(op, side === "left" ? [x, b.constant(away)] : [b.constant(away), x]);
      const divides = op === "Div" && side === "right";
      expect(await vjpError({ shape, of, x: divides ? "positive" : "normal", eps: divides ? 1e-3 : 1e-2 })).toBeLessThan(5e-3);
    },
  );
  test.each(product({ op: ["Max", "Min"], side: ["left", "right"] }))("$op, x on the $side", async ({ op, side }) => {
    const of: VjpCase["of"] = (b, x) =>
      b.node(op, side === "left" ? [x, b.constant(f32(1.23, [4]))] : [b.constant(f32(1.23, [4])), x]);
    expect(await vjpError({ shape: [6, 4], of, x: "distinct" })).toBeLessThan(1e-3);
  });
  test.each(["left", "right"])("Mod, x on the %s", async (side) => {
    const of: VjpCase["of"] = (b, x) => {
      const [far, step] = [b.constant(f32(10.3, [4])), b.constant(f32(0.73, [4]))];
      return b.node("Mod", side === "left" ? [b.mul(x, 2), step] : [far, b.add(x, 2)], { fmod: 1 });
    };
    expect(await vjpError({ shape: [3, 4], of, x: "positive", eps: 1e-4 })).toBeLessThan(1e-2);
  });
  test("Mod of 7.5 by 2 takes three steps away", async () => {
    const of: VjpCase["of"] = (b, x) => b.node("Mod", [b.scalar(7.5), x], { fmod: 1 });
    expect(await gradOf(of, f32([2]), f32([1]))).toEqual([-3]);
  });
  test.each([1, 2])("Where, x as input %s", async (place) => {
    const of: VjpCase["of"] = (b, x) => {
      const condition = b.greater(b.constant(other), 0);
      const rest = b.constant(other);
      return b.node("Where", place === 1 ? [condition, x, rest] : [condition, rest, x]);
    };
    expect(await vjpError({ shape: [3, 4], of })).toBeLessThan(1e-4);
  });
  test("a value read twice gets both cotangents", async () => {
    expect(await gradOf((b, x) => b.add(b.mul(x, x), x), f32([3]), f32([1]))).toEqual([7]);
  });
  test("a tie of Max goes to one operand", async () => {
    expect(await gradOf((b, x) => b.node("Max", [x, b.mul(x, 1.0000001)]), f32([0]), f32([1]))).toEqual([1]);
  });
});
