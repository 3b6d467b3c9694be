/** Receptive fields against published numbers, and against what the network itself says: which pixels its gradient reaches. */
import { describe, expect, test } from "vitest";
import { alexnet, vgg } from "../../test/architectures/alexnet";
import { googlenet } from "../../test/architectures/googlenet";
import { inceptionV3 } from "../../test/architectures/inceptionV3";
import { inceptionV4 } from "../../test/architectures/inceptionV4";
import { runGraph } from "../../test/runGraph";
import { gradient } from "../autodiff/gradient";
import { seeded } from "../vis/random";
import { GraphBuilder } from "./builder";
import { canonicalise } from "./canonicalise";
import { sizeOf, type Value } from "./graph";
import { fieldAt, fieldSize, receptiveFields } from "./receptiveField";
import { f32 } from "./tensor";

const sizes = ({ build, preprocessing }: typeof googlenet, layers: readonly string[]) => {
  const graph = canonicalise(build(), { preprocessing, until: layers });
  const fields = receptiveFields(graph);
  return graph.outputs.map((name) => fieldSize(fields.get(name)!)?.join(" x "));
};

describe("published numbers", () => {
  test.each([
    ["AlexNet, Araujo et al. 2019", alexnet, "pool5_1", 195],
    ["Inception v3, Araujo et al. 2019", inceptionV3, "/Mixed_7c/Concat_2_output_0", 1311],
    ["Inception v4, Araujo et al. 2019", inceptionV4, "/features/features.21/Concat_2_output_0", 2071],
    ["VGG 19", vgg, "vgg0_relu15_fwd", 252],
  ] as const)("%s", (_, architecture, layer, pixels) => {
    expect(sizes(architecture, [layer])).toEqual([`${pixels} x ${pixels}`]);
  });

  test("GoogLeNet, by the kernels and strides of Szegedy et al. 2014, table 1", () => {
    const modules = ["3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"];
    const expected = [59, 91, 171, 235, 299, 363, 427, 587, 715];
    const layers = ["conv1/7x7_s2_2", "conv2/3x3_2", ...modules.map((m) => `inception_${m}/output_1`)];
    expect(sizes(googlenet, layers)).toEqual([7, 19, ...expected].map((n) => `${n} x ${n}`));
    expect(sizes(googlenet, ["prob_1"])).toEqual([undefined]);
  });
});

const SIZE = [29, 31] as const;

/** The smallest rectangle around the pixels that reach a position, by the gradient with every weight positive. */
async function reached(build: (b: GraphBuilder, x: Value, w: (shape: number[]) => Value) => Value, at: [number, number]) {
  const b = new GraphBuilder();
  const random = seeded(1, "weights");
  const weight = (shape: number[]): Value =>
    b.constant(f32(Float32Array.from({ length: sizeOf(shape) }, () => 0.5 + random.uniform()), shape)); // prettier-ignore
  const x = b.input("x", "float32", [1, 1, ...SIZE]);
  const y = build(b, x, weight);
  const graph = b.build("net", [y]);
  const [, channels, rows, columns] = y.shape as [number, number, number, number];
  const cotangent = new Float32Array(channels * rows * columns);
  for (let c = 0; c < channels; c++) cotangent[(c * rows + at[0]) * columns + at[1]] = 1;
  const input = Float32Array.from({ length: sizeOf(SIZE) }, (_, i) => ((i * 37) % 101) / 101);
  const { grad } = await runGraph(gradient(graph, { of: y.name, wrt: "x" }), {
    x: f32(input, [1, 1, ...SIZE]),
    cotangent: f32(cotangent, y.shape),
  });
  const lit = [...(grad!.data as Float32Array)].flatMap((v, i) =>
    v !== 0 ? [[Math.floor(i / SIZE[1]), i % SIZE[1]] as const] : [],
  );
  const [ys, xs] = [lit.map(([row]) => row), lit.map(([, column]) => column)];
  const found = { top: Math.min(...ys), bottom: Math.max(...ys) + 1, left: Math.min(...xs), right: Math.max(...xs) + 1 };
  const said = fieldAt(receptiveFields(graph).get(y.name)!, at, SIZE);
  const clip = (v: number, most: number) => Math.min(most, Math.max(0, v));
  const predicted = {
    top: clip(said.top, SIZE[0]),
    bottom: clip(said.bottom, SIZE[0]),
    left: clip(said.left, SIZE[1]),
    right: clip(said.right, SIZE[1]),
  };
  return { found, predicted };
}

const square = (k: number, pad = 0, stride = 1, dilation = 1) => ({
  kernel_shape: [k, k],
  pads: [pad, pad, pad, pad],
  strides: [stride, stride],
  dilations: [dilation, dilation],
  group: 1,
});

describe("what a gradient reaches", () => {
  test.each<[string, Parameters<typeof reached>[0], [number, number]]>([
    ["strides, dilations and uneven paddings", (b, x, w) => {
      const one = b.conv(x, w([2, 1, 3, 5]), null, { ...square(3), kernel_shape: [3, 5], pads: [1, 0, 2, 3], strides: [2, 1] });
      return b.conv(one, w([1, 2, 3, 3]), null, square(3, 2, 1, 2));
    }, [6, 9]],
    ["branches", (b, x, w) => b.concat([
      b.conv(x, w([1, 1, 1, 1]), null, square(1)),
      b.conv(x, w([2, 1, 5, 5]), null, square(5, 2)),
      b.node("AveragePool", [x], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [1, 1], ceil_mode: 0, count_include_pad: 1 }),
    ], 1), [11, 12]],
    ["padding and cutting", (b, x, w) =>
      b.conv(b.slice(b.pad(x, [0, 0, 3, 1, 0, 0, 0, 2]), [2, 1], [32, 30], [2, 3], [1, 2]), w([1, 1, 3, 3]), null, square(3)), [5, 6]],
  ])("%s", async (_, build, at) => {
    const { found, predicted } = await reached(build, at);
    expect(predicted).toEqual(found);
  }); // prettier-ignore

  test("a transposed convolution: up to one of its inputs more, for a span does not tell odd places from even ones", async () => {
    const places: [number, number][] = [[9, 14], [10, 15]]; // prettier-ignore
    for (const at of places) {
      const { found, predicted } = await reached((b, x, w) => {
        const half = b.conv(x, w([2, 1, 3, 3]), null, square(3, 1, 2));
        return b.convTranspose(half, w([2, 1, 4, 4]), { ...square(4, 1, 2), output_padding: [0, 0] });
      }, at);
      for (const side of ["top", "left"] as const) expect([0, 1]).toContain(found[side] - predicted[side]);
      for (const side of ["bottom", "right"] as const) expect([0, 1]).toContain(predicted[side] - found[side]);
    }
  });

  test("a gate that looks everywhere is noted, and the place kept", () => {
    const b = new GraphBuilder();
    const x = b.input("x", "float32", [1, 4, 8, 8]);
    const gated = b.mul(b.node("MaxPool", [x], square(2, 0, 2)), b.sigmoid(b.reduceMean(x, [2, 3])));
    const field = receptiveFields(b.build("gate", [gated])).get(gated.name)!;
    expect(field).toEqual({ spans: [0, 1].map(() => ({ jump: 2, from: 0, to: 1 })), everywhere: true });
    expect(fieldAt(field, [1, 3], [8, 8])).toEqual({ top: 2, bottom: 4, left: 6, right: 8 });
  });
});
