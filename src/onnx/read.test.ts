/** What is refused, with which words; and what comes through a round trip unchanged. */
import { create, toBinary } from "@bufbuild/protobuf";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hasSharedData, SHARED_DATA } from "../../test/photos";
import { smallGraph } from "../../test/smallGraph";
import { GraphBuilder } from "./builder";
import type { Graph } from "./graph";
import { ModelProtoSchema, type ModelProto } from "./proto/onnx_pb";
import { readModel } from "./read";
import { f32, i64, numbers } from "./tensor";
import { writeModel } from "./write";

const text = (s: string) => new TextEncoder().encode(s);

const conv = () =>
  smallGraph({
    inputs: { x: [1, 1, "h", null] },
    constants: { w: f32([1, 2, 3, 4], [1, 1, 2, 2]) },
    nodes: [{ op: "Conv", inputs: ["x", "w"], outputs: ["y"], attrs: { kernel_shape: [2, 2] } }],
    outputs: ["y"],
  });

/** The small model with something changed in its protobuf. */
function changed(change: (model: ModelProto) => void): Uint8Array {
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ version: 13n }],
    graph: {
      node: [{ opType: "Add", name: "sum", input: ["x", "w"], output: ["y"] }],
      input: [{ name: "x", type: { value: { case: "tensorType", value: { elemType: 1 } } } }],
      output: [{ name: "y" }],
      initializer: [{ name: "w", dims: [2n, 3n], dataType: 1, rawData: new Uint8Array(24) }],
    },
  });
  change(model);
  return toBinary(ModelProtoSchema, model);
}

describe("files that are no ONNX", () => {
  test.each([
    ["empty", new Uint8Array(), "it is empty (0 bytes)"],
    ["a web page", text("<!DOCTYPE html><html>"), "it is a web page (HTML), perhaps an error page or a page to click through"],
    ["JSON", text('{"format": "graph-model"}'), "it is JSON text"],
    ["a note", text("Hello, here is the model you asked for."), "it is plain text"],
    ["a photo", Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 1, 2, 3, 4), "it is a JPEG picture"],
    ["a checkpoint", Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0, 0, 0), "it is a ZIP archive (a PyTorch checkpoint is one too)"],
  ])("%s", (_, bytes, guess) => {
    expect(() => readModel(bytes, "model.onnx")).toThrow(
      `model.onnx is not an ONNX model: ${guess}. Choose a file exported as ONNX (.onnx).`,
    );
  });

  test("noise is refused, whatever it decodes to", () => {
    const noise = Uint8Array.from({ length: 4096 }, (_, i) => (i * 197 + 31) % 256);
    expect(() => readModel(noise, "noise.bin")).toThrow(/^noise\.bin (is not an ONNX model|starts like an ONNX model)/);
  });

  test("every truncation of a model is refused in words, none hangs", () => {
    const whole = writeModel(conv());
    for (let length = 1; length < whole.length; length++)
      expect(() => {
        const graph = readModel(whole.subarray(0, length), "cut.onnx");
        if (graph.outputs.length === 0) throw new Error("cut.onnx has no outputs"); // cut exactly between two fields
      }, `cut at ${length}`).toThrow(/cut\.onnx/);
  });

  test("a cut in the middle of a tensor says so", () => {
    const whole = writeModel(conv());
    expect(() => readModel(whole.subarray(0, whole.length - 40), "cut.onnx")).toThrow(
      /^cut\.onnx starts like an ONNX model, but cannot be read to its end \(\d+ bytes\): it is cut short or damaged\. Download or export it again\./,
    );
  });
});

