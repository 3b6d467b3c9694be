/** Layers found by their place: on hand-made graphs, and on real networks whose names were taken away. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { nameless } from "../../test/nameless";
import { SHARED_DATA } from "../../test/photos";
import type { Graph, Node } from "./graph";
import { findLayer, locate, trunkOf } from "./locate";
import { readModel } from "./read";

const node = (op: string, inputs: string, output: string): Node => ({
  op,
  name: output,
  domain: "",
  inputs: inputs.split(" "),
  outputs: [output],
  attrs: {},
});
const graphOf = (outputs: string[], ...nodes: Node[]): Graph => ({
  name: "g",
  opset: 17,
  inputs: [{ name: "x", dtype: "float32", shape: [1, 3, 8, 8] }],
  outputs,
  nodes,
  constants: new Map(),
});
const names = (nodes: readonly Node[]) => nodes.map(({ name }) => name);

describe("the trunk", () => {
  const block = [
    node("Relu", "x", "stem"),
    node("Conv", "stem", "left"),
    node("Conv", "stem", "right"),
    node("Conv", "right", "up"),
    node("Conv", "right", "down"),
    node("Concat", "up down", "inner"),
    node("Concat", "left inner", "block"),
    node("Relu", "block", "answer"),
  ];
  test("has what every path passes, and nothing of a block's inside", () => {
    expect(names(trunkOf(graphOf(["answer"], ...block), "x"))).toEqual(["stem", "block", "answer"]);
  });
  test("does not depend on the order of the file", () => {
    const order = [0, 2, 4, 3, 1, 5, 6, 7].map((i) => block[i]!);
    expect(names(trunkOf(graphOf(["answer"], ...order), "x"))).toEqual(["stem", "block", "answer"]);
  });
  test("passes a shortcut by: only the sum is on all paths", () => {
    const residual = [node("Relu", "x", "a"), node("Conv", "a", "b"), node("Add", "a b", "sum")];
    expect(names(trunkOf(graphOf(["sum"], ...residual), "x"))).toEqual(["a", "sum"]);
    const past = [node("Conv", "x", "a"), node("Add", "a x", "sum")];
    expect(names(trunkOf(graphOf(["sum"], ...past), "x"))).toEqual(["sum"]);
  });
  test("leaves out what no answer needs, side outputs, and weights that are computed", () => {
    const nodes = [
      node("DequantizeLinear", "q scale", "W"),
      node("Conv", "x W", "a"),
      node("Sigmoid", "a", "side"),
      node("Shape", "a", "unused"),
      node("Relu", "a", "answer"),
    ];
    expect(names(trunkOf(graphOf(["side", "answer"], ...nodes), "x"))).toEqual(["a", "answer"]);
  });
  test("of nothing is nothing", () => {
    expect(trunkOf(graphOf(["x"]), "x")).toEqual([]);
    expect(trunkOf({ ...graphOf(["c"], node("Constant", "", "c")), inputs: [] }, "x")).toEqual([]);
  });
  test("counts from either end", () => {
    const trunk = trunkOf(graphOf(["answer"], ...block), "x");
    expect([0, 1, 2, -1, -3].map((index) => locate(trunk, { op: "Relu", index }))).toEqual([
      "stem",
      "answer",
      undefined,
      "answer",
      undefined,
    ]);
  });
  test("takes linear time: 20,000 nodes, each read by the next two", () => {
    const long = Array.from({ length: 20_000 }, (_, i) => node("Add", i < 2 ? "x" : `n${i - 1} n${i - 2}`, `n${i}`));
    const begun = performance.now();
    expect(names(trunkOf(graphOf(["n19999"], ...long), "x"))).toEqual(["n19999"]);
    expect(performance.now() - begun).toBeLessThan(1000);
  });
});

describe("a card's layer", () => {
  const graph = graphOf(["answer"], node("Conv", "x", "12"), node("Concat", "12", "13"), node("Relu", "13", "answer"));
  test("is found by name first", () => {
    expect(findLayer(graph, { name: "13", find: { op: "Relu", index: 0 } }, "x")).toBe("13");
  });
  test("then by place", () => {
    expect(findLayer(graph, { name: "mixed4a", find: { op: "Concat", index: 0 } }, "x")).toBe("13");
  });
  test("or is not there", () => {
    expect(findLayer(graph, { name: "mixed4a", find: { op: "Concat", index: 1 } }, "x")).toBeUndefined();
    expect(findLayer(graph, { name: "mixed4a" }, "x")).toBeUndefined();
  });
});

describe("real networks without their names", () => {
  const concats = (...titles: string[]) => titles.map((value, index) => ({ value, find: { op: "Concat", index } }));
  const cases = [
    {
      file: "googlenet.onnx",
      places: [
        { value: "conv1_7x7_s2", find: { op: "Relu", index: 0 } },
        { value: "conv2_3x3_reduce", find: { op: "Relu", index: 1 } },
        { value: "conv2_3x3", find: { op: "Relu", index: 2 } },
        ...concats(...["3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"].map((block) => `inception_${block}_output`)),
        { value: "loss3_classifier", find: { op: "Gemm", index: -1 } },
      ],
    },
    {
      file: "squeezenet1_0.onnx",
      places: [
        { value: "conv1", find: { op: "Relu", index: 0 } },
        ...concats(...[2, 3, 4, 5, 6, 7, 8, 9].map((fire) => `fire${fire}_concat`)),
        { value: "conv10", find: { op: "Relu", index: -1 } },
      ],
    },
  ];
  for (const { file, places } of cases) {
    const path = join(SHARED_DATA, "models", file);
    test.skipIf(!existsSync(path))(`${file} of ../shared/data: every layer is where it should be`, () => {
      const { graph, renamed } = nameless(readModel(readFileSync(path), file));
      const trunk = trunkOf(graph, "data");
      expect(places.map(({ find }) => locate(trunk, find))).toEqual(places.map(({ value }) => renamed.get(value)));
    });
  }
});
