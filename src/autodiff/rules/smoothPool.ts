/**
 * A gentler gradient for max pooling (Lucid's smoothed_maxpool_grad): in the forward pass the maximum stays, in the backward pass every
 * value of the window has a share, larger for larger values. Pictures get less of the grid that a single winner of each window makes.
 *
 *   dX = the gradient of avg_pool(X^2) / (0.01 + avg_pool(|X|)):  2 X A'(dY / d) - sign(X) A'(dY a / d^2),  a = A(X^2), d = 0.01 + A(|X|)
 */
import { OpError, type Value } from "../../onnx/graph";
import { list, type RuleTable, type VjpContext, type VjpRule } from "../rule";
import { windows } from "./windows";

/** Keeps the quotient finite where a window is all zero. */
const EPSILON = 0.01;

export const smoothMaxPool: VjpRule = (c) => {
  const { b, node, x: [X], dy, attrs } = c; // prettier-ignore
  if (attrs.dilations !== undefined && list(c, "dilations").some((d) => d !== 1))
    throw new OpError(
      node,
      `dilations [${list(c, "dilations").join(", ")}] have no smooth gradient; choose "exact" for max pooling.`,
    );
  const window = Object.fromEntries(
    ["kernel_shape", "strides", "pads", "ceil_mode"].flatMap((name) => (attrs[name] === undefined ? [] : [[name, attrs[name]]])),
  );
  const averaged = { ...window, count_include_pad: 0 };
  const mean = (value: Value): Value => b.node("AveragePool", [value], averaged);
  const [squares, sizes] = [mean(b.mul(X, X)), b.add(mean(b.abs(X)), EPSILON)];
  const back = (cotangent: Value): Value => {
    const context: VjpContext = {
      ...c,
      y: [squares, ...c.y.slice(1)] as unknown as VjpContext["y"],
      dy: cotangent,
      attrs: averaged,
    };
    return windows.AveragePool(context)[0] as Value;
  };
  const share = b.div(dy, sizes);
  const upper = b.mul(b.mul(X, 2), back(share));
  const lower = b.mul(b.node("Sign", [X]), back(b.div(b.mul(share, squares), sizes)));
  return [b.sub(upper, lower)];
};

/** `base` with this gradient for max pooling. */
export const smoothed = (base: RuleTable): RuleTable => ({ ...base, MaxPool: smoothMaxPool });
