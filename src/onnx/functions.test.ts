/** Functions that a file defines: unfolded where they are called, refused where they call themselves. */
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { runGraph } from "../../test/runGraph";
import { canonicalise } from "./canonicalise";
import { ModelProtoSchema } from "./proto/onnx_pb";
import { readModel } from "./read";
import { f32, numbers } from "./tensor";

type Model = MessageInitShape<typeof ModelProtoSchema>;

const DOMAIN = "pkg.example";
const float = {
  type: {
    value: {
      case: "tensorType" as const,
      value: { elemType: 1, shape: { dim: [{ value: { case: "dimValue" as const, value: 4n } }] } },
    },
  },
};

/** z = twice(leaky(x)), written with functions in the way that PyTorch's exporter writes them. */
const model = (functions: Model["functions"]): Uint8Array =>
  toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ version: 18n }, { domain: DOMAIN, version: 1n }],
      graph: {
        node: [
          {
            opType: "leaky",
            domain: DOMAIN,
            name: "first",
            input: ["x"],
            output: ["y"],
            attribute: [{ name: "slope", type: 1, f: 0.5 }],
          },
          { opType: "twice", domain: DOMAIN, name: "second", input: ["y"], output: ["z"] },
        ],
        input: [{ name: "x", ...float }],
        output: [{ name: "z" }],
      },
      functions,
    }),
  );

const leaky = {
  name: "leaky",
  domain: DOMAIN,
  input: ["a"],
  output: ["b"],
  attribute: ["slope"],
  node: [{ opType: "LeakyRelu", input: ["a"], output: ["b"], attribute: [{ name: "alpha", refAttrName: "slope", type: 1 }] }],
};
const add = { opType: "Add", name: "n", input: ["a", "a"], output: ["inside"] };
const twice = {
  name: "twice",
  domain: DOMAIN,
  input: ["a"],
  output: ["b"],
  node: [add, { opType: "leaky", domain: DOMAIN, input: ["inside"], output: ["b"] }],
  attributeProto: [],
};

describe("functions of the file's own", () => {
  test("become the nodes that they stand for", async () => {
    const graph = readModel(model([leaky, twice]));
    expect(graph.nodes.map(({ op, outputs }) => [op, ...outputs])).toEqual([
      ["LeakyRelu", "y"],
      ["Add", "second/inside"],
      ["LeakyRelu", "z"],
    ]);
    const { z } = await runGraph(canonicalise(graph), { x: f32([1, -1, 2, -2]) });
    expect(numbers(z!).map((v) => Math.fround(v))).toEqual([2, -0.01, 4, -0.02].map(Math.fround)); // the second slope is the default
  });

  test("an output that is an input is copied", () => {
    const graph = readModel(model([leaky, { ...twice, output: ["a"], node: [] }]));
    expect(graph.nodes.map(({ op, inputs, outputs }) => [op, ...inputs, ...outputs])).toEqual([
      ["LeakyRelu", "x", "y"],
      ["Identity", "y", "z"],
    ]);
  });

  test("a function that calls itself", () => {
    const circle = { ...twice, node: [add, { opType: "twice", domain: DOMAIN, input: ["inside"], output: ["b"] }] };
    expect(() => readModel(model([leaky, circle]), "m.onnx")).toThrow(
      'm.onnx: its function "twice" calls itself, or functions within functions go deeper than 64. Export the model again.',
    );
  });

  test("functions that double at each of 60 levels", () => {
    const level = (i: number) => ({
      name: i === 0 ? "twice" : `f${i}`,
      domain: DOMAIN,
      input: ["a"],
      output: ["b"],
      node: ["inside", "b"].map((output) => ({ opType: `f${i + 1}`, domain: DOMAIN, input: ["a"], output: [output] })),
    });
    const start = performance.now();
    expect(() => readModel(model([leaky, ...Array.from({ length: 60 }, (_, i) => level(i))]), "m.onnx")).toThrow(
      "m.onnx: its functions unfold to more than 50000 nodes. Export the model again.",
    );
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
