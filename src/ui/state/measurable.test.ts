/** What of an objective photos can be compared by. */
import { expect, test } from "vitest";
import type { Objective } from "../../vis/objective/types";
import { differs, measurable } from "./measurable";

const unit: Objective = { kind: "channel", layer: "conv", channel: 1 };
const other: Objective = { ...unit, channel: 2 };
const penalty: Objective = { kind: "scale", by: -2, of: { kind: "totalVariation" } };
const apart: Objective = { kind: "scale", by: -1, of: { kind: "diversity", layer: "conv" } };

test.each<[Objective, Objective | null]>([
  [unit, unit],
  [
    { kind: "scale", by: -1, of: unit },
    { kind: "scale", by: -1, of: unit },
  ],
  [{ kind: "sum", of: [unit, penalty, apart] }, unit],
  [
    { kind: "sum", of: [unit, other, penalty] },
    { kind: "sum", of: [unit, other] },
  ],
  [{ kind: "each", of: [other, unit] }, other],
  [{ kind: "interpolate", from: unit, to: other }, unit],
  [apart, null],
  [{ kind: "sum", of: [penalty] }, null],
])("%j", (objective, left) => expect(measurable(objective)).toEqual(left));

test("pictures of a batch repeat one objective unless it says otherwise", () => {
  expect([unit, { kind: "sum", of: [unit, apart] } as Objective].map(differs)).toEqual([false, false]);
  const each: Objective = { kind: "each", of: [unit, other] };
  expect(
    [each, { kind: "sum", of: [each, penalty] }, { kind: "scale", by: 2, of: each }].map((o) => differs(o as Objective)),
  ).toEqual([true, true, true]);
});