describe("files that contradict themselves", () => {
  const weight = (model: ModelProto) => model.graph!.initializer[0]!;
  test.each([
    [
      "too few bytes",
      (m: ModelProto) => (weight(m).rawData = new Uint8Array(20)),
      'weight "w" has shape [2,3], which takes 24 bytes, but 20 are there. The file is damaged; download or export it again.',
    ],
    [
      "a shape of 10^18 elements",
      (m: ModelProto) => (weight(m).dims = [1_000_000_000n, 1_000_000_000n]),
      'weight "w" has the impossible shape [1000000000,1000000000]. The file is damaged; download or export it again.',
    ],
    [
      "a shape of 10^9 elements",
      (m: ModelProto) => (weight(m).dims = [1_000_000_000n]),
      'weight "w" has shape [1000000000], which takes 4000000000 bytes, but 24 are there. The file is damaged; download or export it again.',
    ],
    [
      "a negative dimension",
      (m: ModelProto) => (weight(m).dims = [-2n, 3n]),
      'weight "w" has the impossible shape [-2,3]. The file is damaged; download or export it again.',
    ],
    [
      "an unknown data type",
      (m: ModelProto) => (weight(m).dataType = 99),
      'weight "w" has data type code 99, which is not supported.',
    ],
    [
      "a circle",
      (m: ModelProto) => (m.graph!.node[0]!.input = ["y", "w"]),
      'Add "sum" depends on its own output. Such a circle cannot be run; export the model again.',
    ],
    [
      "a missing value",
      (m: ModelProto) => (m.graph!.node[0]!.input = ["x", "v"]),
      'Add "sum" reads "v", which nothing makes. The file is incomplete.',
    ],
    [
      "a missing output",
      (m: ModelProto) => (m.graph!.output[0]!.name = "z"),
      'output "z" is made by no node. The file is incomplete.',
    ],
    [
      "a value made twice",
      (m: ModelProto) => m.graph!.node.push({ ...m.graph!.node[0]!, name: "again" }),
      'value "y" is made by two nodes. The file is damaged.',
    ],
  ])("%s", (_, change, message) => {
    expect(() => readModel(changed(change), "m.onnx")).toThrow(`m.onnx: ${message}`);
  });

  test("an operator set from the future", () => {
    expect(() =>
      readModel(
        changed((m) => (m.opsetImport[0]!.version = 99n)),
        "m.onnx",
      ),
    ).toThrow("m.onnx is written in ONNX operator set 99; sets 7 to 28 are understood. Convert it with onnx.version_converter.");
  });
});

describe("round trips", () => {
  test("attributes keep their types: a whole float stays a float", () => {
    const b = new GraphBuilder();
    const y = b.node("LeakyRelu", [b.input("x", "float32", [2])], { alpha: 1 });
    const again = readModel(writeModel(b.build("g", [y])));
    expect(again.nodes[0]!.attrs).toEqual({ alpha: 1 });
  });

  test("open dimensions, names, constants of every kind and subgraphs come back", () => {
    const half = { dtype: "float16" as const, shape: [2], data: Uint16Array.of(0x3c00, 0xc000) };
    const graph: Graph = {
      ...conv(),
      constants: new Map<string, ReturnType<typeof f32>>([
        ["w", f32([1, 2, 3, 4], [1, 1, 2, 2])],
        ["i", i64([1, -2])],
        ["h", half],
        ["none", f32([], [0])],
      ]),
    };
    const again = readModel(writeModel(graph));
    expect(again.inputs).toEqual([{ name: "x", dtype: "float32", shape: [1, 1, "h", null] }]);
    expect(again.nodes).toEqual(graph.nodes);
    expect(numbers(again.constants.get("i")!)).toEqual([1, -2]);
    expect(numbers(again.constants.get("h")!)).toEqual([1, -2]);
    expect(again.constants.get("none")!.shape).toEqual([0]);
  });

  test("nodes written out of order are put in order", () => {
    const bytes = changed((m) => {
      m.graph!.node.unshift({ ...m.graph!.node[0]!, name: "", opType: "Relu", input: ["y"], output: ["z"] });
    });
    expect(readModel(bytes).nodes.map((n) => n.op)).toEqual(["Add", "Relu"]);
  });

  test("a composite op of ours is refused", () => {
    const b = new GraphBuilder();
    const y = b.local("MaxPoolGrad", [b.input("x", "float32", [1])], {}, [1]);
    expect(() => writeModel(b.build("g", [y]))).toThrow(
      'MaxPoolGrad "MaxPoolGrad": a composite op of ours must be lowered before the graph is written.',
    );
  });

  test.skipIf(!hasSharedData).each(["googlenet", "squeezenet1_0", "mobilenet_v2"])("%s (needs ../shared/data)", (name) => {
    const graph = readModel(readFileSync(join(SHARED_DATA, "models", `${name}.onnx`)), name);
    const again = readModel(writeModel(graph), name);
    expect(again.nodes).toEqual(graph.nodes);
    expect(again.inputs).toEqual(graph.inputs);
    for (const [key, tensor] of graph.constants) {
      const copy = again.constants.get(key)!;
      expect(copy.shape).toEqual(tensor.shape);
      expect(Buffer.compare(Buffer.from(copy.data.buffer, copy.data.byteOffset, copy.data.byteLength), Buffer.from(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength))).toBe(0); // prettier-ignore
    }
  });
});
