/** Matrix products: Gemm becomes MatMul and Add, with a constant matrix transposed and scaled beforehand. */
import type { Value } from "../graph";
import { computed } from "../tensor";
import type { CanonicalRule, CanonicalTable, Site } from "./site";

/** A matrix, transposed if `flip`, times `factor`; done on the numbers when they are known (Site folds the Transpose). */
function prepared(s: Site, v: Value, flip: boolean, factor: number, step: string): Value {
  const turned = flip ? s.step(step, "Transpose", [v], { perm: [1, 0] }) : v;
  if (factor === 1) return turned;
  const constant = s.b.constantOf(turned);
  if (constant) {
    const scaled = () => Float32Array.from(constant.data as Float32Array, (x) => x * factor);
    return s.hold(`${step}_scaled`, computed("float32", constant.shape, scaled));
  }
  return s.step(`${step}_scaled`, "Mul", [turned, s.b.scalar(factor)]);
}

/** alpha A B + beta C, where C may be absent and broadcasts. */
const gemm: CanonicalRule = (s) => {
  const A = s.input(0);
  const B = s.input(1);
  for (const X of [A, B])
    if (X.shape.length !== 2)
      s.fail(`${X.name} is [${X.shape.join(", ")}], but must be a matrix. The file contradicts itself; export it again.`);
  const C = s.inputs[2];
  const operands = [
    prepared(s, A, s.int("transA", 0) === 1, 1, "A"),
    prepared(s, B, s.int("transB", 0) === 1, s.float("alpha", 1), "B"),
  ];
  const beta = s.float("beta", 1);
  if (!C || beta === 0) return [s.last("MatMul", operands)];
  return [s.last("Add", [s.step("product", "MatMul", operands), prepared(s, C, false, beta, "C")])];
};

const matMul: CanonicalRule = (s) => [s.last("MatMul", [s.input(0), s.input(1)])];

const einsum: CanonicalRule = (s) => [
  s.last(
    "Einsum",
    s.inputs.map((_, i) => s.input(i)),
    { equation: s.text("equation", "") },
  ),
];

export const linear: CanonicalTable = { Gemm: gemm, MatMul: matMul, Einsum: einsum };
