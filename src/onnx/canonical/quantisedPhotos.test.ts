/** SqueezeNet quantised as exporters do it (QDQ, per channel, int32 bias), over photos: what the float graph answers and the quantised file itself. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hasSharedData, photo, photoNames, SHARED_DATA } from "../../../test/photos";
import { runModelBytes } from "../../../test/runGraph";
import { quantiseChannels } from "../../quantize/scales";
import { canonicalise } from "../canonicalise";
import type { Graph, Node, Tensor } from "../graph";
import type { Preprocessing } from "../preprocessing";
import { readModel } from "../read";
import { f32, numbers } from "../tensor";
import { writeModel } from "../write";

const SIZE = 227;
const PHOTOS = 20;
const caffe: Preprocessing = {
  input: "data",
  layout: "NCHW",
  channels: "BGR",
  range: 255,
  mean: [104, 117, 123],
  std: [1, 1, 1],
  size: SIZE,
};

const node = (op: string, inputs: string[], output: string, attrs: Node["attrs"] = {}): Node => ({
  op,
  name: output,
  domain: "",
  inputs,
  outputs: [output],
  attrs,
});

/** Every Conv with its input, weight and bias quantised; `ranges`: the smallest and largest number of each input. */
function quantised(graph: Graph, ranges: ReadonlyMap<string, readonly [low: number, high: number]>): Graph {
  const constants = new Map(graph.constants);
  const nodes: Node[] = [];
  const done = new Map<string, number>();
  for (const conv of graph.nodes) {
    if (conv.op !== "Conv") {
      nodes.push(conv);
      continue;
    }
    const [x, w, b] = conv.inputs as [string, string, string];
    if (!done.has(x)) {
      const [low, high] = ranges.get(x)!;
      const scale = (high - low) / 255;
      done.set(x, scale);
      constants.set(`${x}_s`, f32(scale, []));
      constants.set(`${x}_z`, { dtype: "uint8", shape: [], data: Uint8Array.of(Math.round(-low / scale)) });
      nodes.push(node("QuantizeLinear", [x, `${x}_s`, `${x}_z`], `${x}_q`));
      nodes.push(node("DequantizeLinear", [`${x}_q`, `${x}_s`, `${x}_z`], `${x}_d`));
    }
    const { values, scales } = quantiseChannels(graph.constants.get(w)!, 0);
    const unit = numbers(f32(scales)).map((s) => s * done.get(x)!);
    const bias = Int32Array.from(numbers(graph.constants.get(b)!), (v, i) => Math.round(v / unit[i]!));
    constants.set(w, values);
    constants.set(`${w}_s`, f32(scales));
    constants.set(`${w}_z`, { dtype: "int8", shape: [unit.length], data: new Int8Array(unit.length) });
    constants.set(b, { dtype: "int32", shape: [unit.length], data: bias });
    constants.set(`${b}_s`, f32(unit));
    nodes.push(node("DequantizeLinear", [w, `${w}_s`, `${w}_z`], `${w}_d`, { axis: 0 }));
    nodes.push(node("DequantizeLinear", [b, `${b}_s`], `${b}_d`, { axis: 0 }));
    nodes.push({ ...conv, inputs: [`${x}_d`, `${w}_d`, `${b}_d`] });
  }
  return { ...graph, nodes, constants };
}

/** BGR, 0..255, less the means. */
function own({ shape, data }: Tensor): Tensor {
  const plane = SIZE * SIZE;
  return f32(Float32Array.from({ length: 3 * plane }, (_, i) => Number(data[(2 - Math.floor(i / plane)) * plane + (i % plane)]) * 255 - caffe.mean[Math.floor(i / plane)]!), shape); // prettier-ignore
}

const best = (answer: Tensor): number => numbers(answer).reduce((top, x, i, all) => (x > all[top]! ? i : top), 0);

test.skipIf(!hasSharedData)(
  "a quantised SqueezeNet answers as its float graph does (needs ../shared/data)",
  async () => {
    const graph = readModel(readFileSync(join(SHARED_DATA, "models", "squeezenet1_0.onnx")), "squeezenet1_0.onnx");
    const photos = photoNames().slice(0, PHOTOS).map((name) => photo(name, SIZE)); // prettier-ignore
    const watched = [...new Set(graph.nodes.filter(({ op }) => op === "Conv").map(({ inputs }) => inputs[0]!))];
    const inner = watched.filter((name) => name !== "data");
    const seen = await runModelBytes(writeModel({ ...graph, outputs: inner }), { data: own(photos[0]!) });
    const ranges = new Map<string, readonly [number, number]>(
      inner.map((name) => [name, [0, 1.2 * numbers(seen[name]!).reduce((m, x) => Math.max(m, x), 0)]]),
    );
    ranges.set("data", [-124, 152]);
    const file = writeModel(quantised(graph, ranges));
    const network = writeModel(canonicalise(readModel(file, "quantised"), { preprocessing: caffe }));
    const output = graph.outputs[0]!;
    let [same, float] = [0, 0];
    for (const image of photos) {
      const [a, b, c] = [
        await runModelBytes(network, { image }),
        await runModelBytes(file, { data: own(image) }),
        await runModelBytes(writeModel(graph), { data: own(image) }),
      ].map((results) => best(results[output]!));
      same += Number(a === b);
      float += Number(a === c);
    }
    expect(same).toBeGreaterThanOrEqual(PHOTOS - 1);
    expect(float).toBeGreaterThanOrEqual(PHOTOS - 2);
  },
  60_000,
);
