import { describe, expect, test } from "vitest";
import { gradOf, product, vjpError, type VjpCase } from "../../../test/checkVjp";
import { randomTensor } from "../../../test/smallGraph";
import { GraphBuilder } from "../../onnx/builder";
import { f32 } from "../../onnx/tensor";
import { appendGradient } from "../gradient";

describe("reduction vjp", () => {
  test.each(
    product({ op: ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSumSquare", "ReduceL2"], axes: [[0], [1, 2], [0, 1, 2], [-1]], keepdims: [0, 1] }), // prettier-ignore
  )("$op over $axes keepdims $keepdims", async ({ op, axes, keepdims }) => {
    const of: VjpCase["of"] = (b, x) => b.node(op, [x, b.ints(axes)], { keepdims });
    expect(await vjpError({ shape: [3, 4, 2], of, x: "distinct" })).toBeLessThan(5e-3);
  });
  test("the mean of four spreads a quarter to each", async () => {
    expect(await gradOf((b, x) => b.reduceMean(x, [0, 1]), f32([1, 2, 3, 4], [2, 2]), f32([8], [1, 1]))).toEqual([2, 2, 2, 2]);
  });
});

describe("reductions at their kinks", () => {
  test("a product's gradient is the product of the others, zeros among them or not", async () => {
    const of: VjpCase["of"] = (b, x) => b.node("ReduceProd", [x, b.ints([1])], { keepdims: 0 });
    const x = f32([2, 3, 4, 0, 3, 4, 0, 0, 4], [3, 3]);
    expect(await gradOf(of, x, f32([1, 1, 1]))).toEqual([12, 8, 6, 12, 0, 0, 0, 0, 0]);
  });
  test("a norm of zeros has gradient zero", async () => {
    const of: VjpCase["of"] = (b, x) => b.node("ReduceL2", [x, b.ints([1])], { keepdims: 0 });
    expect(await gradOf(of, f32([3, 4, 0, 0], [2, 2]), f32([5, 7]))).toEqual([3, 4, 0, 0]);
  });
  test.each(["ReduceMax", "ReduceMin"])("%s shares among equals", async (op) => {
    const of: VjpCase["of"] = (b, x) => b.node(op, [x, b.ints([0])], { keepdims: 0 });
    expect(await gradOf(of, f32([1, 1, 1, 1]), f32(8, []))).toEqual([2, 2, 2, 2]);
  });
});

describe("Einsum vjp", () => {
  test.each([
    { equation: "ij,jk->ik", x: [3, 4], w: [4, 5], first: true },
    { equation: "ij,jk->ik", x: [4, 5], w: [3, 4], first: false },
    { equation: "nchw,cd->ndhw", x: [2, 3, 2, 4], w: [3, 5], first: true },
    { equation: "bhqd,bhkd->bhqk", x: [2, 2, 3, 4], w: [2, 2, 5, 4], first: false },
    { equation: "...ij,...jk->...ik", x: [1, 3, 4], w: [2, 4, 5], first: true },
    { equation: "...ij,...jk", x: [2, 6, 3, 4], w: [2, 6, 4, 5], first: true },
    { equation: "ij,j", x: [3, 4], w: [4], first: true },
    { equation: "ijk,j->i", x: [3, 4, 2], w: [4], first: true },
    { equation: "ij,ij->", x: [3, 4], w: [1, 4], first: true },
    { equation: "i,j->ij", x: [3], w: [4], first: true },
  ])("$equation, x $x first: $first, with $w", async ({ equation, x, w, first }) => {
    const of: VjpCase["of"] = (b, v) => {
      const other = b.constant(randomTensor(w, 3));
      return b.node("Einsum", first ? [v, other] : [other, v], { equation });
    };
    expect(await vjpError({ shape: x, of })).toBeLessThan(1e-4);
  });
  test("three operands, x twice", async () => {
    const of: VjpCase["of"] = (b, x) => b.node("Einsum", [x, b.constant(randomTensor([4], 3)), x], { equation: "ij,j,kj->ik" });
    expect(await vjpError({ shape: [3, 4], of })).toBeLessThan(2e-3);
  });
  test("a sum over rows sends its cotangent to every row", async () => {
    const of: VjpCase["of"] = (b, x) => b.node("Einsum", [x], { equation: "ij->j" });
    expect(await gradOf(of, f32(0, [2, 2]), f32([5, 7]))).toEqual([5, 7, 5, 7]);
  });
  test("a diagonal is refused by name", () => {
    const b = new GraphBuilder();
    const x = b.input("x", "float32", [3, 3]);
    const y = b.node("Einsum", [x], { equation: "ii->i" }, { name: "trace" });
    expect(() => appendGradient(b, { of: y, wrt: x, cotangent: b.constant(f32(1, [3])) })).toThrow(
      'Einsum "trace": term 0 of "ii->i" takes a diagonal, which has no gradient rule.',
    );
  });
});

describe("MatMul vjp", () => {
  test.each([
    { x: [3, 4], w: [4, 5], left: true },
    { x: [2, 3, 4], w: [4, 5], left: true },
    { x: [3, 4], w: [2, 4, 5], left: true },
    { x: [4, 5], w: [2, 3, 4], left: false },
    { x: [2, 4, 5], w: [3, 4], left: false },
  ])("x $x with $w, x on the left: $left", async ({ x, w, left }) => {
    const of: VjpCase["of"] = (b, v) =>
      left ? b.matmul(v, b.constant(randomTensor(w, 3))) : b.matmul(b.constant(randomTensor(w, 3)), v);
    expect(await vjpError({ shape: x, of })).toBeLessThan(1e-4);
  });
  test("a product of x with itself", async () => {
    expect(await vjpError({ shape: [2, 4, 4], of: (b, x) => b.matmul(x, b.transpose(x, [0, 2, 1])) })).toBeLessThan(2e-3);
  });
  test("a vector is refused by name", () => {
    const b = new GraphBuilder();
    const x = b.input("x", "float32", [4]);
    const y = b.node("MatMul", [x, b.constant(f32(1, [4, 2]))], {}, { name: "fc" });
    expect(() => appendGradient(b, { of: y, wrt: x, cotangent: b.constant(f32(1, [2])) })).toThrow(
      'MatMul "fc": vectors in a matrix product have no gradient rule; reshape them to matrices.',
    );
  });
});

describe("softmax and normalisation vjp", () => {
  test.each(product({ op: ["Softmax", "LogSoftmax"], axis: [0, 1, -1] }))("$op axis $axis", async ({ op, axis }) => {
    expect(await vjpError({ shape: [3, 4, 5], of: (b, x) => b.node(op, [x], { axis }) })).toBeLessThan(2e-3);
  });
  test.each([-1, 1])("LayerNormalization axis %s", async (axis) => {
    const shape = [2, 3, 8];
    const scale = randomTensor(axis === 1 ? [3, 8] : [8], 4);
    const of: VjpCase["of"] = (b, x) =>
      b.node("LayerNormalization", [x, b.constant(scale), b.constant(scale)], { axis, epsilon: 1e-5 });
    expect(await vjpError({ shape, of })).toBeLessThan(5e-3);
  });
  test("InstanceNormalization", async () => {
    const scale = randomTensor([3], 4);
    const of: VjpCase["of"] = (b, x) =>
      b.node("InstanceNormalization", [x, b.constant(scale), b.constant(scale)], { epsilon: 1e-5 });
    expect(await vjpError({ shape: [2, 3, 4, 5], of })).toBeLessThan(5e-3);
  });
});
