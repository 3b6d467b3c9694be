import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hasSharedData, SHARED_DATA } from "../../test/photos";
import { randomTensor, smallGraph } from "../../test/smallGraph";
import { readModel } from "../onnx/read";
import { writeModel } from "../onnx/write";
import { quantize, type WeightStorage } from "./quantize";
import { SmallModelStream } from "./stream";

const storages: WeightStorage[] = ["int8", "float16", "float32"];

function streamed(bytes: Uint8Array, storage: WeightStorage, piece: number) {
  const stream = new SmallModelStream({ what: "m.onnx", totalBytes: bytes.length, storage });
  for (let at = 0; at < bytes.length; at += piece) stream.push(bytes.subarray(at, at + piece));
  return stream.end();
}

describe.each([18, 11])("opset %i", (opset) => {
  test.each(storages)("%s in pieces equals the whole", (storage) => {
    const graph = smallGraph({
      inputs: { x: [1, 16, 6, 6] },
      constants: { a: randomTensor([32, 16, 3, 3], 1), b: randomTensor([32], 2), c: randomTensor([32, 32, 1, 1], 3) },
      nodes: [
        { op: "Conv", inputs: ["x", "a", "b"], outputs: ["h"] },
        { op: "Conv", inputs: ["h", "c"], outputs: ["y"] },
      ],
      outputs: ["y"],
      opset,
    });
    const bytes = writeModel(graph);
    const whole = quantize(readModel(bytes, "m.onnx"), storage);
    for (const piece of [1, 100, 1 << 20]) {
      const made = streamed(bytes, storage, piece);
      expect(writeModel(made.graph)).toEqual(writeModel(whole.graph));
      expect(made.report).toEqual(whole.report);
    }
  });
});

test.skipIf(!hasSharedData).each(["googlenet", "squeezenet1_0", "mobilenet_v2"])("%s (needs ../shared/data)", (name) => {
  const bytes = new Uint8Array(readFileSync(join(SHARED_DATA, "models", `${name}.onnx`)));
  const whole = writeModel(quantize(readModel(bytes, "m.onnx")).graph);
  expect(Buffer.from(writeModel(streamed(bytes, "int8", 1 << 16).graph)).equals(whole)).toBe(true);
});
