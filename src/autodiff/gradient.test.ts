/** The walk: pruning, accumulation, errors; and the redirected table, on graphs small enough to check by hand. */
import { describe, expect, test } from "vitest";
import { runGraph } from "../../test/runGraph";
import { GraphBuilder } from "../onnx/builder";
import type { Value } from "../onnx/graph";
import { f32 } from "../onnx/tensor";
import { appendGradient, gradient, unsupported } from "./gradient";
import { lower } from "./lower";
import { redirected, rules } from "./rules";

/** The gradient of y's `cotangent`-weighted sum by x, with a rule table. */
async function grad(of: (b: GraphBuilder, x: Value) => Value, at: number[], cotangent: number[], shape: number[], table = rules) {
  const b = new GraphBuilder();
  const y = of(b, b.input("x", "float32", shape));
  const graph = gradient(b.build("f", [y]), { of: y.name, wrt: "x", rules: table });
  const { grad } = await runGraph(graph, { x: f32(at, shape), cotangent: f32(cotangent, y.shape) });
  return Array.from(grad!.data as Float32Array);
}

describe("the walk", () => {
  test("inputs are the model's own and the cotangent; outputs the value and grad", () => {
    const b = new GraphBuilder();
    const y = b.relu(b.input("x", "float32", [2]));
    const graph = gradient(b.build("f", [y]), { of: y.name, wrt: "x" });
    expect(graph.inputs.map((v) => v.name)).toEqual(["x", "cotangent"]);
    expect(graph.outputs).toEqual([y.name, "grad"]);
    expect(graph.types.get("grad")).toEqual({ dtype: "float32", shape: [2] });
  });

  test("visits only nodes between wrt and of", () => {
    const b = new GraphBuilder();
    const x = b.input("x", "float32", [2]);
    const side = b.exp(b.constant(f32([1, 2])));
    const y = b.mul(x, side);
    const after = b.node("Tanh", [y]);
    const before = b.nodes.length;
    appendGradient(b, { of: y, wrt: x, cotangent: b.constant(f32([1, 1])) });
    expect(b.nodes.slice(before).map((n) => n.op)).toEqual(["Mul"]);
    expect(after.name).toBe("Tanh");
  });

  test("zero where the value does not depend on wrt", async () => {
    const b = new GraphBuilder();
    const [x, z] = [b.input("x", "float32", [2]), b.input("z", "float32", [2])];
    const y = b.relu(z);
    const graph = gradient(b.build("f", [y, b.neg(x)]), { of: y.name, wrt: "x" });
    const feeds = { x: f32([1, 2]), z: f32([3, 4]), cotangent: f32([1, 1]) };
    expect(Array.from((await runGraph(graph, feeds)).grad!.data as Float32Array)).toEqual([0, 0]);
  });

  test("branches that meet again add up, and broadcasting is summed away", async () => {
    const of = (b: GraphBuilder, x: Value) => b.mul(b.add(x, b.constant(f32([1, 2, 3], [3, 1]))), x);
    expect(await grad(of, [2, 5], [1, 1, 1, 1, 1, 1], [2])).toEqual([3 * 2 * 2 + 6, 3 * 2 * 5 + 6]);
  });

  test("a comparison ends the gradient without complaint", async () => {
    const of = (b: GraphBuilder, x: Value) => b.where(b.greater(x, 0), b.mul(x, 3), b.mul(x, 5));
    expect(await grad(of, [-1, 1], [1, 1], [2])).toEqual([5, 3]);
  });

  test("ops without a rule are listed by node before anything is appended", () => {
    const b = new GraphBuilder();
    const x = b.input("x", "float32", [2]);
    const odd = b.node("Mish", [b.node("Softsign", [x], {}, { name: "running" })], {}, { name: "smooth" });
    const count = b.nodes.length;
    expect(unsupported({ nodes: b.nodes }, { of: odd.name, wrt: "x" })).toEqual([
      { node: "running", op: "Softsign" },
      { node: "smooth", op: "Mish" },
    ]);
    expect(() => appendGradient(b, { of: odd, wrt: x, cotangent: b.constant(f32([1, 1])) })).toThrow(
      'no gradient can be taken through Softsign "running", Mish "smooth": there is no rule for Softsign, Mish. ' +
        "Choose an earlier layer, or export the model without these operators.",
    );
    expect(b.nodes.length).toBe(count);
  });

  test("a gradient through a second output is refused, never lost", () => {
    const b = new GraphBuilder();
    const x = b.input("x", "float32", [1, 4]);
    const one = b.constant(f32([1, 1, 1, 1]));
    const [, mean] = b.nodeOutputs("LayerNormalization", [x, one], { axis: -1 }, {
      name: "norm",
      types: [x, { dtype: "float32", shape: [1, 1] }],
      outputs: 2,
    }) as [Value, Value]; // prettier-ignore
    expect(() => appendGradient(b, { of: mean, wrt: x, cotangent: b.constant(f32([1], [1, 1])) })).toThrow(
      'LayerNormalization "norm": a gradient comes back through "norm.1", but only its first output, "norm", has a rule.',
    );
  });

  test("a cotangent of another shape is refused", () => {
    const b = new GraphBuilder();
    const x = b.input("x", "float32", [2]);
    expect(() => appendGradient(b, { of: b.relu(x), wrt: x, cotangent: b.constant(f32([1, 1, 1])) })).toThrow(
      'the cotangent has shape [3], but "Relu" has [2]',
    );
  });
});

