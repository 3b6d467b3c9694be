/** Damaged and contradictory .tflite files: refused in words, soon, and without taking more memory than a few times the file. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { injured } from "../../../test/mutate";
import { hasSharedData, SHARED_DATA } from "../../../test/photos";
import { tinyTflite, type TinyModel } from "../../../test/tinyTflite";
import { randomTensor } from "../../../test/smallGraph";
import { canonicalise } from "../../onnx/canonicalise";
import { ModelFormatError, type Graph } from "../../onnx/graph";
import { seeded } from "../../vis/random";
import { importTflite } from "./import";
import {
  AddOptions,
  BuiltinOptions,
  Conv2DOptions,
  Padding,
  Pool2DOptions,
  ReshapeOptions,
  SoftmaxOptions,
} from "./schema/tflite_generated";

const weights = (seed: number, ...shape: number[]) => ({ shape, data: randomTensor(shape, seed).data as Float32Array });

/** A picture through a convolution, a sum, a pool and a softmax. */
const model = (): TinyModel => ({
  tensors: [
    { name: "image", shape: [1, 8, 8, 3], type: 3, scale: [1 / 128], zeroPoint: [128] },
    { name: "w", ...weights(1, 4, 3, 3, 3) },
    { name: "b", shape: [4], data: Int32Array.of(1, 2, 3, 4), scale: [0.1], zeroPoint: [0] },
    { name: "conv", shape: [1, 4, 4, 4] },
    { name: "sum", shape: [1, 4, 4, 4] },
    { name: "pool", shape: [1, 1, 1, 4] },
    { name: "shape", shape: [2], data: Int32Array.of(1, 4) },
    { name: "logits", shape: [1, 4] },
    { name: "prob", shape: [1, 4] },
  ],
  operators: [
    {
      op: "CONV_2D",
      inputs: ["image", "w", "b"],
      outputs: ["conv"],
      options: (b) => [BuiltinOptions.Conv2DOptions, Conv2DOptions.createConv2DOptions(b, Padding.SAME, 2, 2, 3, 1, 1)],
    },
    {
      op: "ADD",
      inputs: ["conv", "conv"],
      outputs: ["sum"],
      options: (b) => [BuiltinOptions.AddOptions, AddOptions.createAddOptions(b, 1)],
    },
    {
      op: "AVERAGE_POOL_2D",
      inputs: ["sum"],
      outputs: ["pool"],
      options: (b) => [BuiltinOptions.Pool2DOptions, Pool2DOptions.createPool2DOptions(b, Padding.VALID, 1, 1, 4, 4, 0)],
    },
    {
      op: "RESHAPE",
      inputs: ["pool", "shape"],
      outputs: ["logits"],
      options: (b) => [
        BuiltinOptions.ReshapeOptions,
        ReshapeOptions.createReshapeOptions(b, ReshapeOptions.createNewShapeVector(b, [1, 4])),
      ],
    },
    {
      op: "SOFTMAX",
      inputs: ["logits"],
      outputs: ["prob"],
      options: (b) => [BuiltinOptions.SoftmaxOptions, SoftmaxOptions.createSoftmaxOptions(b, 1)],
    },
  ],
  inputs: ["image"],
  outputs: ["prob"],
});

