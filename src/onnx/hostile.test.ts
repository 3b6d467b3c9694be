/** Damaged and contradictory .onnx files: each ends in words or in a sound graph, soon, without taking much memory. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { injured, WILD } from "../../test/mutate";
import { packedCases, unpacked } from "../../test/onnxCases";
import { hasSharedData, SHARED_DATA } from "../../test/photos";
import { randomTensor, smallGraph } from "../../test/smallGraph";
import { seeded, type Random } from "../vis/random";
import { canonicalise } from "./canonicalise";
import { ModelFormatError, OpError, type Graph } from "./graph";
import { ModelProtoSchema, type GraphProto, type TensorProto } from "./proto/onnx_pb";
import { readModel } from "./read";
import { ModelStream } from "./stream";
import { f32, i64 } from "./tensor";
import { writeModel } from "./write";

const u8 = (value: number) => ({ dtype: "uint8" as const, shape: [], data: Uint8Array.of(value) });

/** A little of everything: convolutions, pools, shape arithmetic, a branch, quantisation, resizing, attention's parts. */
const network = (): Uint8Array =>
  writeModel(
    smallGraph({
      inputs: { x: ["n", 3, 16, 16] },
      constants: {
        w: randomTensor([8, 3, 3, 3], 1),
        b: randomTensor([8], 2),
        g: f32(1, [8]),
        v: f32(0.5, [8]),
        deep: randomTensor([8, 1, 3, 3], 3),
        s: f32(0.1, []),
        z: u8(128),
        first: i64([0]),
        two: i64([2]),
        last: i64([-1]),
        scales: f32([1, 1, 2, 2]),
        pads: i64([0, 0, 1, 1, 0, 0, 1, 1]),
        d: randomTensor([512, 10], 4),
        yes: { dtype: "bool", shape: [], data: Uint8Array.of(1) },
      },
      nodes: [
        { op: "Conv", inputs: ["x", "w", "b"], outputs: ["c"], attrs: { pads: [1, 1, 1, 1], strides: [2, 2] } },
        { op: "BatchNormalization", inputs: ["c", "g", "b", "b", "v"], outputs: ["n"] },
        { op: "Relu", inputs: ["n"], outputs: ["r"] },
        { op: "MaxPool", inputs: ["r"], outputs: ["p"], attrs: { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 } },
        { op: "Conv", inputs: ["p", "deep"], outputs: ["dw"], attrs: { group: 8, auto_pad: "SAME_UPPER" } },
        { op: "QuantizeLinear", inputs: ["dw", "s", "z"], outputs: ["q"] },
        { op: "DequantizeLinear", inputs: ["q", "s", "z"], outputs: ["dq"] },
        { op: "Resize", inputs: ["dq", "", "scales"], outputs: ["up"], attrs: { mode: "linear" } },
        { op: "Pad", inputs: ["up", "pads"], outputs: ["pad"], attrs: { mode: "reflect" } },
        { op: "AveragePool", inputs: ["pad"], outputs: ["ap"], attrs: { kernel_shape: [3, 3], dilations: [1, 1] } },
        { op: "Split", inputs: ["ap"], outputs: ["s1", "s2"], attrs: { axis: 1, num_outputs: 2 } },
        { op: "Concat", inputs: ["s2", "s1"], outputs: ["cat"], attrs: { axis: 1 } },
        {
          op: "If",
          inputs: ["yes"],
          outputs: ["chosen"],
          attrs: {
            then_branch: {
              ...smallGraph({ inputs: {}, nodes: [{ op: "Neg", inputs: ["cat"], outputs: ["t"] }], outputs: ["t"] }),
            },
            else_branch: {
              ...smallGraph({ inputs: {}, nodes: [{ op: "Abs", inputs: ["cat"], outputs: ["e"] }], outputs: ["e"] }),
            },
          },
        },
        { op: "Shape", inputs: ["chosen"], outputs: ["shape"] },
        { op: "Gather", inputs: ["shape", "first"], outputs: ["batch"] },
        { op: "Concat", inputs: ["batch", "last"], outputs: ["target"], attrs: { axis: 0 } },
        { op: "Reshape", inputs: ["chosen", "target"], outputs: ["flat"] },
        { op: "Gemm", inputs: ["flat", "d"], outputs: ["logits"], attrs: { alpha: 0.5 } },
        { op: "Softmax", inputs: ["logits"], outputs: ["prob"], attrs: { axis: 1 } },
        { op: "TopK", inputs: ["prob", "two"], outputs: ["best", "places"] },
      ],
      outputs: ["prob", "best"],
    }),
  );

