import { describe, expect, test } from "vitest";
import { ObjectiveError, type Objective } from "../objective/types";
import { validateObjective } from "./objective";

const layer = "mixed";
const channel = { kind: "channel", layer, channel: 0 } as const;

/** `depth` objectives in one another. */
const nested = (depth: number): Objective =>
  Array.from({ length: depth - 1 }).reduce<Objective>((of) => ({ kind: "scale", by: 1, of }), channel);

describe("validateObjective", () => {
  test.each<Objective>([
    channel,
    { kind: "neuron", layer, channel: 0 },
    { kind: "neuron", layer, channel: 0, x: 1, y: 2 },
    { kind: "direction", layer, vector: [1, 2] },
    { kind: "direction", layer, vector: Array<number>(8192).fill(1), cosinePower: 2 },
    { kind: "tensor", layer, tensor: [1, 2, 3, 4], shape: [1, 2, 2] },
    { kind: "group", layer, vector: [1], width: 2, height: 3 },
    { kind: "painting", layer, channel: 3, mask: [0, 1, 1, 0], grid: [2, 2] },
    { kind: "class", class: "タビー" },
    { kind: "class", class: 281 },
    { kind: "caricature", layer, picture: "drawn:0", cosinePower: 1 },
    { kind: "alignment", layer, decay: 2 },
    { kind: "interpolate", from: channel, to: { kind: "sum", of: [channel, { kind: "scale", by: -1, of: { kind: "l1" } }] } },
    { kind: "sum", of: Array<Objective>(255).fill(channel) },
    nested(8),
  ])("no. %# is one", (objective) => expect(validateObjective(structuredClone(objective))).toEqual(objective));

  test.each<[unknown, string]>([
    [null, "an objective must be a JSON object"],
    [[], "an objective must be a JSON object"],
    [{ kind: "dream", layer }, 'objective field "kind" is "dream"; it must be channel or neuron or direction or'],
    [{ layer, channel: 1 }, 'objective field "kind" is missing; it must be channel or neuron'],
    [{ kind: "toString", layer }, 'objective field "kind" is "toString"; it must be channel or'],
    [{ kind: "channel", channel: 1 }, 'objective field "layer" is missing; it must be a layer\'s name of 1 to 1000 letters.'],
    [{ ...channel, channel: "1" }, 'objective field "channel" is "1"; it must be a whole number from 0 to 1000000.'],
    [{ ...channel, channel: -1 }, 'objective field "channel" is -1'],
    [{ ...channel, x: 0 }, 'objective field "x" is not known; there are kind, layer, channel.'],
    [{ kind: "direction", layer, vector: [1, "2"] }, 'objective field "vector[1]" is "2"; it must be a number from -1000000 to'],
    [
      { kind: "direction", layer, vector: Array<number>(8193).fill(1) },
      "is a list of 8193; it must be a list of 1 to 8192 numbers",
    ],
    [{ kind: "tensor", layer, tensor: [1], shape: [1, 1] }, 'objective field "shape[2]" is missing; it must be a whole number'],
    [{ kind: "class", class: {} }, 'objective field "class" is an object; it must be a class\'s name or number.'],
    [{ kind: "class" }, 'objective field "class" is missing; it must be a class\'s name or number.'],
    [{ kind: "sum", of: [] }, 'objective field "of" is a list of 0; it must be a list of 1 to 256 objectives.'],
    [{ kind: "sum", of: [channel, { ...channel, channel: 0.5 }] }, 'objective field "of[1].channel" is 0.5'],
    [{ kind: "scale", by: -1 }, 'objective field "of" is missing; it must be an object with a kind.'],
    [{ kind: "scale", by: NaN, of: channel }, 'objective field "by" is NaN; it must be a number from -1000000 to 1000000.'],
    [nested(9), "objectives lie more than 8 deep in one another; at most 8 are allowed."],
    [{ kind: "sum", of: Array(256).fill(channel) }, "the objective has 257 or more parts; at most 256 are allowed."],
    [JSON.parse(`${'{"of":'.repeat(50_000)}1${"}".repeat(50_000)}`), "objectives lie more than 8 deep"],
    [
      { ...channel, layer: JSON.parse("[".repeat(50_000) + "]".repeat(50_000)) },
      'objective field "layer" is a list of 1; it must',
    ],
  ])("no. %# is none", (json, message) => {
    expect(() => validateObjective(json)).toThrow(ObjectiveError);
    expect(() => validateObjective(json)).toThrow(message);
  });

  test("a tensor of a million numbers is read in no time to speak of", () => {
    const tensor = Array.from({ length: 1_000_000 }, (_, i) => i % 7);
    const started = performance.now();
    validateObjective({ kind: "tensor", layer, tensor, shape: [100, 100, 100] });
    expect(performance.now() - started).toBeLessThan(5000);
  });
});
