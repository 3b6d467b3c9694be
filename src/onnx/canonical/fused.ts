/** com.microsoft's float operators: what ONNX Runtime's optimiser fuses standard ones into, taken apart again. */
import type { Attrs, Value } from "../graph";
import { attend } from "./attention";
import { curve } from "./elementwise";
import { rootMeanSquare } from "./normalisation";
import { real } from "./quantisation";
import type { CanonicalRule, CanonicalTable, Site } from "./site";

const ACTIVATIONS: Readonly<Record<string, readonly string[]>> = {
  Relu: [],
  Tanh: [],
  Sigmoid: [],
  LeakyRelu: ["alpha"],
  HardSigmoid: ["alpha", "beta"],
  HardSwish: [],
};

/** y, or the activation that the node's attributes name of it. `given`: its parameters, by place or by name. */
function activated(s: Site, x: () => Value, plain: () => Value, given: (name: string, i: number) => number | undefined): Value {
  const op = s.text("activation", "");
  if (!op) return plain();
  if (op === "Clip") return s.last("Clip", [x(), s.b.scalar(given("min", 0) ?? 0), s.b.scalar(given("max", 1) ?? 0)]);
  const names = ACTIVATIONS[op] ?? s.fail(`its activation ${op} is not supported. Choose an earlier layer.`);
  const attrs = Object.fromEntries(names.flatMap((name, i) => (given(name, i) === undefined ? [] : [[name, given(name, i)!]])));
  return s.as("", op, [x()], attrs);
}

/** activation(Conv(X, W, B) + Z) */
const fusedConv: CanonicalRule = (s) => {
  const inputs = [s.input(0), s.input(1), s.inputs[2] ?? null];
  const params = Array.isArray(s.node.attrs.activation_params) ? (s.node.attrs.activation_params as number[]) : [];
  const conv = (step: string) => s.as(step, "Conv", inputs, s.node.attrs);
  const Z = s.inputs[3];
  return [
    activated(
      s,
      () => (Z ? s.step("sum", "Add", [conv("conv"), Z]) : conv("conv")),
      () => (Z ? s.last("Add", [conv("conv"), Z]) : conv("")),
      (_, i) => params[i],
    ),
  ];
};

const fusedGemm: CanonicalRule = (s) => {
  const inputs = [s.input(0), s.input(1), s.inputs[2] ?? null];
  const gemm = (step: string) => s.as(step, "Gemm", inputs, s.node.attrs);
  const parameter = (name: string) => {
    const value = s.node.attrs[`activation_${name}`];
    return typeof value === "number" ? value : undefined;
  };
  return [
    activated(
      s,
      () => gemm("gemm"),
      () => gemm(""),
      parameter,
    ),
  ];
};

/** alpha * A B, with the last two axes of each turned where the node says so. */
const fusedMatMul: CanonicalRule = (s) => {
  if (s.int("transBatchA", 0) || s.int("transBatchB", 0))
    s.fail("turns its batch axes, which is not supported. Choose an earlier layer.");
  const operand = (i: number, flag: string) => {
    const x = s.rankAtLeast(i, 2);
    const rank = x.shape.length;
    const perm = x.shape.map((_, axis) => (axis === rank - 1 ? rank - 2 : axis === rank - 2 ? rank - 1 : axis));
    return s.int(flag, 0) ? s.as(flag, "Transpose", [x], { perm }) : x;
  };
  const operands = [operand(0, "transA"), operand(1, "transB")];
  const alpha = s.float("alpha", 1);
  if (alpha === 1) return [s.last("MatMul", operands)];
  return [s.last("Mul", [s.step("product", "MatMul", operands), s.b.scalar(alpha)])];
};

/** x/2 * (1 + curve(x)), where x may have a bias added first. */
const gelu =
  (approximate: "none" | "tanh"): CanonicalRule =>
  (s) => {
    const x = s.inputs[1] ? s.step("biased", "Add", [s.input(0), s.inputs[1]]) : s.input(0);
    const half = s.step("half", "Mul", [x, s.b.scalar(0.5)]);
    return [s.last("Mul", [half, s.step("one", "Add", [curve(s, x, approximate), s.b.scalar(1)])])];
  };

/** x * sigmoid(alpha x) */
const quickGelu: CanonicalRule = (s) => {
  const gate = s.step("gate", "Sigmoid", [s.step("scaled", "Mul", [s.input(0), s.b.scalar(s.float("alpha", 1.702))])]);
  return [s.last("Mul", [s.input(0), gate])];
};

/** Normalises input + skip (+ bias); the sum is the fourth output. */
const skipNorm =
  (simplified: boolean): CanonicalRule =>
  (s) => {
    const [beta, bias] = simplified ? [undefined, s.inputs[3]] : [s.inputs[3], s.inputs[4]];
    const wanted = s.node.outputs[3];
    const two = [s.input(0), s.input(1)];
    const sum = !bias
      ? wanted
        ? s.last("Add", two, {}, 3)
        : s.step("skip", "Add", two)
      : wanted
        ? s.last("Add", [s.step("skip", "Add", two), bias], {}, 3)
        : s.step("sum", "Add", [s.step("skip", "Add", two), bias]);
    const epsilon = s.float("epsilon", 1e-12);
    const y = simplified
      ? rootMeanSquare(s, sum, s.input(2), -1, epsilon)
      : s.as("", "LayerNormalization", [sum, s.input(2), beta ?? null], { axis: -1, epsilon });
    return [y, null, null, wanted ? sum : null];
  };