type Ending = "refused" | "sound";

/** Reads and canonicalises within the time and memory allowed; every refusal is one of ours, in words. */
function ending(bytes: Uint8Array, read: (bytes: Uint8Array) => Graph = (b) => readModel(b, "m.onnx")): Ending {
  const start = performance.now();
  const before = process.memoryUsage().arrayBuffers;
  try {
    checkSound(canonicalise(read(bytes), { size: [16, 16] }));
    return "sound";
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return "refused";
  } finally {
    expect(performance.now() - start).toBeLessThan(2000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200e6);
  }
}

/** Ours; canonicalise says plainly which size an input lacks and which name a file has not. */
const isRefusal = (error: unknown): error is Error =>
  error instanceof ModelFormatError ||
  error instanceof OpError ||
  (error instanceof Error && /^(Input|Model) ".*\[|^Model "|^Input "/s.test(error.message));

function checkSound(graph: Graph): void {
  const known = new Set([...graph.inputs.map(({ name }) => name), ...graph.constants.keys()]);
  for (const node of graph.nodes) {
    for (const name of node.inputs) expect(name === "" || known.has(name), name).toBe(true);
    for (const name of node.outputs) known.add(name);
  }
  for (const name of graph.outputs) expect(known.has(name)).toBe(true);
}

/** One seeded injury to what a file says, which its protobuf survives: numbers gone wild, names exchanged, parts lost or told twice. */
function twisted(original: Uint8Array, random: Random): Uint8Array {
  const model = fromBinary(ModelProtoSchema, original.slice()); // its weights are views
  const graph = model.graph!;
  const wild = () => BigInt(random.pick([...WILD, -1, -2, 2, 3, 1e12]));
  const one = <T>(list: readonly T[], change: (item: T) => unknown) => list.length && change(random.pick(list));
  const { node: nodes, initializer: tensors, input: inputs } = graph;
  const attributes = nodes.flatMap((n) => n.attribute);
  const names = [...nodes.flatMap((n) => [...n.input, ...n.output]), ...tensors.map(({ name }) => name)];
  const whole = tensors.filter(({ dataType, rawData }) => dataType === 7 && rawData.length >= 8);
  const kinds: (() => unknown)[] = [
    () => one(attributes.filter((a) => a.ints.length), (a) => (a.ints[random.integer(a.ints.length)] = wild())), // prettier-ignore
    () => one(attributes.filter((a) => a.type === 2), (a) => (a.i = wild())), // prettier-ignore
    () =>
      one(whole, ({ rawData: { buffer, byteOffset, byteLength } }) =>
        new DataView(buffer, byteOffset, byteLength).setBigInt64(8 * random.integer(byteLength / 8), wild(), true),
      ),
    () => one(tensors, (t) => (t.dims = [wild(), wild()])),
    () => one(tensors, (t) => (t.dataType = random.integer(24))),
    () => one(nodes, (n) => (n.input[random.integer(n.input.length)] = random.pick(names))),
    () => one(nodes, (n) => (n.output[0] = random.pick(names))),
    () => one(nodes, (n) => n.input.splice(random.integer(n.input.length + 1), 1)),
    () => one(nodes, (n) => (n.opType = random.pick(nodes).opType)),
    () => one(nodes, (n) => (n.attribute = random.pick(nodes).attribute)),
    () => one(nodes, (n) => nodes.push(n)),
    () => nodes.splice(random.integer(nodes.length), 1),
    () => one(inputs, (v) => inputs.push(v)),
    () => one(tensors, (t) => tensors.push(t)),
    () =>
      one(inputs, ({ type }) => {
        const dims = type?.value.case === "tensorType" ? (type.value.value.shape?.dim ?? []) : [];
        one(dims, (d) => (d.value = { case: "dimValue", value: wild() }));
      }),
    () => (model.opsetImport[0]!.version = BigInt(7 + random.integer(22))),
  ];
  random.pick(kinds)();
  return toBinary(ModelProtoSchema, model);
}

describe("200 injuries", () => {
  test("to the bytes of a small network", () => {
    const original = network();
    expect(ending(original)).toBe("sound");
    const random = seeded(1, "injuries");
    const endings = Array.from({ length: 200 }, () => ending(injured(original, random, placeOf(original))));
    expect(endings.filter((e) => e === "refused").length).toBeGreaterThan(60);
  });

  test("to the bytes of a file that arrives in pieces", () => {
    const original = network();
    const random = seeded(5, "injuries");
    const streamed = (totalBytes: number | null) => (bytes: Uint8Array) => {
      const stream = new ModelStream({ what: "m.onnx", totalBytes, onWeight: (_, tensor) => tensor });
      for (let at = 0; at < bytes.length;) {
        const to = at + 1 + random.integer(2000);
        stream.push(bytes.subarray(at, to));
        at = to;
      }
      return stream.end();
    };
    expect(ending(original, streamed(null))).toBe("sound");
    const endings = Array.from({ length: 200 }, (_, i) => {
      const bytes = injured(original, random, placeOf(original));
      return ending(bytes, streamed(i % 2 ? bytes.length : null));
    });
    expect(endings.filter((e) => e === "refused").length).toBeGreaterThan(60);
  });

  test("to what it says", () => {
    const original = network();
    const random = seeded(2, "injuries");
    const endings = Array.from({ length: 200 }, () => ending(twisted(original, random)));
    expect(endings.filter((e) => e === "refused").length).toBeGreaterThan(60);
    expect(endings.filter((e) => e === "sound").length).toBeGreaterThan(10);
  });

  test("to files of one operator each", () => {
    const random = seeded(3, "injuries");
    const { cases } = packedCases();
    for (let i = 0; i < 200; i++) {
      const { graph, inputs } = unpacked(random.pick(cases));
      const [first] = graph.inputs;
      const rest = [...inputs].filter(([name]) => name !== first?.name); // parameters are constants, as in networks
      const file = writeModel({ ...graph, inputs: first ? [first] : [], constants: new Map([...graph.constants, ...rest]) });
      ending(random.uniform() < 0.5 ? injured(file, random) : twisted(file, random));
    }
  });

  test.skipIf(!hasSharedData)("of a real file (needs ../shared/data)", () => {
    const original = new Uint8Array(readFileSync(join(SHARED_DATA, "models", "squeezenet1_0.onnx")));
    const random = seeded(4, "injuries");
    const endings = Array.from({ length: 60 }, () => ending(injured(original, random, placeOf(original))));
    expect(endings.filter((e) => e === "refused").length).toBeGreaterThan(15);
  });
});

/** Where the nodes lie: weights are in front of them or behind, and far larger. */
function placeOf(bytes: Uint8Array): readonly [number, number] {
  const text = Buffer.from(bytes).toString("latin1");
  const first = text.indexOf("Conv");
  return [Math.max(0, first - 200), Math.min(bytes.length, first + 4000)];
}

const tensorType = (...dims: bigint[]) => ({
  value: {
    case: "tensorType" as const,
    value: { elemType: 1, shape: { dim: dims.map((value) => ({ value: { case: "dimValue" as const, value } })) } },
  },
});
const int64s = (name: string, ...values: bigint[]) => ({ name, dims: [BigInt(values.length)], dataType: 7, int64Data: values });

/** A file of these nodes and constants over x [1, 3, 8, 8]. */
function file(
  nodes: { opType: string; input: string[]; output: string[] }[],
  initializer: Partial<TensorProto>[] = [],
  output = "y",
): Uint8Array {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      opsetImport: [{ version: 18n }],
      graph: {
        node: nodes,
        input: [{ name: "x", type: tensorType(1n, 3n, 8n, 8n) }],
        output: [{ name: output }],
        initializer: initializer as GraphProto["initializer"],
      },
    }),
  );
}