/** Imports an injured file: either the injury is harmless, or it is refused as what it is, within the time and memory allowed. */
function refusedOrRead(bytes: Uint8Array, next: (graph: Graph) => void = () => {}): "refused" | "read" {
  const start = performance.now();
  try {
    const { graph } = importTflite(bytes, "m.tflite");
    const constants = [...graph.constants.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    expect(constants).toBeLessThan(64 * bytes.length);
    next(graph);
    return "read";
  } catch (error) {
    if (!(error instanceof ModelFormatError)) throw error;
    expect(error.message).toMatch(/m\.tflite/);
    return "refused";
  } finally {
    expect(performance.now() - start).toBeLessThan(2000);
  }
}

/** What comes after the import ends as soon, and knows what it says. */
function whatFollows(graph: Graph): void {
  try {
    canonicalise(graph, { size: [64, 64] });
  } catch (error) {
    expect(error).not.toBeInstanceOf(TypeError);
  }
}

describe("200 injuries", () => {
  test("of a tiny file", () => {
    const original = tinyTflite(model());
    expect(refusedOrRead(original)).toBe("read");
    const random = seeded(1, "injuries");
    const results = Array.from({ length: 200 }, () => refusedOrRead(injured(original, random), whatFollows));
    expect(results.filter((r) => r === "refused").length).toBeGreaterThan(60);
  });

  test.skipIf(!hasSharedData)("of a real file (needs ../shared/data)", () => {
    const original = new Uint8Array(readFileSync(join(SHARED_DATA, "models", "mobilenet_v1_0.75_192_quant.tflite")));
    const random = seeded(2, "injuries");
    const tables = [original.length - 45_000, original.length] as const; // behind the weights
    const results = Array.from({ length: 200 }, () => refusedOrRead(injured(original, random, tables)));
    expect(results.filter((r) => r === "refused").length).toBeGreaterThan(60);
  });
});

describe("refusals, word by word", () => {
  const changed = (change: (m: TinyModel) => void): Uint8Array => {
    const m = model();
    change(m);
    return tinyTflite(m);
  };
  const conv = (m: TinyModel, ...numbers: [number, number, number]) =>
    (m.operators[0]!.options = (b) => [
      BuiltinOptions.Conv2DOptions,
      Conv2DOptions.createConv2DOptions(b, Padding.SAME, numbers[0], numbers[1], numbers[2], 1, 1),
    ]);
  test.each<[string, (m: TinyModel) => void, string]>([
    [
      "a circle",
      (m) => (m.operators[0]!.inputs[0] = "sum"),
      'm.tflite: CONV_2D "conv" reads "sum", which nothing before it makes. The file contradicts itself; convert it again.',
    ],
    [
      "a tensor made twice",
      (m) => m.operators.splice(2, 0, { op: "RELU", inputs: ["sum"], outputs: ["pool"] }),
      'm.tflite: AVERAGE_POOL_2D "pool" makes "pool", which is there already. The file contradicts itself.',
    ],
    [
      "a weight of 10^9 elements",
      (m) => (m.tensors[1]!.shape = [1000, 1000, 1000, 1]),
      'm.tflite: constant "w" [1000,1000,1000,1] of FLOAT32 takes 4000000000 bytes, but the file holds 432. It is damaged; download it again.',
    ],
    [
      "a negative size",
      (m) => (m.tensors[0]!.shape = [1, -8, 8, 3]),
      'm.tflite: tensor "image" has the shape [1,-8,8,3]; sizes cannot be negative.',
    ],
    [
      "channels that do not fit",
      (m) => (m.tensors[0]!.shape = [1, 8, 8, 4]),
      'm.tflite: CONV_2D "conv": 4 input channels, but the weight [4,3,3,3] expects 3. The file contradicts itself.',
    ],
    [
      "a bias that does not fit",
      (m) => (m.operators[0]!.inputs[2] = "shape"),
      'm.tflite: CONV_2D "conv": its bias [2] has not the 4 numbers of its channels. The file contradicts itself.',
    ],
    [
      "a stride of nothing",
      (m) => conv(m, 0, 1, 0),
      'm.tflite: CONV_2D "conv": strides [1,0] must be 1 or more. The file is damaged; convert it again.',
    ],
    [
      "an unknown activation",
      (m) => conv(m, 1, 1, 77),
      'm.tflite: CONV_2D "conv": its fused activation 77 is not supported. Cut the model before it.',
    ],
    [
      "options left out",
      (m) => delete m.operators[0]!.options,
      'm.tflite: CONV_2D "conv": its options are missing. The file is damaged; convert it again.',
    ],
    [
      "three scales for four channels",
      (m) => (m.tensors[1]!.scale = [1, 2, 3]),
      'm.tflite: tensor "w" [4,3,3,3] has 3 scales along axis 0. The file contradicts itself; convert it again.',
    ],
    [
      "a buffer that is not there",
      (m) => (m.tensors[1]!.buffer = 99),
      'm.tflite: tensor "w" lies in buffer 100, but there are 10. It is damaged.',
    ],
    [
      "a shape that does not fit",
      (m) => (m.tensors[6]!.data = Int32Array.of(1, 5)),
      'm.tflite: RESHAPE "logits": [1,1,1,4] has 4 elements, but the shape [1,5] takes 5. The file contradicts itself.',
    ],
    [
      "an output that is a weight",
      (m) => (m.outputs = ["w"]),
      'm.tflite: output "w" is a constant, so there is nothing to look at. Convert it again.',
    ],
    [
      "an output that nothing makes",
      (m) => m.operators.pop(),
      'm.tflite: output "prob" is made by no operator, so there is nothing to look at. Convert it again.',
    ],
    [
      "another version",
      (m) => (m.version = 2),
      "m.tflite: it is written in version 2 of the format; version 3 is understood. Convert it again.",
    ],
  ])("%s", (_, change, message) => {
    expect(() => importTflite(changed(change), "m.tflite")).toThrow(new ModelFormatError(message));
  });

  test("another kind of file", () => {
    expect(() => importTflite(new TextEncoder().encode("<!DOCTYPE html><html>"), "m.tflite")).toThrow(
      "m.tflite is not a TensorFlow Lite model: it lacks the mark TFL3 (it looks like html, 21 bytes). Choose a .tflite file.",
    );
  });

  test("a file that stops", () => {
    const bytes = tinyTflite(model());
    expect(() => importTflite(bytes.subarray(0, 8), "m.tflite")).toThrow(/^m\.tflite points at \d bytes from \d+ on, but has 8: it is cut short or damaged\./); // prettier-ignore
  });

  test("weights that all lie in the same bytes count each time", () => {
    const data = new Float32Array(64 * 64);
    const names = Array.from({ length: 20 }, (_, i) => `w${i}`);
    const bytes = tinyTflite({
      tensors: [
        { name: "x", shape: [64, 64] },
        ...names.map((name, i) => ({ name, shape: [64, 64], buffer: 1, ...(i === 0 ? { data } : {}) })),
        ...names.map((_, i) => ({ name: `y${i}`, shape: [64, 64] })),
      ],
      operators: names.map((name, i) => ({ op: "MUL", inputs: [i ? `y${i - 1}` : "x", name], outputs: [`y${i}`] })),
      inputs: ["x"],
      outputs: ["y19"],
    });
    expect(() => importTflite(bytes, "m.tflite")).toThrow(/its constants take more than 8 times its \d+ bytes/);
  });
});
