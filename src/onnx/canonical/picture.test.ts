/** Preprocessing as part of the graph: RGB in 0..1 through the canonical graph equals prepared numbers through the original. */
import { describe, expect, test } from "vitest";
import { runModelBytes } from "../../../test/runGraph";
import { randomTensor, relativeDifference, smallGraph, uniformTensor, type GraphSpec } from "../../../test/smallGraph";
import { canonicalise } from "../canonicalise";
import type { StaticGraph } from "../graph";
import { channelsFor, type Preprocessing } from "../preprocessing";
import { f32, i64, transposed } from "../tensor";
import { writeModel } from "../write";

const H = 6;
const W = 5;
const base: Preprocessing = {
  input: "x",
  layout: "NCHW",
  channels: "BGR",
  range: 255,
  mean: [104, 117, 123],
  std: [1, 2, 3],
  size: 6,
};

/** One RGB picture [2, 3, H, W] in 0..1, and the numbers that a model with `p` expects of it. */
function feeds(p: Preprocessing) {
  const image = uniformTensor([2, 3, H, W], 1);
  const own = new Float32Array(image.data.length);
  for (let n = 0; n < 2; n++)
    for (let c = 0; c < 3; c++)
      for (let i = 0; i < H * W; i++) {
        const source = p.channels === "BGR" ? 2 - c : c;
        const value = (Number(image.data[(n * 3 + source) * H * W + i]) * p.range - p.mean[c]!) / p.std[c]!;
        own[p.layout === "NHWC" ? (n * H * W + i) * 3 + c : (n * 3 + c) * H * W + i] = value;
      }
  return { image, own: f32(own, p.layout === "NHWC" ? [2, H, W, 3] : [2, 3, H, W]) };
}

async function same(spec: GraphSpec, p: Preprocessing): Promise<StaticGraph> {
  const { image, own } = feeds(p);
  const canonical = canonicalise(smallGraph(spec), { preprocessing: p });
  expect(canonical.inputs).toMatchObject([{ name: "image", shape: [2, 3, H, W] }]);
  const expected = await runModelBytes(writeModel(smallGraph(spec)), { x: own });
  const actual = await runModelBytes(writeModel(canonical), { image });
  for (const name of spec.outputs) expect(relativeDifference(actual[name]!, expected[name]!)).toBeLessThan(1e-5);
  return canonical;
}

const ops = (graph: StaticGraph) => graph.nodes.map((n) => n.op).join(" ");
const conv = (pads: number[], bias: boolean): GraphSpec => ({
  inputs: { x: [2, 3, H, W] },
  constants: { W: randomTensor([4, 3, 3, 3], 2), ...(bias ? { B: randomTensor([4], 3) } : {}) },
  nodes: [{ op: "Conv", inputs: bias ? ["x", "W", "B"] : ["x", "W"], outputs: ["y"], attrs: { pads } }],
  outputs: ["y"],
});

describe("a first Conv", () => {
  test.each(["BGR", "RGB"] as const)(
    "with padding absorbs order and scale; the mean is one Add before it: %s",
    async (channels) => {
      expect(ops(await same(conv([1, 1, 1, 1], true), { ...base, channels }))).toBe("Add Conv");
      expect(ops(await same(conv([1, 0, 0, 0], false), { ...base, channels }))).toBe("Add Conv");
    },
  );
  test("without padding absorbs the mean too", async () => {
    expect(ops(await same(conv([0, 0, 0, 0], true), base))).toBe("Conv");
    expect(ops(await same(conv([0, 0, 0, 0], false), base))).toBe("Conv");
  });
  test("needs nothing else when the mean is 0", async () => {
    expect(ops(await same(conv([1, 1, 1, 1], false), { ...base, mean: [0, 0, 0] }))).toBe("Conv");
  });
  test("and the BatchNormalization after it are one", async () => {
    const spec = conv([1, 1, 1, 1], false);
    const norm = { g: randomTensor([4], 4), b: randomTensor([4], 5), m: randomTensor([4], 6), v: f32([1, 2, 3, 4]) };
    const nodes = [
      { ...spec.nodes[0]!, outputs: ["h"] },
      { op: "BatchNormalization", inputs: ["h", "g", "b", "m", "v"], outputs: ["y"] },
    ];
    expect(ops(await same({ ...spec, nodes, constants: { ...spec.constants, ...norm } }, base))).toBe("Add Conv");
  });
});

