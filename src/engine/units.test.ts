/** The engine's jobs on units, over WASM: a tiny network against plain loops, and GoogLeNet against what is known of its first layer. */
import { describe, expect, test } from "vitest";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { hasSharedData, SHARED_DATA } from "../../test/photos";
import { runGraph } from "../../test/runGraph";
import { LAYER, tinyCard, tinyModel } from "../../test/tinyModel";
import { readCatalog } from "../api/catalog";
import type { Picture, Progress } from "../api/engine";
import { canonicalise } from "../onnx/canonicalise";
import { readModel } from "../onnx/read";
import { tunedTo, tuningOf, unitResponses } from "../tuning/measures";
import { around, type Sweep } from "../tuning/sweep";
import { seeded } from "../vis/random";
import { networkInput } from "../vis/resample";
import { strongestInputs } from "../circuits/inputs";
import { Engine } from "./engine";
import { nodeRuntime } from "./ortNode";

const runtime = nodeRuntime(1);
let compiled = 0;
const engine = new Engine({
  readWeights: async (sha) => (sha === "tiny" ? tinyModel() : readFileSync(sha)),
  readLabels: async () => "",
  device: async () => ({ backend: "wasm", label: "WASM", reason: null }),
  makeRuntime: async () => ({ ...runtime, compile: (...args) => (compiled++, runtime.compile(...args)) }),
});
const random = seeded(3, "pictures");
const picture = (width: number, height: number): Picture => ({
  width,
  height,
  rgba: Uint8ClampedArray.from({ length: 4 * width * height }, () => random.integer(256)),
});
const pictures = [picture(40, 32), picture(32, 32), picture(20, 60), picture(64, 64), picture(32, 32)];
const base = { weights: "tiny", card: tinyCard, device: "auto" } as const;
const quiet = () => {};

describe("examine", () => {
  test("maximum, its place and mean of every unit, as loops over the activations find them", async () => {
    const { size, layers } = await engine.examine("1", { ...base, layers: ["relu1", LAYER], pictures }, quiet);
    expect(size).toEqual([32, 32]);
    expect(layers.map(({ layer, channels, grid }) => [layer, channels, grid])).toEqual([
      ["relu1", 8, [16, 16]],
      [LAYER, 16, [16, 16]],
    ]);
    const model = canonicalise(readModel(tinyModel(), "tiny"), {
      size: [32, 32],
      batch: 1,
      preprocessing: tinyCard.preprocessing,
      until: [LAYER],
    });
    for (const [n, { width, height, rgba }] of pictures.entries()) {
      const image = networkInput({ width, height, data: rgba, channels: 4 }, [32, 32]);
      const act = (await runGraph(model, { [model.inputs[0]!.name]: image }))[LAYER]!.data as Float32Array;
      for (let c = 0; c < 16; c++) {
        const own = [...act.subarray(c * 256, (c + 1) * 256)];
        const at = n * 16 + c;
        expect(layers[1]!.max[at]).toBeCloseTo(Math.max(...own), 4);
        expect(own[layers[1]!.argmax[at]!]).toBeCloseTo(Math.max(...own), 4);
        expect(layers[1]!.mean[at]).toBeCloseTo(own.reduce((a, b) => a + b) / 256, 4);
      }
    }
  });

  test("what was compiled is kept; progress counts pictures; a cancel is heard", async () => {
    const before = compiled;
    const events: Progress[] = [];
    await engine.examine("2", { ...base, layers: ["relu1", LAYER], pictures }, (p) => events.push(p));
    expect(compiled).toBe(before);
    expect(events.at(-1)).toEqual({ phase: "compare", done: 5, of: 5 });
    const many = engine.examine("3", { ...base, layers: ["relu1", LAYER], pictures: Array(400).fill(pictures[0]) }, (p) => {
      if (p.phase === "compare") engine.cancel("3");
    });
    await expect(many).rejects.toMatchObject({ name: "AbortError" });
  });
});

const models = resolve(import.meta.dirname, "../../public/models");
const cards = readCatalog(JSON.parse(readFileSync(join(models, "catalog.json"), "utf8"))).models;
const known = (id: string, file: string) => ({
  weights: file,
  card: cards.find((card) => card.id === id)!,
  device: "auto" as const,
});
const googlenet = () => known("googlenet", join(SHARED_DATA, "models/googlenet.onnx"));

describe("tune", () => {
  const gratings: Sweep = {
    kind: "grating",
    axes: [{ of: "orientation", values: around(180, 12) }],
    over: { of: "phase", values: [0, 90, 180, 270] },
    fixed: { frequency: 38 }, // about a cycle in 6 pixels
  };

  test.runIf(hasSharedData)(
    "GoogLeNet's first layer has units for every orientation, and they are those whose kernels say so",
    async () => {
      const { layers } = await engine.tune("g", { ...googlenet(), layers: ["conv2d0"], sweep: gratings }, quiet);
      const { responses, channels } = layers[0]!;
      expect([channels, responses.length]).toEqual([64, 12 * 64]);
      const W = readModel(readFileSync(googlenet().weights), "googlenet").constants.get("conv1_7x7_s2_w")!;
      const tuned = Array.from({ length: 64 }, (_, c) => ({ c, ...tuningOf(gratings, unitResponses(responses, 64, c)) }));
      const strongest = Math.max(...tuned.map(({ strongest }) => strongest));
      const oriented = tuned.filter((unit) => unit.axes[0]!.selectivity > 0.5 && unit.strongest > 0.2 * strongest);
      expect(oriented.length).toBeGreaterThan(12);
      for (const { c, axes } of oriented) {
        const off = Math.abs(axes[0]!.preferred - kernelOrientation(W.data as Float32Array, c, 38 / 224));
        expect(Math.min(off, 180 - off)).toBeLessThan(12);
      }
      for (const orientation of [0, 45, 90, 135]) {
        const [best] = tunedTo(gratings, responses, channels, { orientation });
        expect(best!.share).toBeGreaterThan(0.95);
        const { preferred } = tuned[best!.channel]!.axes[0]!;
        expect(Math.min(Math.abs(preferred - orientation), 180 - Math.abs(preferred - orientation))).toBeLessThan(10);
      }
    },
  );

  test("a sweep that cannot be shown is refused before anything is compiled", async () => {
    const before = compiled;
    const sweep: Sweep = { ...gratings, fixed: { frequency: 100 } };
    await expect(engine.tune("t", { ...base, layers: [LAYER], sweep }, quiet)).rejects.toMatchObject({
      name: "SweepError",
      message: "frequency 100 of a grating must be 0 to 16 cycles per picture in a picture of 32 x 32.",
    });
    expect(compiled).toBe(before);
  });
});

