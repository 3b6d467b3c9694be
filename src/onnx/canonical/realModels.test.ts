/** GoogLeNet, SqueezeNet and MobileNet: canonical graphs against the originals in ONNX Runtime, at two sizes and several cuts. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { runModelBytes } from "../../../test/runGraph";
import { relativeDifference, uniformTensor } from "../../../test/smallGraph";
import { canonicalise, layersOf } from "../canonicalise";
import type { Graph, Tensor } from "../graph";
import { CONSTANT_OPS, DIFFERENTIABLE_OPS } from "../ops";
import type { Preprocessing } from "../preprocessing";
import { readModel } from "../read";
import { f32 } from "../tensor";
import { writeModel } from "../write";

const DIR = "../shared/data/models";
const caffe: Preprocessing = {
  input: "data",
  layout: "NCHW",
  channels: "BGR",
  range: 255,
  mean: [104, 117, 123],
  std: [1, 1, 1],
  size: 224,
};
const models: { file: string; until: string[]; preprocessing: Preprocessing }[] = [
  {
    file: "googlenet.onnx",
    until: ["conv1_7x7_s2", "pool1_3x3_s2", "inception_3a_output", "inception_4c_output", "inception_5b_output"],
    preprocessing: caffe,
  },
  { file: "squeezenet1_0.onnx", until: ["conv10", "fire9_concat"], preprocessing: { ...caffe, size: 227 } },
  {
    file: "mobilenet_v2.onnx",
    until: ["t173", "t160", "t168"],
    preprocessing: {
      input: "image",
      layout: "NCHW",
      channels: "RGB",
      range: 1,
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
      size: 224,
    },
  },
];

/** RGB noise in 0..1, and the same picture in the network's own convention. */
function pictures(size: number, { channels, range, mean, std }: Preprocessing): { image: Tensor; own: Tensor } {
  const plane = size * size;
  const shape = [1, 3, size, size];
  const image = uniformTensor(shape, 3);
  const own = new Float32Array(3 * plane);
  for (let c = 0; c < 3; c++) {
    const from = channels === "BGR" ? 2 - c : c;
    for (let i = 0; i < plane; i++) own[c * plane + i] = (Number(image.data[from * plane + i]) * range - mean[c]!) / std[c]!;
  }
  return { image, own: f32(own, shape) };
}

/** The file with other outputs, its input's rows and columns left open so that ORT takes any size. */
const opened = (graph: Graph, outputs: string[]): Graph => ({
  ...graph,
  outputs,
  inputs: graph.inputs.map((input) => ({ ...input, shape: [1, 3, "h", "w"] })),
});

const canonicalOps = new Set<string>([...DIFFERENTIABLE_OPS, ...CONSTANT_OPS]);

describe.each(models)("$file", ({ file, until, preprocessing }) => {
  const path = `${DIR}/${file}`;
  const here = existsSync(path);
  test.skipIf(!here).each([224, 128])("equals the original at %i px", async (size) => {
    const graph = readModel(readFileSync(path), file);
    const canonical = canonicalise(graph, { size: [size, size], preprocessing, until });
    const { image, own } = pictures(size, preprocessing);
    const expected = await runModelBytes(writeModel(opened(graph, until)), { [graph.inputs[0]!.name]: own });
    const actual = await runModelBytes(writeModel(canonical), { image });
    for (const name of until) expect(relativeDifference(actual[name]!, expected[name]!), name).toBeLessThan(1e-4);
    expect(canonical.nodes.filter((n) => !canonicalOps.has(n.op))).toEqual([]);
  });

  test.skipIf(!here)("keeps its own convention without a card, and takes a batch", async () => {
    const graph = readModel(readFileSync(path), file);
    const last = until.at(-1)!;
    const canonical = canonicalise(graph, { size: [96, 96], batch: 2, until: [last] });
    const { own } = pictures(96, preprocessing);
    const input = graph.inputs[0]!.name;
    const two = f32([...(own.data as Float32Array), ...(own.data as Float32Array)], [2, 3, 96, 96]);
    const expected = await runModelBytes(writeModel(opened(graph, [last])), { [input]: own });
    const actual = await runModelBytes(writeModel(canonical), { [input]: two });
    const { shape, data } = expected[last]!;
    const twice = f32([...(data as Float32Array), ...(data as Float32Array)], [2, ...shape.slice(1)]);
    expect(relativeDifference(actual[last]!, twice)).toBeLessThan(1e-4);
  });
});

describe("GoogLeNet", () => {
  const path = `${DIR}/googlenet.onnx`;
  test.skipIf(!existsSync(path))("has 84 layers, in order, and is canonical in well under a second", () => {
    const graph = readModel(readFileSync(path), "googlenet.onnx");
    canonicalise(graph, { preprocessing: caffe });
    const start = performance.now();
    const canonical = canonicalise(graph, { preprocessing: caffe });
    expect(performance.now() - start).toBeLessThan(500);
    const layers = layersOf(canonical);
    const mixed = layers.filter((l) => l.name.endsWith("_output")).map((l) => `${l.name} ${l.channels} ${l.grid.join("x")}`);
    expect(mixed).toEqual([
      "inception_3a_output 256 28x28",
      "inception_3b_output 480 28x28",
      "inception_4a_output 512 14x14",
      "inception_4b_output 512 14x14",
      "inception_4c_output 512 14x14",
      "inception_4d_output 528 14x14",
      "inception_4e_output 832 14x14",
      "inception_5a_output 832 7x7",
      "inception_5b_output 1024 7x7",
    ]);
    expect(layers.at(-1)).toMatchObject({ name: "prob", channels: 1000, grid: [1, 1] });
    expect(layers).toHaveLength(84);
  });
});