describe("anything else that reads the picture", () => {
  const relu: GraphSpec = { inputs: { x: [2, 3, H, W] }, nodes: [{ op: "Relu", inputs: ["x"], outputs: ["y"] }], outputs: ["y"] };
  test("BGR is a 1x1 Conv", async () => {
    expect(ops(await same(relu, base))).toBe("Conv Relu");
  });
  test("RGB is Mul and Add", async () => {
    expect(ops(await same(relu, { ...base, channels: "RGB" }))).toBe("Mul Add Relu");
    expect(ops(await same(relu, { ...base, channels: "RGB", range: 1, mean: [0, 0, 0], std: [1, 1, 1] }))).toBe("Relu");
  });
  test("two readers share the prepared picture", async () => {
    const spec = conv([1, 1, 1, 1], true);
    const nodes = [...spec.nodes, { op: "Relu", inputs: ["x"], outputs: ["z"] }];
    expect(ops(await same({ ...spec, nodes, outputs: ["y", "z"] }, base))).toBe("Conv Conv Relu");
  });
  test("a model that wants the prepared picture itself as output gets it", async () => {
    const spec = conv([1, 1, 1, 1], true);
    const nodes = [...spec.nodes, { op: "Identity", inputs: ["x"], outputs: ["z"] }];
    await same({ ...spec, nodes, outputs: ["y", "z"] }, base);
  });
  test("NHWC gets a Transpose, unless the model's own only undoes it", async () => {
    const spec = conv([1, 1, 1, 1], true);
    const nodes = [
      { op: "Transpose", inputs: ["x"], outputs: ["nchw"], attrs: { perm: [0, 3, 1, 2] } },
      { ...spec.nodes[0]!, inputs: ["nchw", "W", "B"] },
    ];
    const nhwc = { ...base, layout: "NHWC" as const };
    expect(ops(await same({ ...spec, nodes, inputs: { x: [2, H, W, 3] } }, nhwc))).toBe("Add Conv");
    const flat = { op: "Reshape", inputs: ["x", "shape"], outputs: ["y"] };
    const graph = await same(
      { inputs: { x: [2, H, W, 3] }, constants: { shape: i64([2, -1]) }, nodes: [flat], outputs: ["y"] },
      nhwc,
    );
    expect(ops(graph)).toBe("Conv Transpose Reshape");
  });
});

describe.each([1, 2, 4])("%i channels", (count) => {
  const channels = channelsFor(count)!;
  const p: Preprocessing = { ...base, channels, mean: Array(count).fill(20), std: Array(count).fill(50) };
  const luma = (r: number, g: number, b: number) => 0.299 * r + 0.587 * g + 0.114 * b;

  test.each(["NCHW", "NHWC"] as const)("are made of RGB: %s", async (layout) => {
    const image = uniformTensor([1, 3, H, W], 7);
    const [r, g, b] = [0, 1, 2].map((c) => (image.data as Float32Array).subarray(c * H * W, (c + 1) * H * W)) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const at = (i: number) => ({ gray: [luma(r[i]!, g[i]!, b[i]!)], "gray+alpha": [luma(r[i]!, g[i]!, b[i]!), 1], RGBA: [r[i]!, g[i]!, b[i]!, 1] })[channels as "gray"]; // prettier-ignore
    const planes = Array.from({ length: count }, (_, c) => Array.from({ length: H * W }, (_, i) => (at(i)[c]! * 255 - 20) / 50));
    const nchw = f32(planes.flat(), [1, count, H, W]);
    const nhwc = layout === "NHWC";
    const spec: GraphSpec = {
      inputs: { x: nhwc ? [1, H, W, count] : [1, count, H, W] },
      constants: { W: randomTensor([4, count, 3, 3], 2) },
      nodes: [
        ...(nhwc ? [{ op: "Transpose", inputs: ["x"], outputs: ["t"], attrs: { perm: [0, 3, 1, 2] } }] : []),
        { op: "Conv", inputs: [nhwc ? "t" : "x", "W"], outputs: ["y"], attrs: { pads: [1, 1, 1, 1] } },
      ],
      outputs: ["y"],
    };
    const canonical = canonicalise(smallGraph(spec), { preprocessing: { ...p, layout } });
    expect(canonical.inputs).toMatchObject([{ name: "image", shape: [1, 3, H, W] }]);
    const x = nhwc ? transposed(nchw, [0, 2, 3, 1]) : nchw;
    const expected = await runModelBytes(writeModel(smallGraph(spec)), { x });
    const actual = await runModelBytes(writeModel(canonical), { image });
    expect(relativeDifference(actual.y!, expected.y!)).toBeLessThan(1e-5);
  });
});

test("as many channels as the network has, or a refusal with both numbers", () => {
  const graph = smallGraph({
    inputs: { x: [1, 1, H, W] },
    nodes: [{ op: "Relu", inputs: ["x"], outputs: ["y"] }],
    outputs: ["y"],
  });
  expect(() => canonicalise(graph, { preprocessing: base })).toThrow(
    'Input "x" [1, 1, 6, 5] has 1 channels, but BGR pictures have 3. Correct the model\'s card: channels, or layout NCHW.',
  );
});

test("a size of rows and columns fills open dimensions", () => {
  const graph = smallGraph({
    inputs: { x: ["N", 3, "h", "w"] },
    nodes: [{ op: "Relu", inputs: ["x"], outputs: ["y"] }],
    outputs: ["y"],
  });
  expect(canonicalise(graph, { preprocessing: { ...base, size: [48, 320] } }).types.get("y")?.shape).toEqual([1, 3, 48, 320]);
});

test("a card that cannot be right is refused", () => {
  const graph = smallGraph(conv([0, 0, 0, 0], true));
  expect(() => canonicalise(graph, { preprocessing: { ...base, std: [1, 1, 0] } })).toThrow(
    "Preprocessing with mean [104, 117, 123] and std [1, 1, 0]: BGR needs 3 numbers each, std above 0.",
  );
});
