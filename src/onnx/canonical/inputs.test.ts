/** Sizes: who decides them, batches that a file froze, and the errors' full texts. */
import { describe, expect, test } from "vitest";
import { smallGraph, type GraphSpec } from "../../../test/smallGraph";
import { canonicalise, layersOf, resolveValue } from "../canonicalise";
import { f32, i64 } from "../tensor";

const relu = (shape: (number | string | null)[], inputs: GraphSpec["inputs"] = {}): ReturnType<typeof smallGraph> =>
  smallGraph({ inputs: { x: shape, ...inputs }, nodes: [{ op: "Relu", inputs: ["x"], outputs: ["y"] }], outputs: ["y"] });

const card = { input: "x", layout: "NCHW", channels: "RGB", range: 1, mean: [0, 0, 0], std: [1, 1, 1], size: 224 } as const;
const preprocessing = { ...card, mean: [...card.mean], std: [...card.std] };

describe("sizes", () => {
  test.each([
    { declared: [1, 3, 224, 224], options: {}, expected: [1, 3, 224, 224] },
    { declared: [1, 3, 224, 224], options: { size: [128, 96], batch: 4 }, expected: [4, 3, 128, 96] },
    { declared: ["N", 3, "h", "w"], options: { size: [128, 96] }, expected: [1, 3, 128, 96] },
    { declared: ["N", 3, "h", "w"], options: { shapes: { x: [2, 3, 5, 6] } }, expected: [2, 3, 5, 6] },
    { declared: [null, null, null, null], options: { size: [8, 8] }, expected: [1, 3, 8, 8] },
    { declared: ["N", "h", "w", 3], options: { size: [128, 96] }, expected: [1, 128, 96, 3] },
    { declared: ["N", 3, "h", "w"], options: { preprocessing }, expected: [1, 3, 224, 224] },
    { declared: [1, 3, "h", "w"], options: { preprocessing, size: [64, 64], batch: 2 }, expected: [2, 3, 64, 64] },
  ] as const)("$declared with $options", ({ declared, options, expected }) => {
    const graph = canonicalise(relu([...declared]), options as Parameters<typeof canonicalise>[1]);
    expect(graph.inputs[0]!.shape).toEqual(expected);
    expect(graph.types.get("y")!.shape).toEqual(expected);
  });

  test("a symbol means one size everywhere", () => {
    const spec: GraphSpec = {
      inputs: { x: ["N", 3, "h", "w"], y: ["N", 3, "h", 1] },
      nodes: [{ op: "Add", inputs: ["x", "y"], outputs: ["z"] }],
      outputs: ["z"],
    };
    const shapes = { x: [2, 3, 5, 6] };
    expect(canonicalise(smallGraph(spec), { shapes }).inputs[1]!.shape).toEqual([2, 3, 5, 1]);
  });

  test("a Reshape frozen for batch 1 follows the batch", () => {
    const graph = smallGraph({
      inputs: { x: [1, 2, 3, 4] },
      constants: { full: i64([1, 24]), open: i64([1, -1]), heads: i64([1, 4, -1]) },
      nodes: ["full", "open", "heads"].map((s) => ({ op: "Reshape", inputs: ["x", s], outputs: [`y_${s}`] })),
      outputs: ["y_full", "y_open", "y_heads"],
    });
    const { types } = canonicalise(graph, { batch: 5 });
    expect(["y_full", "y_open", "y_heads"].map((name) => types.get(name)!.shape)).toEqual([
      [5, 24],
      [5, 24],
      [5, 4, 6],
    ]);
  });
});

