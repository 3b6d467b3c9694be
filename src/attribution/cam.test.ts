/** Class activation maps: closed forms, published numbers, and what the later half of a network says. */
import { describe, expect, test } from "vitest";
import { answer, asTheyAre, channelOfY, listOf, network, probeOf, sumOf } from "../../test/attributionRig";
import { randomTensor, relativeDifference, uniformTensor, type NodeSpec } from "../../test/smallGraph";
import { canonicalise } from "../onnx/canonicalise";
import { f32 } from "../onnx/tensor";
import { eigenCam, gradCam, gradCamPlusPlus, hiResCam, layerCam, xGradCam } from "./cam";
import { strongestChannels } from "./channels";
import { enlarged } from "./enlarge";
import { camLayer } from "./layers";

const SIZE = [12, 12] as const;
const picture = uniformTensor([1, 3, ...SIZE], 3);
const W = randomTensor([6, 3, 3, 3], 1, 0.4);
const V = randomTensor([6, 4], 2);
/** Convolution, rectifier "a" [6, 6, 6], mean, dense layer of four classes. */
const pooled: NodeSpec[] = [
  { op: "Conv", inputs: ["x", "W"], outputs: ["c"], attrs: { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [2, 2] } },
  { op: "Relu", inputs: ["c"], outputs: ["a"] },
  { op: "GlobalAveragePool", inputs: ["a"], outputs: ["m"] },
  { op: "Flatten", inputs: ["m"], outputs: ["f"], attrs: { axis: 1 } },
  { op: "MatMul", inputs: ["f", "V"], outputs: ["y"] },
];
const probe = probeOf(network(SIZE, pooled, { W, V }), channelOfY(2), asTheyAre(SIZE));
const classWeights = Array.from({ length: 6 }, (_, c) => Number(V.data[c * 4 + 2]));

describe("where a dense layer follows the mean", () => {
  /** CAM itself (Zhou et al. 2016): the dense layer's weights times the activations. */
  async function closedForm() {
    const { activations, gradients, scores } = await probe.layer(picture, "a");
    const A = activations.data as Float32Array;
    const cam = Array.from({ length: 36 }, (_, p) => classWeights.reduce((sum, w, c) => sum + (w * A[c * 36 + p]!) / 36, 0));
    return { activations, gradients, cam, score: scores[0]! };
  }

  test("Grad-CAM is the closed form, and so are XGrad-CAM and HiResCAM, whose sum is the score", async () => {
    const { activations, gradients, cam, score } = await closedForm();
    const rectified = f32(cam.map((v) => Math.max(0, v))); // prettier-ignore
    expect(rectified.data.some((v) => Number(v) === 0)).toBe(true);
    expect(relativeDifference(f32(gradCam(activations, gradients)), rectified)).toBeLessThan(1e-5);
    expect(relativeDifference(f32(xGradCam(activations, gradients)), rectified)).toBeLessThan(1e-4);
    const hiRes = hiResCam(activations, gradients);
    expect(relativeDifference(f32(hiRes), f32(cam))).toBeLessThan(1e-5);
    expect(hiRes.reduce((a, b) => a + b, 0)).toBeCloseTo(score, 4);
    expect(layerCam(activations, gradients).every((v, i) => v >= cam[i]! - 1e-6)).toBe(true);
  });

  test("Ablation-CAM weighs a channel with what its mean brings", async () => {
    const { activations, score } = await closedForm();
    const A = activations.data as Float32Array;
    const means = classWeights.map((_, c) => A.slice(c * 36, c * 36 + 36).reduce((a, b) => a + b, 0) / 36);
    const expected = Array.from(
      { length: 36 },
      (_, p) =>
      Math.max(0, classWeights.reduce((sum, w, c) => sum + ((w * means[c]!) / Math.abs(score)) * A[c * 36 + p]!, 0)), // prettier-ignore
    );
    const { map } = await answer(probe, { name: "ablationCam", layer: "a" }, picture);
    expect(map.shape).toEqual([...SIZE]);
    expect(relativeDifference(map, f32(enlarged(expected, [6, 6], SIZE), SIZE))).toBeLessThan(1e-3);
  });

  test("Score-CAM is a mean of activations, weighted by the softmax of scores", async () => {
    const { map } = await answer(probe, { name: "scoreCam", layer: "a", channels: 1 }, picture);
    const { activations } = await closedForm();
    const [only] = strongestChannels(activations, 1);
    const channel = (activations.data as Float32Array).slice(only! * 36, only! * 36 + 36);
    expect(relativeDifference(map, f32(enlarged(channel, [6, 6], SIZE), SIZE))).toBeLessThan(1e-6);
  });

  test("the later half of the network alone gives the whole network's scores and slopes", async () => {
    const { activations, gradients, scores } = await probe.layer(picture, "a");
    expect((await probe.scoresFrom(activations, picture, "a"))[0]).toBeCloseTo(scores[0]!, 5);
    const slopes = await probe.slopesFrom(activations, picture, "a");
    expect(relativeDifference(slopes.gradients, gradients)).toBeLessThan(1e-6);
  });
});