describe("attacks", () => {
  const refusal = (bytes: Uint8Array): string => {
    try {
      expect(ending(bytes)).toBe("refused");
      const graph = readModel(bytes, "m.onnx");
      canonicalise(graph, { size: [16, 16] });
    } catch (error) {
      return (error as Error).message;
    }
    return "";
  };

  test("a thousand constants of 10^7 elements cost nothing until they are read", () => {
    const names = Array.from({ length: 1000 }, (_, i) => `c${i}`);
    const nodes = names.map((name) => ({ opType: "ConstantOfShape", input: ["size"], output: [name] }));
    const sums = names.map((name, i) => ({ opType: "Add", input: [i ? `s${i - 1}` : "x", name], output: [`s${i}`] }));
    ending(file([...nodes, ...sums], [int64s("size", 100n, 100n, 1000n)], "s999"));
    ending(file([...nodes, { opType: "Concat", input: names, output: ["y"] }], [int64s("size", 100n, 100n, 1000n)]));
  });

  test("a constant that doubles sixty times", () => {
    const nodes = Array.from({ length: 60 }, (_, i) => ({
      opType: "Tile",
      input: [i ? `t${i - 1}` : "one", "twice"],
      output: [i === 59 ? "y" : `t${i}`],
    }));
    expect(
      refusal(file(nodes, [{ name: "one", dims: [1n], dataType: 1, floatData: [1] } as never, int64s("twice", 2n)])),
    ).toMatch(/^Tile ".*": its output \[\d+\] would have \d+ elements, more than 2147483648\. Choose a smaller size\.$/);
  });

  test("shapes of 10^9 and 10^18 elements", () => {
    for (const shape of [[1_000_000_000n], [1_000_000_000n, 1_000_000_000n], [-1n], [2n ** 62n]])
      for (const opType of ["ConstantOfShape", "Range"])
        ending(
          file(
            [{ opType, input: opType === "Range" ? ["a", "b", "a"] : ["a"], output: ["y"] }],
            [int64s("a", ...shape), int64s("b", 2n ** 62n)],
          ),
        );
    expect(
      refusal(file([{ opType: "Expand", input: ["x", "a"], output: ["y"] }], [int64s("a", 1_000_000_000n, 1n, 1n, 1n)])),
    ).toMatch(/^Expand "y": its output \[1000000000, 3, 16, 16\] would have 768000000000 elements/);
  });

  test("a shape told by ten million numbers", () => {
    const nodes = [
      { opType: "ConstantOfShape", input: ["size"], output: ["many"] },
      { opType: "Cast", input: ["many"], output: ["whole"], attribute: [{ name: "to", type: 2, i: 7n }] },
      { opType: "Reshape", input: ["x", "whole"], output: ["y"] },
    ];
    expect(refusal(file(nodes, [int64s("size", 10_000_000n)]))).toMatch(/^Reshape "y": /);
  });

  test("branches within branches", () => {
    const joined = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
    /** A length-delimited field. */
    const field = (number: number, bytes: Uint8Array): Uint8Array => {
      const length: number[] = [];
      for (let n = bytes.length; ; n >>>= 7) {
        length.push(n > 127 ? (n & 127) | 128 : n);
        if (n <= 127) break;
      }
      return joined(Uint8Array.of((number << 3) | 2, ...length), bytes);
    };
    for (const depth of [33, 400, 4000]) {
      let graph: Uint8Array = new Uint8Array();
      for (let i = 0; i < depth; i++) graph = field(1, field(5, field(6, graph))); // graph.node.attribute.g
      const opset = field(8, Uint8Array.of(16, 18));
      const bytes = joined(Uint8Array.of(8, 8), field(7, graph), opset); // the version of the format before them
      expect(() => readModel(bytes, "m.onnx"), `${depth} levels`).toThrow(ModelFormatError);
    }
  });

  test.each([
    [
      "a circle",
      [
        ["Neg", "b", "a"],
        ["Neg", "a", "b"],
        ["Neg", "a", "y"],
      ],
      'm.onnx: Neg "a" depends on its own output. Such a circle cannot be run; export the model again.',
    ],
    [
      "a value made twice",
      [
        ["Neg", "x", "y"],
        ["Abs", "x", "y"],
      ],
      'm.onnx: value "y" is made by two nodes. The file is damaged.',
    ],
    [
      "an input made again",
      [
        ["Neg", "x", "x"],
        ["Abs", "x", "y"],
      ],
      'm.onnx: Neg "x" makes "x", which is an input or a weight already. The file is damaged.',
    ],
    ["a missing input", [["Neg", "", "y"]], 'Neg "y": input 0 is missing. The file contradicts itself; export it again.'],
  ] as [string, [string, string, string][], string][])("%s", (_, nodes, message) => {
    expect(refusal(file(nodes.map(([opType, input, output]) => ({ opType, input: [input], output: [output] }))))).toBe(message);
  });
});
