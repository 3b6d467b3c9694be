import { describe, expect, test } from "vitest";
import type { Objective } from "./types";
import { validateObjective } from "./validate";

const layer = "mixed";

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
    [{ kind: "dream", layer }, 'objective kind "dream" is not known; use channel, neuron, direction,'],
    [{ layer, channel: 1 }, "objective kind undefined is not known"],
    [{ kind: "toString", layer }, 'objective kind "toString" is not known'],
    [{ kind: "channel", channel: 1 }, 'objective field "layer" is undefined; it must be a layer\'s name.'],
    [{ kind: "channel", layer, channel: "1" }, 'objective field "channel" is "1"; it must be a whole number of at least 0.'],
    [{ kind: "channel", layer, channel: -1 }, 'objective field "channel" is -1'],
    [{ kind: "channel", layer, channel: 1, x: 0 }, 'objective field "x" is not known; a channel has layer, channel.'],
    [{ kind: "direction", layer, vector: [1, "2"] }, 'objective field "vector" is [1,"2"]; it must be a list of numbers'],
  ])("%j is none", (json, message) => expect(() => validateObjective(json)).toThrow(message));
});