test("published: Captum's network of one convolution and one dense layer, 0 4 28 32.5", async () => {
  const size = [4, 4] as const;
  const kernel = Array.from({ length: 2 * 3 * 9 }, (_, i) => (Math.floor(i / 9) % 3 === 0 ? 1 : 0));
  const dense = Array.from({ length: 8 }, (_, i) => (i < 5 ? 1 : -1));
  const graph = network(
    size,
    [
      { op: "Conv", inputs: ["x", "W", "B"], outputs: ["c"], attrs: { kernel_shape: [3, 3] } },
      { op: "Relu", inputs: ["c"], outputs: ["a"] },
      { op: "Flatten", inputs: ["a"], outputs: ["f"], attrs: { axis: 1 } },
      { op: "MatMul", inputs: ["f", "V"], outputs: ["d"] },
      { op: "Relu", inputs: ["d"], outputs: ["y"] },
    ],
    { W: f32(kernel, [2, 3, 3, 3]), B: f32([-50, -75]), V: f32(dense, [8, 1]) },
  );
  const numbers = f32([...Array.from({ length: 16 }, (_, i) => i), ...Array<number>(32).fill(0)], [1, 3, 4, 4]);
  const { activations, gradients } = await probeOf(graph, channelOfY(), asTheyAre(size)).layer(numbers, "a");
  expect([...gradCam(activations, gradients)]).toEqual([0, 4, 28, 32.5]);
});

describe("by hand", () => {
  const A = f32([1, 2, 3, 4], [1, 2, 1, 2]);
  test("Grad-CAM++ of A = (1 2 | 3 4), G = (1 0 | -1 2)", () => {
    const G = f32([1, 0, -1, 2], [1, 2, 1, 2]);
    const [first, second] = [1 / (2 + 3), 8 / (8 + 7 * 8)];
    expect([...gradCamPlusPlus(A, G)]).toEqual([
      expect.closeTo(first + 3 * second, 5),
      expect.closeTo(2 * first + 4 * second, 5),
    ]);
  });
  test("Eigen-CAM of activations of rank one is their pattern, whatever their sign", () => {
    const pattern = [1, 3, 0, 2];
    const rows = (gains: number[]) => f32(gains.flatMap((g) => pattern.map((v) => g * v)), [1, 2, 2, 2]); // prettier-ignore
    for (const gains of [
      [3, 4],
      [-3, -4],
    ]) {
      // prettier-ignore
      const map = eigenCam(rows(gains), A);
      pattern.forEach((v, i) => expect(map[i]).toBeCloseTo(5 * v, 4));
    }
  });
  test("a grid is enlarged between its cells' centres; its mean stays", () => {
    expect([...enlarged([0, 1], [1, 2], [1, 4])]).toEqual([0, 0.25, 0.75, 1]);
    expect([...enlarged([5], [1, 1], [2, 3])]).toEqual([5, 5, 5, 5, 5, 5]);
  });
  test("silent channels are not worth a run", () => {
    expect(strongestChannels(f32([0, 0, 1, -1, 0, 3], [1, 3, 1, 2]), 9)).toEqual([2, 1]);
  });
});

describe("the layer that is taken when none is named", () => {
  test("the last one that is pooled", () => {
    expect(probe.layerName()).toBe("a");
  });
  test("there is none in a network of dense layers", () => {
    const flat = network([1, 1], [{ op: "Flatten", inputs: ["x"], outputs: ["f"], attrs: { axis: 1 } }, { op: "MatMul", inputs: ["f", "M"], outputs: ["y"] }], { M: randomTensor([3, 2], 1) }); // prettier-ignore
    const model = canonicalise(flat, { preprocessing: asTheyAre([1, 1]), until: ["y"] });
    expect(() => camLayer(model, ["y"])).toThrow("no layer before the target has a grid of positions");
  });
  test("a name that is none says which are near", async () => {
    await expect(probe.layer(picture, "aa")).rejects.toThrow(/no value "aa"/);
  });
});

test("maps are of the picture's size, and listed by name", async () => {
  const { map } = await answer(probe, { name: "gradCam" }, picture);
  expect(map.shape).toEqual([...SIZE]);
  expect(sumOf(map)).toBeGreaterThan(0);
  expect(listOf(map)).toHaveLength(144);
});
