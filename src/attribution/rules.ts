/** Other tables of rules for the same walk back (autodiff/gradient.ts), by the name of what they make. */
import type { RuleTable } from "../autodiff/rule";
import { rules } from "../autodiff/rules";
import type { GraphBuilder } from "../onnx/builder";
import type { Value } from "../onnx/graph";
import type { BackwardRules } from "./probe";
import { deepLift } from "./rules/deepLift";
import { deconv, guided } from "./rules/guided";
import { lrp } from "./rules/lrp";

/** The table for a graph whose forward half `b` holds; `image` is its picture. */
export function rulesFor(wanted: BackwardRules, b: GraphBuilder, image: Value): RuleTable {
  switch (wanted.kind) {
    case "gradient":
      return rules;
    case "guided":
      return guided;
    case "deconv":
      return deconv;
    case "deepLift":
      return deepLift;
    case "lrp":
      return lrp(wanted, b, image);
  }
}
