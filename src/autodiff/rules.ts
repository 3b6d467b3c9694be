/**
 * The rule table: one entry per canonical operator, exhaustive by type.
 * Other tables for the same walk replace some entries: `redirected` here, guided or relevance rules elsewhere.
 */
import { CONSTANT_OPS, type ConstantOp, type DifferentiableOp } from "../onnx/ops";
import type { RuleTable, VjpRule } from "./rule";
import { activations } from "./rules/activations";
import { arithmetic } from "./rules/arithmetic";
import { einsum } from "./rules/einsum";
import { gridSample } from "./rules/gridSample";
import { indexing } from "./rules/indexing";
import { layout } from "./rules/layout";
import { redirectedClip, redirectedRelu } from "./rules/redirect";
import { reductions } from "./rules/reductions";
import { trigonometry } from "./rules/trigonometry";
import { windows } from "./rules/windows";

const differentiable: Readonly<Record<DifferentiableOp, VjpRule>> = {
  ...activations,
  ...trigonometry,
  ...arithmetic,
  ...windows,
  ...layout,
  ...indexing,
  ...reductions,
  Einsum: einsum,
  GridSample: gridSample,
};
const piecewiseConstant = Object.fromEntries(CONSTANT_OPS.map((op) => [op, "stops"])) as Readonly<Record<ConstantOp, "stops">>;

/** The true gradient. */
export const rules: RuleTable = { ...differentiable, ...piecewiseConstant };

/** Lucid's gradient for the first steps, which brings dead units to life. */
export const redirected: RuleTable = { ...rules, Relu: redirectedRelu, Clip: redirectedClip };
