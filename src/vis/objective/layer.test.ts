import { describe, expect, test } from "vitest";
import { feedsOf, planObjective } from "./program";
import type { Objective } from "./types";

const shape = { channels: 3, height: 2, width: 4 };
const layer = "mixed";

/** What a linear objective feeds: a direction [C] and a mask [H * W]. */
function encoded(objective: Objective, of: typeof shape) {
  const [direction, mask] = Object.values(feedsOf(planObjective(objective, 1), () => ({ ...of, copies: 1 })));
  return { direction: direction!.data as Float32Array, mask: mask!.data as Float32Array };
}

describe("linear objectives", () => {
  test("channel: one channel, mean over positions", () => {
    const { direction, mask } = encoded({ kind: "channel", layer, channel: 1 }, shape);
    expect(Array.from(direction)).toEqual([0, 1, 0]);
    expect(Array.from(mask)).toEqual(Array(8).fill(1 / 8));
  });

  test("neuron: one position, the centre by default", () => {
    const at = (o: { x?: number; y?: number }) => encoded({ kind: "neuron", layer, channel: 2, ...o }, shape).mask.indexOf(1);
    expect(at({})).toBe(1 * 4 + 2);
    expect(at({ x: 3, y: 0 })).toBe(3);
    expect(encoded({ kind: "neuron", layer, channel: 2 }, shape).mask.filter((v) => v !== 0)).toHaveLength(1);
  });

  test("direction: the vector itself", () => {
    const { direction, mask } = encoded({ kind: "direction", layer, vector: [1, -0.5, 0] }, shape);
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
  ])("%j", (objective, message) => expect(() => encoded(objective, shape)).toThrow(message));
});
