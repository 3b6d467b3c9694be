/**
 * Guided backpropagation (Springenberg et al. 2014) and DeconvNet (Zeiler and Fergus 2014): what comes back through a rectifier is
 * rectified itself. Both draw edges rather than reasons (Adebayo et al. 2018, Nie et al. 2018): they are here to be compared with.
 *
 *   gradient  dX = dY where X > 0      guided  dX = max(dY, 0) where X > 0      deconv  dX = max(dY, 0)
 */
import type { RuleTable, VjpRule } from "../../autodiff/rule";
import { rules } from "../../autodiff/rules";
import { activations } from "../../autodiff/rules/activations";

/** What stands in a rectifier's place in the networks of today. */
const RECTIFIERS = ["Relu", "Clip", "LeakyRelu", "PRelu", "Elu", "Gelu", "HardSwish", "Softplus"] as const;

const forRectifiers = (change: (rule: VjpRule) => VjpRule): RuleTable =>
  Object.fromEntries(RECTIFIERS.map((op) => [op, change(activations[op])]));

export const guided: RuleTable = {
  ...rules,
  ...forRectifiers((rule) => (c) => rule({ ...c, dy: c.b.relu(c.dy) })),
};

export const deconv: RuleTable = {
  ...rules,
  ...forRectifiers(() => ({ b, dy }) => [b.relu(dy)]),
};