/** An operator on [N, ...in, C]: turned, done and turned back. */
const channelsLast =
  (op: string): CanonicalRule =>
  (s) => {
    const x = s.rankAtLeast(0, 3);
    const rank = x.shape.length;
    const first = [0, rank - 1, ...x.shape.slice(2).map((_, i) => i + 1)];
    const last = [0, ...x.shape.slice(2).map((_, i) => i + 2), 1];
    const turned = s.as("nchw", "Transpose", [x], { perm: first });
    const rest = s.inputs.slice(1).map((v) => v ?? null);
    return [s.as("", "Transpose", [s.as("channels_first", op, [turned, ...rest], s.node.attrs)], { perm: last })];
  };

/** Self-attention with one matrix for queries, keys and values: (input [B, S, I], weights [I, 3 H], bias [3 H]). */
const attention: CanonicalRule = (s) => {
  const unknown = s.inputs.slice(3).findIndex(Boolean);
  if (unknown >= 0) s.fail(`its input ${unknown + 3} (mask, past or bias) is not supported. Choose an earlier layer.`);
  return [selfAttention(s, s.input(0), s.input(1))];
};

/** The same of integers: (input, weights, bias, their scales, mask, their zero points). */
export const integerAttention: CanonicalRule = (s) => {
  if (s.inputs[5] || s.inputs[8]) s.fail("its mask or past is not supported. Choose an earlier layer.");
  return [selfAttention(s, real(s, 0, 3, 6, 2, "X"), real(s, 1, 4, 7, 1, "W"))];
};

function selfAttention(s: Site, x: Value, weights: Value): Value {
  const product = s.step("product", "MatMul", [x, weights]);
  const all = s.inputs[2] ? s.step("qkv", "Add", [product, s.inputs[2]]) : product;
  const given = s.ints("qkv_hidden_sizes") ?? [0, 1, 2].map(() => all.shape[2]! / 3);
  let from = 0;
  const [Q, K, V] = ["Q", "K", "V"].map((step, i) => {
    const to = from + given[i]!;
    const part = s.as(step, "Slice", [all, s.b.ints([from]), s.b.ints([to]), s.b.ints([2])]);
    from = to;
    return part;
  }) as [Value, Value, Value];
  return attend(s, { Q, K, V, heads: s.int("num_heads", 1), ...common(s) });
}

/** The same with queries, keys and values given: (query [B, S, H], key, value, bias [3 H]). */
const multiHead: CanonicalRule = (s) => {
  const unknown = s.inputs.slice(4).findIndex(Boolean);
  if (unknown >= 0) s.fail(`its input ${unknown + 4} (mask, past or bias) is not supported. Choose an earlier layer.`);
  const bias = s.inputs[3];
  let from = 0;
  const [Q, K, V] = ["Q", "K", "V"].map((step, i) => {
    const x = s.input(i);
    if (x.shape.length !== 3) s.fail(`input ${i} is [${x.shape.join(", ")}]; only [batch, tokens, features] is supported.`);
    const to = from + x.shape[2]!;
    const part = bias ? s.as(`${step}_bias`, "Slice", [bias, s.b.ints([from]), s.b.ints([to]), s.b.ints([0])]) : undefined;
    from = to;
    return part ? s.step(step, "Add", [x, part]) : x;
  }) as [Value, Value, Value];
  return [attend(s, { Q, K, V, heads: s.int("num_heads", 1), ...common(s) })];
};

const common = (s: Site): { scale: number | undefined; causal: boolean } => ({
  scale: s.float("scale", 0) || undefined,
  causal: s.int("unidirectional", 0) === 1,
});

const passOn =
  (op: string, attrs: (s: Site) => Attrs = (s) => s.node.attrs): CanonicalRule =>
  (s) => [
    s.as(
      "",
      op,
      s.inputs.map((v) => v ?? null),
      attrs(s),
    ),
  ];

export const fused: CanonicalTable = {
  FusedConv: fusedConv,
  FusedGemm: fusedGemm,
  FusedMatMul: fusedMatMul,
  TransposeMatMul: fusedMatMul,
  Gelu: gelu("none"),
  BiasGelu: gelu("none"),
  FastGelu: gelu("tanh"),
  QuickGelu: quickGelu,
  SkipLayerNormalization: skipNorm(false),
  SkipSimplifiedLayerNormalization: skipNorm(true),
  BiasAdd: (s) => [s.last("Add", [s.step("skip", "Add", [s.input(0), s.input(2)]), s.input(1)])],
  NhwcMaxPool: channelsLast("MaxPool"),
  NhwcConv: channelsLast("Conv"),
  Attention: attention,
  MultiHeadAttention: multiHead,
  Pad: passOn("Pad"),
  GridSample: passOn("GridSample"),
};