describe("redirected gradients", () => {
  const relu = (b: GraphBuilder, x: Value) => b.relu(x);
  const relu6 = (b: GraphBuilder, x: Value) => b.node("Clip", [x, b.scalar(0), b.scalar(6)]);

  test("an image whose units are all off gets what raises them; its neighbour in the batch keeps its true gradient", async () => {
    expect(await grad(relu, [-1, -2, 3, -4], [5, -6, 7, 8], [2, 2], redirected)).toEqual([5, 0, 7, 0]);
  });
  test("where anything passes, it is the true gradient", async () => {
    expect(await grad(relu, [-1, 2, 3], [5, 6, 7], [1, 3], redirected)).toEqual([0, 6, 7]);
  });
  test("a Clip that is shut on both sides is opened towards its range", async () => {
    expect(await grad(relu6, [-1, -1, 7, 7], [5, -5, 5, -5], [1, 4], redirected)).toEqual([5, 0, 0, -5]);
  });
  test("the true table leaves them shut", async () => {
    expect(await grad(relu6, [-1, -1, 7, 7], [5, -5, 5, -5], [1, 4])).toEqual([0, 0, 0, 0]);
  });
});

describe("lowering", () => {
  test("a composite op without a lowering is named", () => {
    const b = new GraphBuilder();
    const y = b.local("Mystery", [b.input("x", "float32", [1])], {}, [1]);
    expect(() => lower(b.build("f", [y]), "wasm")).toThrow(
      'Mystery "Mystery": no lowering for wasm. This is a defect of the program.',
    );
  });

  test("a stride-1 ConvTranspose becomes a Conv that gives the same numbers, groups and dilation included", async () => {
    for (const group of [1, 2]) {
      const b = new GraphBuilder();
      const w = b.constant(f32(Array.from({ length: 4 * (6 / group) * 9 }, (_, i) => Math.sin(i)), [4, 6 / group, 3, 3])); // prettier-ignore
      const attrs = {
        kernel_shape: [3, 3],
        strides: [1, 1],
        dilations: [2, 2],
        pads: [1, 2, 3, 0],
        group,
        output_padding: [0, 0],
      };
      const y = b.convTranspose(b.input("x", "float32", [1, 4, 5, 6]), w, attrs);
      const lowered = lower(b.build("f", [y]), "wasm");
      expect(lowered.nodes.map((n) => n.op)).toContain("Conv");
      const scaled = new GraphBuilder(); // the weight times one at run time is no constant, so nothing is rewritten
      const weight = scaled.mul(scaled.constant(b.constantOf(w)!), scaled.input("one", "float32", [1]));
      const z = scaled.convTranspose(scaled.input("x", "float32", [1, 4, 5, 6]), weight, attrs);
      const x = f32(Array.from({ length: 120 }, (_, i) => Math.cos(3 * i)), [1, 4, 5, 6]); // prettier-ignore
      const fast = (await runGraph(lowered, { x }))[lowered.outputs[0]!]!;
      const plain = (await runGraph(scaled.build("g", [z]), { x, one: f32([1]) }))[z.name]!;
      expect(fast.shape).toEqual(plain.shape);
      fast.data.forEach((v, i) => expect(Number(v)).toBeCloseTo(Number(plain.data[i]), 4));
    }
  });
});
