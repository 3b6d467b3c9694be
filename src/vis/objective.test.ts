import { describe, expect, test } from "vitest";
import { encode, labelOf, validateObjective, type Objective } from "./objective";

const shape = { channels: 3, height: 2, width: 4 };
const layer = "mixed";

describe("encode", () => {
  test("channel: one channel, mean over positions", () => {
    const { direction, mask } = encode({ kind: "channel", layer, channel: 1 }, shape);
    expect(Array.from(direction)).toEqual([0, 1, 0]);
    expect(Array.from(mask)).toEqual(Array(8).fill(1 / 8));
  });

  test("neuron: one position, the centre by default", () => {
    const at = (o: { x?: number; y?: number }) => encode({ kind: "neuron", layer, channel: 2, ...o }, shape).mask.indexOf(1);
    expect(at({})).toBe(1 * 4 + 2);
    expect(at({ x: 3, y: 0 })).toBe(3);
    expect(encode({ kind: "neuron", layer, channel: 2 }, shape).mask.filter((v) => v !== 0)).toHaveLength(1);
  });

  test("direction: the vector itself", () => {
    const { direction, mask } = encode({ kind: "direction", layer, vector: [1, -0.5, 0] }, shape);
    expect(Array.from(direction)).toEqual([1, -0.5, 0]);
    expect(mask[7]).toBe(1 / 8);
  });

  test.each<[Objective, string]>([
    [{ kind: "channel", layer, channel: 3 }, 'layer "mixed" has 3 channels, numbered 0 to 2; 3 is not one of them.'],
    [{ kind: "channel", layer, channel: 0.5 }, 'layer "mixed" has 3 channels, numbered 0 to 2; 0.5 is not one of them.'],
    [
      { kind: "neuron", layer, channel: 0, x: 4, y: 0 },
      'position x = 4 is outside layer "mixed", whose grid is 4 x 2 at this size; choose 0 to 3.',
    ],
    [
      { kind: "neuron", layer, channel: 0, x: 0, y: 2 },
      'position y = 2 is outside layer "mixed", whose grid is 4 x 2 at this size; choose 0 to 1.',
    ],
    [{ kind: "direction", layer, vector: [1, 2] }, 'the direction has 2 numbers, but layer "mixed" has 3 channels.'],
    [{ kind: "direction", layer, vector: [0, 0, 0] }, 'the direction for layer "mixed" must hold finite numbers, not all zero.'],
  ])("%j", (objective, message) => expect(() => encode(objective, shape)).toThrow(message));
});

describe("validateObjective", () => {
  test.each<Objective>([
    { kind: "channel", layer, channel: 0 },
    { kind: "neuron", layer, channel: 0 },
    { kind: "neuron", layer, channel: 0, x: 1, y: 2 },
    { kind: "direction", layer, vector: [1, 2] },
  ])("%j is one", (objective) => expect(validateObjective(structuredClone(objective))).toEqual(objective));

  test.each<[unknown, string]>([
    [null, "an objective must be a JSON object"],
    [[], "an objective must be a JSON object"],
    [{ kind: "dream", layer }, 'objective kind "dream" is not known; use channel, neuron, direction.'],
    [{ layer, channel: 1 }, "objective kind undefined is not known"],
    [{ kind: "toString", layer }, 'objective kind "toString" is not known'],
    [{ kind: "channel", channel: 1 }, 'objective field "layer" is undefined; it must be a layer\'s name.'],
    [{ kind: "channel", layer, channel: "1" }, 'objective field "channel" is "1"; it must be a whole number of at least 0.'],
    [{ kind: "channel", layer, channel: -1 }, 'objective field "channel" is -1'],
    [{ kind: "channel", layer, channel: 1, x: 0 }, 'objective field "x" is not known; a channel has layer, channel.'],
    [{ kind: "direction", layer, vector: [1, "2"] }, 'objective field "vector" is [1,"2"]; it must be a list of numbers'],
  ])("%j is none", (json, message) => expect(() => validateObjective(json)).toThrow(message));
});

test.each<[Objective, string]>([
  [{ kind: "channel", layer, channel: 42 }, "mixed, channel 42"],
  [{ kind: "neuron", layer, channel: 1 }, "mixed, channel 1 at the centre"],
  [{ kind: "neuron", layer, channel: 1, x: 2, y: 3 }, "mixed, channel 1 at (2, 3)"],
  [{ kind: "direction", layer, vector: [0, 1, -0.5] }, "mixed, channels 1 x 1 + -0.5 x 2"],
  [{ kind: "direction", layer, vector: [1, 1, 1, 1, 1] }, "mixed, a direction over 5 channels"],
])("the label of %j", (objective, label) => expect(labelOf(objective)).toBe(label));
