/** Our values and gradients of tiny models against TF.js's (test/golden.json, written by scripts/golden.ts). */
import { expect, test } from "vitest";
import golden from "../../test/golden.json";
import { COTANGENT_SEED, goldenModels, X_SEED } from "../../test/goldenModels";
import { runGraph } from "../../test/runGraph";
import { randomTensor, relativeDifference } from "../../test/smallGraph";
import { GraphBuilder } from "../onnx/builder";
import { f32 } from "../onnx/tensor";
import { gradient } from "./gradient";

test.each(goldenModels)("$title", async ({ title, shape, weights, ours }) => {
  const theirs = golden.find((g) => g.title === title)!;
  const b = new GraphBuilder();
  const y = ours(b, b.input("x", "float32", shape), ...weights.map((w) => b.constant(w)));
  expect(y.shape).toEqual(theirs.shape);
  const feeds = { x: randomTensor(shape, X_SEED), cotangent: randomTensor(y.shape, COTANGENT_SEED) };
  const out = await runGraph(gradient(b.build("golden", [y]), { of: y.name, wrt: "x" }), feeds);
  expect(relativeDifference(out[y.name]!, f32(theirs.value, y.shape))).toBeLessThan(2e-6);
  expect(relativeDifference(out.grad!, f32(theirs.grad, shape))).toBeLessThan(5e-6);
});

test("golden.json holds these models and no others", () => {
  expect(golden.map((g) => g.title)).toEqual(goldenModels.map((m) => m.title));
});