describe("errors", () => {
  const cases: [title: string, run: () => unknown, message: string][] = [
    [
      "open size",
      () => canonicalise(relu([1, 3, "h", "w"])),
      'Input "x" [1, 3, h, w]: size "h" is open in the file. Give a size, for example x=1,3,224,224.',
    ],
    [
      "wrong rank",
      () => canonicalise(relu([1, 3, "h", "w"]), { shapes: { x: [3, 224, 224] } }),
      'Input "x" [1, 3, h, w]: the shape [3, 224, 224] was asked for. Give 4 sizes of 1 or more.',
    ],
    [
      "no picture",
      () => canonicalise(relu([1, 10]), { preprocessing: { ...preprocessing, input: "image" } }),
      'Model "small" has no picture input "image"; its inputs are "x" [1, 10]. Correct the model\'s card.',
    ],
    [
      "old opset",
      () => canonicalise({ ...relu([3]), opset: 6 }),
      'Model "small" is written in ONNX opset 6, but 7 is the oldest that is understood. Convert it with onnx.version_converter.',
    ],
    [
      "dangling name",
      () => canonicalise(smallGraph({ inputs: {}, nodes: [{ op: "Relu", inputs: ["lost"], outputs: ["y"] }], outputs: ["y"] })),
      'Relu "y": reads "lost", which nothing before it makes. The file contradicts itself; export it again.',
    ],
    [
      "unsupported op",
      () =>
        canonicalise(
          smallGraph({ inputs: { x: [3] }, nodes: [{ op: "NonMaxSuppression", inputs: ["x"], outputs: ["y"] }], outputs: ["y"] }),
        ),
      'NonMaxSuppression "y": the op NonMaxSuppression is not supported. Choose an earlier layer, or export the model with standard ONNX ops.',
    ],
    [
      "indices of a pool",
      () =>
        canonicalise(
          smallGraph({
            inputs: { x: [1, 1, 4, 4] },
            nodes: [{ op: "MaxPool", inputs: ["x"], outputs: ["y", "i"], attrs: { kernel_shape: [2, 2] } }],
            outputs: ["i"],
          }),
        ),
      'MaxPool "y": its output 1 ("i") is used, which is not supported. Choose an earlier layer.',
    ],
    [
      "shape at run time",
      () =>
        canonicalise(
          smallGraph({
            inputs: { x: [6], s: [2] },
            dtypes: { s: "int64" },
            nodes: [{ op: "Reshape", inputs: ["x", "s"], outputs: ["y"] }],
            outputs: ["y"],
          }),
        ),
      'Reshape "y": input 1 (target shape) must be known beforehand, but is computed while the model runs.',
    ],
    [
      "training",
      () =>
        canonicalise(
          smallGraph({
            inputs: { x: [1, 2, 3, 3] },
            constants: { c: f32([1, 1]) },
            nodes: [{ op: "BatchNormalization", inputs: ["x", "c", "c", "c", "c"], outputs: ["y"], attrs: { training_mode: 1 } }],
            outputs: ["y"],
          }),
        ),
      'BatchNormalization "y": is in training mode, whose statistics depend on the batch. Export the model for inference.',
    ],
    [
      "unknown layer",
      () => resolveValue(relu([3]), "inception_4c"),
      'Model "small" has no value "inception_4c". The nearest names are "x", "y".',
    ],
  ];
  test.each(cases)("%s", (_, run, message) => {
    expect(run).toThrow(expect.objectContaining({ message }));
  });
});

describe("resolveValue", () => {
  const graph = smallGraph({
    inputs: { "data:0": [3] },
    nodes: ["inception_4c/output_1", "inception_4c_3x3", "conv_1", "conv_2", "A/B"].map((name) => ({
      op: "Relu",
      inputs: ["data:0"],
      outputs: [name],
    })),
    outputs: ["A/B"],
  });
  test.each([
    ["inception_4c/output_1", [], "inception_4c/output_1"],
    ["inception_4c_output", [], "inception_4c/output_1"],
    ["inception_4c/3x3:0", [], "inception_4c_3x3"],
    ["data", [], "data:0"],
    ["conv_2", [], "conv_2"],
    ["a_b", [], "A/B"],
    ["mixed4c", ["inception_4c/output"], "inception_4c/output_1"],
  ])("%s, aliases %j -> %s", (name, aliases, expected) => {
    expect(resolveValue(graph, name, aliases)).toBe(expected);
  });
  test("does not guess between two", () => {
    expect(() => resolveValue(graph, "conv")).toThrow('no value "conv"');
  });
});

test("layersOf names activations and logits, not what merely feeds them nor what canonicalisation added", () => {
  const graph = canonicalise(
    smallGraph({
      inputs: { x: [1, 3, 8, 8] },
      constants: { W: f32(1, [4, 3, 3, 3]), M: f32(1, [4, 10]), shape: i64([1, 4]) },
      nodes: [
        { op: "Conv", inputs: ["x", "W"], outputs: ["pre"] },
        { op: "Relu", inputs: ["pre"], outputs: ["act"] },
        { op: "LRN", inputs: ["act"], outputs: ["norm"], attrs: { size: 3 } },
        { op: "GlobalAveragePool", inputs: ["norm"], outputs: ["pool"] },
        { op: "Reshape", inputs: ["pool", "shape"], outputs: ["flat"] },
        { op: "MatMul", inputs: ["flat", "M"], outputs: ["logits"] },
      ],
      outputs: ["logits"],
    }),
  );
  expect(layersOf(graph).map((l) => `${l.name} ${l.op} ${l.channels} ${l.grid.join("x")}`)).toEqual([
    "act Relu 4 6x6",
    "norm Mul 4 6x6",
    "pool ReduceMean 4 1x1",
    "logits MatMul 10 1x1",
  ]);
});
