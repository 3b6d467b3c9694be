/** How a network wants its pictures, read off its file. */
import { describe, expect, test } from "vitest";
import { randomTensor, smallGraph, type GraphSpec, type NodeSpec } from "../../test/smallGraph";
import { f32 } from "../onnx/tensor";
import { conventionFor } from "../onnx/preprocessing";
import { channelsOf, declaredSize, guessPreprocessing, pictureInput } from "./guess";

const three = (x: number) => f32(new Float32Array(3).fill(x), [1, 3, 1, 1]);
const perChannel = (x: number) => f32(new Float32Array(3).fill(x), [3]);
const conv: NodeSpec = { op: "Conv", inputs: ["x", "w"], outputs: ["y"], attrs: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] } };

/** A convolution after `first`, which makes "x" of the input. */
const network = (first: NodeSpec[], { constants = {}, input = "image", ...rest }: Partial<GraphSpec> & { input?: string } = {}) =>
  smallGraph({
    inputs: { [input]: [1, 3, 32, 32] },
    constants: { w: randomTensor([4, 3, 3, 3], 1), ...constants },
    nodes: [...first, first.length ? conv : { ...conv, inputs: [input, "w"] }],
    outputs: ["y"],
    ...rest,
  });

describe("what the network itself begins with", () => {
  test.each([
    ["Sub", 117, "bytes"],
    ["Sub", 0.45, "unit"],
    ["Div", 255, "bytes"],
    ["Mul", 1 / 255, "bytes"],
    ["Mul", 2, "unit"],
    ["Add", -103, "bytes"],
  ] as const)("%s by %d: %s", (op, by, convention) => {
    const graph = network([{ op, inputs: ["image", "c"], outputs: ["x"] }], { constants: { c: three(by) } });
    const guess = guessPreprocessing(graph)!;
    expect(guess.preprocessing).toMatchObject({ ...conventionFor(convention, 3), input: "image", layout: "NCHW", size: 32 });
    expect(guess.reason).toContain(`begins with ${op} by ${Number(by.toPrecision(3))}`);
  });

  test.each([
    [118, "bytes"],
    [0.46, "unit"],
    [0.01, "torch"], // these pictures were normalised before
  ] as const)("BatchNormalization with mean %d: %s", (mean, convention) => {
    const one = { scale: perChannel(1), bias: perChannel(0), mean: perChannel(mean), variance: perChannel(1) };
    const graph = network(
      [{ op: "BatchNormalization", inputs: ["image", "scale", "bias", "mean", "variance"], outputs: ["x"] }],
      { constants: one },
    );
    expect(guessPreprocessing(graph)!.preprocessing).toMatchObject(conventionFor(convention, 3));
  });
});

describe("what the names say", () => {
  test.each([
    ["data", "caffe", "Caffe's"],
    ["StatefulPartitionedCall/input", "tf", "TensorFlow's"],
    ["image", "torch", "The file does not say"],
  ] as const)("input %s: %s", (input, convention, reason) => {
    const guess = guessPreprocessing(network([], { input }))!;
    expect(guess.preprocessing).toMatchObject(conventionFor(convention, 3));
    expect(guess.reason).toContain(reason);
  });
});

describe("the input", () => {
  test("of one channel gets the mean of the three", () => {
    const graph = smallGraph({
      inputs: { image: [1, 1, 28, 20] },
      constants: { w: randomTensor([4, 1, 3, 3], 1) },
      nodes: [{ ...conv, inputs: ["image", "w"] }],
      outputs: ["y"],
    });
    const { preprocessing } = guessPreprocessing(graph)!;
    expect(preprocessing).toMatchObject({ channels: "gray", size: [28, 20] });
    expect(preprocessing.mean).toEqual([expect.closeTo(0.449, 3)]);
  });

  test("whose channels come last, of open size, beside one that is no picture", () => {
    const graph = smallGraph({
      inputs: { state: [1, 64, 8, 8], photo: ["N", "h", "w", 3] },
      constants: { w: randomTensor([4, 3, 3, 3], 1) },
      nodes: [{ op: "Transpose", inputs: ["photo"], outputs: ["x"], attrs: { perm: [0, 3, 1, 2] } }, conv],
      outputs: ["y"],
    });
    const input = pictureInput(graph)!;
    expect([input.name, channelsOf(input), declaredSize(input)]).toEqual(["photo", 3, null]);
    expect(guessPreprocessing(graph)!.preprocessing).toMatchObject({ input: "photo", layout: "NHWC", size: 224 });
  });

  test("of open size: the one that the dense layer was trained at", () => {
    const graph = smallGraph({
      inputs: { image: [1, 3, "h", "w"] },
      constants: { w: randomTensor([1, 3, 3, 3], 1), dense: randomTensor([96 * 96, 5], 2) },
      nodes: [
        { ...conv, inputs: ["image", "w"] },
        { op: "Flatten", inputs: ["y"], outputs: ["flat"] },
        { op: "Gemm", inputs: ["flat", "dense"], outputs: ["out"] },
      ],
      outputs: ["out"],
    });
    expect(guessPreprocessing(graph)!.preprocessing.size).toBe(96);
  });

  test("that takes no pictures: no guess", () => {
    const graph = smallGraph({
      inputs: { words: [1, 12] },
      nodes: [{ op: "Relu", inputs: ["words"], outputs: ["y"] }],
      outputs: ["y"],
    });
    expect(guessPreprocessing(graph)).toBeNull();
  });
});
