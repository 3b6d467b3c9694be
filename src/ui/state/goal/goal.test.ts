import { describe, expect, test } from "vitest";
import { validateObjective } from "../../../vis/schema/objective";
import type { Objective } from "../../../vis/objective/types";
import { PLAIN, type Goal, type Plan, type Unit } from "./goal";
import { readPlan, unitOf } from "./read";
import { isPlain, startOf, writeObjective } from "./write";

const unit: Unit = { layer: "mixed4c", kind: "channel", channel: 2, x: null, y: null, direction: "" };
const CHANNELS = 4;
const goals: Goal[] = [
  { kind: "unit" },
  { kind: "class", class: "tabby, tabby cat" },
  { kind: "class", class: 3 },
  { kind: "deepdream" },
  { kind: "sides", weight: 10 },
  { kind: "blend", to: { layer: "mixed3a", channel: 0 }, align: 0 },
  { kind: "blend", to: { layer: "mixed4c", channel: 1 }, align: 0.5 },
  {
    kind: "joint",
    terms: [
      { op: "-", weight: 2, layer: "mixed4c", channel: 2 },
      { op: "x", weight: 1, layer: "mixed3a", channel: 0 },
      { op: "+", weight: 0.5, layer: "mixed4c", channel: 1 },
    ],
  },
  { kind: "group", x: null, y: 1, width: 3, height: 2 },
  { kind: "painting", mask: [1, 0, 0, 1], grid: [2, 2] },
  { kind: "caricature", picture: "drawn:0", cosinePower: 1 },
  { kind: "inversion", picture: "sha256:ab" },
  { kind: "accentuate", picture: "drawn:1", near: 0 },
  { kind: "accentuate", picture: "drawn:1", near: 2 },
];
const plans = goals.flatMap((goal): Plan[] => [
  { ...PLAIN, goal },
  { ...PLAIN, goal, negative: true },
  { goal, negative: false, penalties: { l2: 5, totalVariation: 1 } },
  { goal, negative: true, penalties: { boundary: 0.1 } },
]);

describe("what a reader wants", () => {
  test.each(plans)("comes back from its objective: $goal.kind, negative $negative, $penalties", (plan) => {
    const objective = isPlain(plan) ? null : writeObjective(plan, unit, CHANNELS);
    if (objective) expect(validateObjective(JSON.parse(JSON.stringify(objective)))).toEqual(objective);
    expect(readPlan({ objective, start: startOf(plan) }, unit, CHANNELS)).toEqual(plan);
  });
  test.each<[string, Objective]>([
    [
      "a neuron among joint units",
      {
        kind: "sum",
        of: [
          { kind: "neuron", layer: "a", channel: 0 },
          { kind: "channel", layer: "a", channel: 1 },
        ],
      },
    ],
    ["another unit than the picker's", { kind: "scale", by: -1, of: { kind: "channel", layer: "other", channel: 2 } }],
    ["each", { kind: "each", of: [{ kind: "deepdream", layer: "mixed4c" }] }],
  ])("what the controls cannot show stays as it is: %s", (_, objective) => {
    expect(readPlan({ objective, start: null }, unit, CHANNELS).goal).toEqual({ kind: "json", objective });
  });
  test("products bind closer than sums", () => {
    const terms = [
      { op: "+", weight: 1, layer: "mixed4c", channel: 2 },
      { op: "+", weight: 1, layer: "b", channel: 0 },
      { op: "x", weight: 3, layer: "b", channel: 1 },
    ] as const;
    expect(writeObjective({ ...PLAIN, goal: { kind: "joint", terms } }, unit, CHANNELS)).toEqual({
      kind: "sum",
      of: [
        { kind: "channel", layer: "mixed4c", channel: 2 },
        {
          kind: "product",
          of: [
            { kind: "channel", layer: "b", channel: 0 },
            { kind: "scale", by: 3, of: { kind: "channel", layer: "b", channel: 1 } },
          ],
        },
      ],
    });
  });
});

test("an objective's unit is that of the first part that names a layer", () => {
  expect(unitOf({ kind: "sum", of: [{ kind: "l1" }, { kind: "neuron", layer: "a", channel: 3, x: 1 }] })).toEqual({
    layer: "a",
    kind: "neuron",
    channel: 3,
    x: 1,
    y: null,
  });
  expect(unitOf({ kind: "group", layer: "a", vector: [0, 0, 1], width: 2, height: 2 })).toEqual({
    layer: "a",
    kind: "channel",
    channel: 2,
  });
  expect(unitOf({ kind: "direction", layer: "a", vector: [0, 0.5, -1] })).toEqual({
    layer: "a",
    kind: "direction",
    direction: "1:0.5, 2:-1",
  });
  expect(unitOf({ kind: "class", class: "cat" })).toEqual({});
});
