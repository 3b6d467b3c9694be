import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hasSharedData, SHARED_DATA } from "../../test/photos";
import { randomTensor, smallGraph } from "../../test/smallGraph";
import { seeded } from "../vis/random";
import { ModelFormatError, type Graph } from "./graph";
import { readModel } from "./read";
import { ModelStream, type StreamOptions } from "./stream";
import { f32 } from "./tensor";
import { writeModel } from "./write";

const small = (): Graph =>
  smallGraph({
    inputs: { x: ["N", 3, null, null] },
    constants: { w: randomTensor([4, 3, 3, 3], 1), b: f32([1, 2, 3, 4]), unread: f32([]) },
    nodes: [
      { op: "Conv", inputs: ["x", "w", "b"], outputs: ["c"], attrs: { pads: [1, 1, 1, 1], alpha: 0.5 } },
      { op: "Relu", inputs: ["c"], outputs: ["y"] },
    ],
    outputs: ["y"],
  });

/** Reads `bytes` in pieces of the sizes that `next` gives. */
function streamed(bytes: Uint8Array, next: () => number, options: Partial<StreamOptions> = {}): Graph {
  const stream = new ModelStream({ what: "m.onnx", totalBytes: bytes.length, onWeight: (_, tensor) => tensor, ...options });
  for (let at = 0; at < bytes.length;) {
    const size = next();
    stream.push(bytes.subarray(at, at + size));
    at += size;
  }
  return stream.end();
}

const pieces = (largest: number, seed: number) => {
  const random = seeded(seed, "pieces");
  return () => 1 + random.integer(largest);
};

describe("equals readModel", () => {
  const bytes = writeModel(small());
  test.each([1, 2, 7, 100, 5000])("in pieces of up to %i bytes", (largest) => {
    expect(streamed(bytes, pieces(largest, largest))).toEqual(readModel(bytes, "m.onnx"));
  });
  test("without a known length", () => {
    expect(streamed(bytes, pieces(50, 1), { totalBytes: null })).toEqual(readModel(bytes, "m.onnx"));
  });
  test.skipIf(!hasSharedData).each(["googlenet", "squeezenet1_0", "mobilenet_v2"])("%s (needs ../shared/data)", (name) => {
    const real = new Uint8Array(readFileSync(join(SHARED_DATA, "models", `${name}.onnx`)));
    const [a, b] = [streamed(real, pieces(1 << 18, 3)), readModel(real, "m.onnx")];
    expect(a.nodes).toEqual(b.nodes);
    expect(a.inputs).toEqual(b.inputs);
    expect([...a.constants.keys()]).toEqual([...b.constants.keys()]);
    for (const [key, tensor] of a.constants)
      expect(Buffer.from(bytesOf(tensor.data)).equals(bytesOf(b.constants.get(key)!.data))).toBe(true);
  });
});

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => new Uint8Array(buffer, byteOffset, byteLength);

test("nodes are told once, before any weight, and each weight may be replaced", () => {
  const told: string[] = [];
  const graph = streamed(writeModel(small()), pieces(9, 2), {
    onNodes: (nodes) => told.push(nodes.map((n) => n.op).join(" ")),
    onWeight: (name, tensor, nodes) => {
      told.push(`${name} read by ${nodes.filter((n) => n.inputs.includes(name)).length}`);
      return name === "b" ? f32([9, 9, 9, 9]) : tensor;
    },
  });
  expect(told).toEqual(["Conv Relu", "w read by 1", "b read by 1", "unread read by 0"]);
  expect([...graph.constants.get("b")!.data]).toEqual([9, 9, 9, 9]);
});

test("nodes are told when the first weight begins, not when it has come", () => {
  const bytes = writeModel(small());
  let told = 0;
  const stream = new ModelStream({
    what: "m",
    totalBytes: bytes.length,
    onNodes: (nodes) => (told = nodes.length),
    onWeight: (_, t) => t,
  });
  let pushed = 0;
  while (!told) stream.push(bytes.subarray(pushed, ++pushed));
  expect(told).toBe(2);
  expect(bytes.length - pushed).toBeGreaterThan(4 * 108); // the first weight's numbers are still to come
});

test("what onNodes throws ends the reading before the weights", () => {
  const bytes = writeModel(small());
  const stop = new Error("unsupported");
  const stream = new ModelStream({
    what: "m",
    totalBytes: bytes.length,
    onNodes: () => {
      throw stop;
    },
    onWeight: () => {
      throw new Error("a weight was read");
    },
  });
  expect(() => stream.push(bytes)).toThrow(stop);
});

describe("what is no whole ONNX file", () => {
  const bytes = writeModel(small());
  const refused = (file: Uint8Array, options?: Partial<StreamOptions>) => {
    try {
      streamed(file, pieces(40, 4), options);
    } catch (error) {
      expect(error).toBeInstanceOf(ModelFormatError);
      return (error as Error).message;
    }
    return "read";
  };
  test("nothing, text, a web page, a picture", () => {
    expect(refused(new Uint8Array())).toContain("m.onnx is not an ONNX model: it is empty (0 bytes)");
    expect(refused(Buffer.from("hello, this is only text"))).toContain("it is plain text");
    expect(refused(Buffer.from("<!doctype html><title>404</title>"))).toContain("it is a web page");
    expect(refused(Uint8Array.of(0xff, 0xd8, 0xff, ...new Uint8Array(40)))).toContain("it is a JPEG picture");
  });
  test("cut anywhere", () => {
    for (let cut = 1; cut < bytes.length - 8; cut += 3)
      expect(refused(bytes.subarray(0, cut), { totalBytes: bytes.length })).toMatch(/cut short|not an ONNX|operator set 0/);
  });
  test("a field that claims more than there is, is refused before its bytes are waited for", () => {
    const lies = Uint8Array.of(0x08, 0x08, 0x3a, 0xff, 0xff, 0xff, 0xff, 0x07, ...new Uint8Array(30));
    expect(refused(lies)).toContain("begins a field of 2147483647 bytes, but only 30 follow in the file");
  });
  test("a weight that claims more than its graph, or 64 MB of a file whose length nobody knows", () => {
    const inner = Uint8Array.of(0x08, 0x08, 0x3a, 0x08, 0x2a, 0xff, 0x7f, 0, 0, 0, 0, 0, ...new Uint8Array(30));
    expect(refused(inner)).toContain("begins a field of 16383 bytes, but only 5 follow in its graph");
    const unknown = Uint8Array.of(0x08, 0x08, 0x3a, 0xff, 0xff, 0xff, 0x7f, 0x2a, 0xf0, 0xff, 0xff, 0x7f, ...new Uint8Array(30));
    expect(refused(unknown, { totalBytes: null })).toContain("cut short");
  });
  test("numbers without an end, groups, field 0", () => {
    expect(refused(Uint8Array.of(0x08, ...new Uint8Array(40).fill(0xff)))).toContain("damaged");
    expect(refused(Uint8Array.of(0x08, 0x08, 0x0b, ...new Uint8Array(40)))).toContain("wire type 3");
    expect(refused(Uint8Array.of(0x08, 0x08, 0x00, ...new Uint8Array(40)))).toContain("damaged");
  });
});