describe("connections", () => {
  test.runIf(hasSharedData)("GoogLeNet, mixed4b to mixed4c: the product of reduction and convolution, as multiplied out by hand", async () => {
    const unit = 128 + 17; // the 3 x 3 branch's
    const found = await engine.connections("c", { ...googlenet(), layer: "mixed4c", channel: unit }, quiet);
    expect(found.from).toMatchObject({ layer: "inception_4b_output", channels: 512, grid: [14, 14] });
    expect([found.extent, found.weights.length]).toEqual([[5, 5], 512 * 25]);
    expect(found.approximations.every(({ kind }) => kind === "rectifier" || kind === "pool")).toBe(true);
    const { constants } = readModel(readFileSync(googlenet().weights), "googlenet");
    const [reduce, three] = ["inception_4c_3x3_reduce_w", "inception_4c_3x3_w"].map((name) => constants.get(name)!);
    const [middle] = reduce!.shape as [number];
    for (const [input, row, column] of [[0, 1, 1], [300, 2, 2], [511, 3, 1], [77, 0, 4]] as const) {
      let expected = 0;
      for (let m = 0; m < middle && row > 0; m++)
        expected += Number(three!.data[((17 * middle + m) * 3 + row - 1) * 3 + column - 1]) * Number(reduce!.data[m * 512 + input]);
      expect(found.weights[(input * 5 + row) * 5 + column]).toBeCloseTo(expected, 5);
    }
    const [best] = strongestInputs(found.weights, 512, { by: "excitation", count: 1 });
    expect(best!.excitation).toBeGreaterThan(0.05);
  }); // prettier-ignore

  test("the model that comes with the app: through swish and squeeze-and-excite gates, which are named", async () => {
    const own = known("mobilenetv3-centernet", join(models, "mobilenetv3-centernet.onnx"));
    const found = await engine.connections("m", { ...own, layer: "block 14", channel: 3 }, quiet);
    expect(found.from.layer).toContain("expanded_conv_12/project");
    expect(found.extent).toEqual([5, 5]);
    expect(found.approximations.map(({ kind }) => kind)).toContain("gate");
    expect(found.weights.every(Number.isFinite)).toBe(true);
    // the block adds its input to what it makes: unit 3 is joined to unit 3 in the centre by about 1
    const centre = found.weights[(3 * 5 + 2) * 5 + 2]!;
    expect(centre).toBeGreaterThan(0.2);
    const picture = await engine.connections("p", { ...own, layer: "stem", channel: 0 }, quiet);
    expect([picture.from, picture.extent]).toEqual([{ layer: "image", channels: 3, grid: [512, 512] }, [3, 3]]);
  });

  test("a unit that is not there", async () => {
    await expect(engine.connections("x", { ...base, layer: LAYER, from: "relu1", channel: 16 }, quiet)).rejects.toMatchObject({
      message: 'layer "out" has units 0 to 15; 16 is not one of them.',
    });
  });
});

describe("similarity", () => {
  test("cosines of all units' weights, as of their kernels one by one", async () => {
    const request = { ...base, layer: LAYER, from: "relu1" };
    const { cosines, to } = await engine.similarity("s", request, quiet);
    expect([to.channels, cosines.length]).toEqual([16, 256]);
    const rows = [];
    for (let channel = 0; channel < 16; channel++) rows.push((await engine.connections("s", { ...request, channel }, quiet)).weights);
    const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
    for (const [a, b] of [[0, 0], [0, 5], [3, 12], [15, 9]] as const)
      expect(cosines[a * 16 + b]).toBeCloseTo(dot(rows[a]!, rows[b]!) / Math.sqrt(dot(rows[a]!, rows[a]!) * dot(rows[b]!, rows[b]!)), 4);
  }); // prettier-ignore
});

/** The orientation of the grating, of `frequency` cycles a pixel, that a kernel [64, 3, 7, 7] answers most strongly, by its transform. */
function kernelOrientation(W: Float32Array, c: number, frequency: number): number {
  const power = (degrees: number): number => {
    const [cos, sin] = [Math.cos((Math.PI * degrees) / 180), Math.sin((Math.PI * degrees) / 180)];
    let [re, im] = [0, 0];
    for (let rgb = 0; rgb < 3; rgb++)
      for (let row = 0; row < 7; row++)
        for (let column = 0; column < 7; column++) {
          const phase = 2 * Math.PI * frequency * (-row * cos - column * sin);
          const w = W[((c * 3 + rgb) * 7 + row) * 7 + column]!;
          re += w * Math.cos(phase);
          im += w * Math.sin(phase);
        }
    return re * re + im * im;
  };
  const degrees = Array.from({ length: 180 }, (_, i) => i);
  return degrees.reduce((best, d) => (power(d) > power(best) ? d : best), 0);
}
