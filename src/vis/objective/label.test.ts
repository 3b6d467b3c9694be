import { expect, test } from "vitest";
import { labelOf } from "./label";
import type { Objective } from "./types";

const layer = "mixed";

test.each<[Objective, string]>([
  [{ kind: "channel", layer, channel: 42 }, "mixed, channel 42"],
  [{ kind: "neuron", layer, channel: 1 }, "mixed, channel 1 at the centre"],
  [{ kind: "neuron", layer, channel: 1, x: 2, y: 3 }, "mixed, channel 1 at (2, 3)"],
  [{ kind: "direction", layer, vector: [0, 1, -0.5] }, "mixed, channels 1 x 1 + -0.5 x 2"],
  [{ kind: "direction", layer, vector: [1, 1, 1, 1, 1] }, "mixed, a direction over 5 channels"],
])("the label of %j", (objective, label) => expect(labelOf(objective)).toBe(label));
