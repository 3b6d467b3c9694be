/** Weights beside the model: found, asked for by name, and refused where they contradict the file or lead out of its folder. */
import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { importModel } from "../importers/importModel";
import { MissingFilesError } from "./external";
import { ModelProtoSchema } from "./proto/onnx_pb";
import { externalFiles, readModel } from "./read";
import { numbers } from "./tensor";

/** y = x + w + v, with the weights where `entries` say. */
function file(...entries: Record<string, string>[]): Uint8Array {
  const names = entries.map((_, i) => `w${i}`);
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ version: 13n }],
      graph: {
        node: [{ opType: "Sum", name: "sum", input: ["x", ...names], output: ["y"] }],
        input: [{ name: "x", type: { value: { case: "tensorType", value: { elemType: 1 } } } }],
        output: [{ name: "y" }],
        initializer: entries.map((entry, i) => ({
          name: names[i]!,
          dims: [2n],
          dataType: 1,
          dataLocation: 1,
          externalData: Object.entries(entry).map(([key, value]) => ({ key, value })),
        })),
      },
    }),
  );
}

const beside = new Uint8Array(Float32Array.of(9, 1, 2, 3, 4).buffer);

describe("external data", () => {
  const bytes = file({ location: "weights.bin", offset: "4", length: "8" }, { location: "./data//weights2.bin" });

  test("the files that a model needs, each once", () => {
    expect(externalFiles(bytes)).toEqual(["weights.bin", "data/weights2.bin"]);
    expect(externalFiles(file({ location: "a" }, { location: "./a" }))).toEqual(["a"]);
    expect(externalFiles(file())).toEqual([]);
  });

  test("weights are parts of those files, found by path or by name", () => {
    for (const second of ["data/weights2.bin", "weights2.bin", "C:\\models\\weights2.bin"]) {
      const files = new Map([
        ["weights.bin", beside],
        [second, beside.subarray(12)],
      ]);
      const { constants } = readModel(bytes, "m.onnx", files);
      expect([...constants.values()].map(numbers)).toEqual([
        [1, 2],
        [3, 4],
      ]);
    }
  });

  test("a part that is not aligned is copied", () => {
    const shifted = new Uint8Array(9);
    shifted.set(new Uint8Array(Float32Array.of(5, 6).buffer), 1);
    const { constants } = readModel(file({ location: "w", offset: "1" }), "m.onnx", new Map([["w", shifted]]));
    expect(numbers(constants.get("w0")!)).toEqual([5, 6]);
  });

  test("what is missing is asked for, all at once", () => {
    const refused = () => readModel(bytes, "m.onnx");
    expect(refused).toThrow(MissingFilesError);
    expect(refused).toThrow('m.onnx also needs "weights.bin", "data/weights2.bin". Choose those files as well.');
    expect(() => readModel(bytes, "m.onnx", new Map([["weights.bin", beside]]))).toThrow(
      'm.onnx also needs "data/weights2.bin". Choose that file as well.',
    );
  });

  test("through the door for all formats", () => {
    const main = { name: "m.onnx", bytes: file({ location: "weights.bin", length: "8" }) };
    expect(() => importModel([main])).toThrow('m.onnx also needs "weights.bin". Choose that file as well.');
    const { graph } = importModel([main, { name: "weights.bin", bytes: beside }]);
    expect(numbers(graph.constants.get("w0")!)).toEqual([9, 1]);
  });

  test("weights that look like another model's file are still weights", () => {
    const main = { name: "m.onnx", bytes: file({ location: "weights.bin", length: "8" }) };
    const disguises = [
      new Uint8Array([8, 8, 58, 2, 10, 0, 0, 0]),
      new TextEncoder().encode('{"a": 1}'),
      new TextEncoder().encode("name: 00"),
    ];
    for (const bytes of disguises) {
      const files = [{ name: "weights.bin", bytes: new Uint8Array([...bytes.subarray(0, 8)]) }, main];
      expect(importModel(files).graph.constants.get("w0")!.shape).toEqual([2]);
    }
  });

  test.each([
    [
      { location: "w", offset: "16", length: "8" },
      'takes bytes 16 to 24 of "w", which has 20. That file is cut short, or another model\'s.',
    ],
    [
      { location: "w", length: "12" },
      "has shape [2], which takes 8 bytes, but 12 are there. The file is damaged; download or export it again.",
    ],
    [{ location: "w", offset: "-4" }, 'has the offset "-4" in "w". The file is damaged; export it again.'],
    [
      { location: "w", length: "9007199254740993" },
      'has the length "9007199254740993" in "w". The file is damaged; export it again.',
    ],
    ...["../w", "/etc/passwd", "a/../../w", "..\\w", "https://example.org/w", "C:\\w", "", ".", "a\0b"].map(
      (location) =>
        [
          { location },
          `lies at ${JSON.stringify(location)}, which is no file beside the model. The file is damaged, or not to be trusted.`,
        ] as const,
    ),
  ] as [Record<string, string>, string][])("%j is refused", (entry, message) => {
    expect(() => readModel(file(entry), "m.onnx", new Map([["w", beside]]))).toThrow(`m.onnx: weight "w0" ${message}`);
  });
});
