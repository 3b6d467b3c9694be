import { describe, expect, test } from "vitest";
import { runModelBytes } from "../../../test/runGraph";
import { randomTensor, relativeDifference } from "../../../test/smallGraph";
import { GraphBuilder } from "../../onnx/builder";
import type { StaticGraph, Value } from "../../onnx/graph";
import { writeModel } from "../../onnx/write";
import { lower } from "../lower";
import { wholeGroup } from "./groupedConv";

const run = (graph: StaticGraph, target: "wasm" | "webgpu", x: ReturnType<typeof randomTensor>) =>
  runModelBytes(writeModel(lower(graph, target)), { x });

function convolution(make: (b: GraphBuilder, x: Value) => Value, channels: number): StaticGraph {
  const b = new GraphBuilder();
  const y = make(b, b.input("x", "float32", [2, channels, 7, 6]));
  return b.build("convolution", [b.node("Identity", [y], {}, { outputNames: ["y"] })]);
}
const attrs = (group: number, k = 3) => ({ kernel_shape: [k, k], strides: [1, 1], dilations: [1, 1], pads: [1, 1, 1, 1], group });

describe("grouped convolutions in the form for WebGPU", () => {
  test.each([
    { group: 8, into: 1, perGroup: 9 },
    { group: 2, into: 3, perGroup: 6 },
    { group: 4, into: 2, perGroup: 5 },
  ])("group $group, $into in and $perGroup out of each: filled up, and the same values", async ({ group, into, perGroup }) => {
    for (const bias of [false, true]) {
      const graph = convolution((b, x) => {
        const w = b.constant(randomTensor([group * perGroup, into, 3, 3], 1));
        return b.conv(x, w, bias ? b.constant(randomTensor([group * perGroup], 2)) : null, attrs(group));
      }, group * into);
      const conv = lower(graph, "webgpu").nodes.find(({ op }) => op === "Conv")!;
      const filled = lower(graph, "webgpu").constants.get(conv.inputs[1]!)!;
      expect((filled.shape[0]! / group) % 4).toBe(0);
      const x = randomTensor([2, group * into, 7, 6], 3);
      const [plain, other] = [await run(graph, "wasm", x), await run(graph, "webgpu", x)];
      expect(other.y!.shape).toEqual(plain.y!.shape);
      expect(relativeDifference(other.y!, plain.y!)).toBeLessThan(1e-5);
    }
  });

  test("a ConvTranspose that becomes such a Conv is filled up too", async () => {
    const graph = convolution((b, x) => {
      const weights = b.constant(randomTensor([4, 6, 3, 3], 1)); // 2 groups of 2 in, 6 out
      return b.convTranspose(x, weights, { ...attrs(2), output_padding: [0, 0] });
    }, 4);
    const [conv] = lower(graph, "webgpu").nodes.filter(({ op }) => op === "Conv");
    expect(conv).toBeDefined();
    const x = randomTensor([2, 4, 7, 6], 3);
    expect(relativeDifference((await run(graph, "webgpu", x)).y!, (await run(graph, "wasm", x)).y!)).toBeLessThan(1e-5);
  });

  test("what the kernel gets right stays as it is", () => {
    expect([wholeGroup(9, 1), wholeGroup(1, 32), wholeGroup(3, 8), wholeGroup(4, 8), wholeGroup(12, 2)]).toEqual([
      9, 1, 3, 4, 12,
    ]);
    expect([wholeGroup(5, 2), wholeGroup(9, 8), wholeGroup(25, 8)]).toEqual([8, 12, 28]);
  });
});
