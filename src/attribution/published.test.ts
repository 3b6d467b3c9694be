/**
 * Networks of a few numbers whose attributions are published: in the paper on integrated gradients (Sundararajan et al. 2017, figure 6), and in
 * the tests of Captum (deep_lift, lrp). The numbers are theirs.
 */
import { describe, expect, test } from "vitest";
import { answer, asTheyAre, channelOfY, listOf, network, probeOf, sumOf, three } from "../../test/attributionRig";
import { f32 } from "../onnx/tensor";
import type { Tensor } from "../onnx/graph";
import type { AttributionMethod } from "./types";

const POINT = [1, 1] as const;
const close = (actual: readonly number[], expected: readonly number[], digits = 4) => {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, digits));
};
const dense = (input: string, weight: string, output: string) => ({ op: "MatMul", inputs: [input, weight], outputs: [output] });
const relu = (input: string, output: string) => ({ op: "Relu", inputs: [input], outputs: [output] });
const flat = { op: "Flatten", inputs: ["x"], outputs: ["f"], attrs: { axis: 1 } };
const matrix = (rows: number[][]): Tensor => f32(rows.flat(), [rows.length, rows[0]!.length]);

describe("ReLU(ReLU(x1) - 1 - ReLU(x2)) and ReLU(ReLU(x1 - 1) - ReLU(x2)), equal for every input", () => {
  const select = { A: matrix([[1], [0], [0]]), B: matrix([[0], [1], [0]]), one: f32(1, []) };
  const pieces = [flat, dense("f", "A", "a"), dense("f", "B", "b"), relu("b", "rb")];
  const f = network(
    POINT,
    [
      ...pieces,
      relu("a", "ra"),
      { op: "Sub", inputs: ["ra", "one"], outputs: ["m"] },
      { op: "Sub", inputs: ["m", "rb"], outputs: ["d"] },
      relu("d", "y"),
    ],
    select,
  );
  const g = network(
    POINT,
    [
      ...pieces,
      { op: "Sub", inputs: ["a", "one"], outputs: ["m"] },
      relu("m", "rm"),
      { op: "Sub", inputs: ["rm", "rb"], outputs: ["d"] },
      relu("d", "y"),
    ],
    select,
  );
  const of = async (graph: typeof f, method: AttributionMethod) =>
    listOf((await answer(probeOf(graph, channelOfY(), asTheyAre(POINT)), method, three(3, 1, 0))).map);

  test.each([
    ["f", f],
    ["g", g],
  ] as const)("integrated gradients of %s at (3, 1): 1.5, -0.5", async (_, graph) => {
    close(await of(graph, { name: "integratedGradients", points: 100 }), [1.5, -0.5, 0], 2);
  });

  test("DeepLIFT tells them apart, as the paper says: 1.5, -0.5 and 2, -1", async () => {
    close(await of(f, { name: "deepLift" }), [1.5, -0.5, 0]);
    close(await of(g, { name: "deepLift" }), [2, -1, 0]);
  });
});

describe("DeepLIFT", () => {
  test("2 ReLU(x1) + 2 ReLU(x2 - 1.5) at (1, 2): 2 and 1", async () => {
    const graph = network(
      POINT,
      [flat, { op: "Add", inputs: ["f", "shift"], outputs: ["s"] }, relu("s", "r"), dense("r", "W", "y")],
      { shift: f32([0, -1.5, 0], [1, 3]), W: matrix([[2], [2], [0]]) },
    );
    const { map, complete } = await answer(probeOf(graph, channelOfY(), asTheyAre(POINT)), { name: "deepLift" }, three(1, 2, 0));
    close(listOf(map), [2, 1, 0]);
    expect(complete).toBeCloseTo(3, 5);
  });

  test("of a maximum of four: all of the difference to the reference's winner", async () => {
    const size = [1, 4] as const;
    const pooled = { kernel_shape: [1, 4], strides: [1, 4] };
    const graph = network(size, [
      { op: "Conv", inputs: ["x", "W"], outputs: ["c"] },
      { op: "MaxPool", inputs: ["c"], outputs: ["y"], attrs: pooled },
    ], { W: f32([1, 0, 0], [1, 3, 1, 1]) }); // prettier-ignore
    const probe = probeOf(graph, channelOfY(), asTheyAre(size));
    const from = (values: number[]) => f32([...[1, 1, 1, 1], ...Array(8).fill(0), ...values, ...Array(8).fill(0)], [2, 3, 1, 4]);
    for (const [reference, expected] of [
      [
        [1, 2, 3, 9],
        [0, 0, 0, -8],
      ],
      [
        [4, 8, 6, 7],
        [0, -7, 0, 0],
      ],
    ] as const) {
      // prettier-ignore
      const { gradients } = await probe.gradients(from([...reference]), { kind: "deepLift" });
      close(listOf(gradients).slice(0, 4).map((m, k) => m * (1 - reference[k]!)), [...expected]); // prettier-ignore
    }
  });
});

describe("LRP of three ReLU(2 x1 + 2 x2 + 2 x3), tripled, at (1, 2, 3)", () => {
  const twoLayers = (first = 2, act = "Relu", w = 2, out = 3) =>
    network(POINT, [flat, dense("f", "V", "h"), { op: act, inputs: ["h"], outputs: ["r"] }, dense("r", "W", "y")], {
      V: matrix([[first, w, w], [w, w, w], [w, w, w]]), // prettier-ignore
      W: matrix([[out], [out], [out]]),
    });
  const relevance = async (graph: ReturnType<typeof twoLayers>, method: AttributionMethod) =>
    listOf((await answer(probeOf(graph, channelOfY(), asTheyAre(POINT)), method, three(1, 2, 3))).map);

  test("epsilon: 18, 36, 54", async () => {
    close(await relevance(twoLayers(), { name: "lrp", composite: "epsilon" }), [18, 36, 54], 3);
  });
  test("gamma = 1, with one weight -2: 28/3, 104/3, 52", async () => {
    close(await relevance(twoLayers(-2), { name: "lrp", composite: "gamma", gamma: 1 }), [28 / 3, 104 / 3, 52], 3);
  });
  test("z+ (alpha 1, beta 0), with one weight -2: 12, 33.6, 50.4", async () => {
    close(await relevance(twoLayers(-2), { name: "lrp", composite: "zPlus" }), [12, 33.6, 50.4], 3);
  });
  test("tanh passes on what it gets: 0.0269, 0.0537, 0.0806", async () => {
    close(await relevance(twoLayers(0.1, "Tanh", 0.1, 0.1), { name: "lrp", composite: "epsilon" }), [0.0269, 0.0537, 0.0806]);
  });
});

test("LRP of a sum with its own input: each part gets what it brought (10, 18)", async () => {
  const V = f32([5, 5, 0, 5, 5, 0, 0, 0, 0], [3, 3]);
  const graph = network(POINT, [flat, dense("f", "V", "h"), { op: "Add", inputs: ["h", "f"], outputs: ["y"] }], { V });
  const { map, score } = await answer(
    probeOf(graph, channelOfY(1), asTheyAre(POINT)),
    { name: "lrp", composite: "epsilon" },
    three(2, 3, 0),
  );
  close(listOf(map), [10, 18, 0], 3);
  expect(sumOf(map)).toBeCloseTo(score, 3);
});
