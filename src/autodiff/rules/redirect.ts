/**
 * Lucid's redirected gradients (lucid/misc/redirected_relu_grad.py, Olah et al. 2017), in the ascent convention.
 *
 * A unit that is off for the whole starting noise has no gradient and would stay off for ever. So, image by image, where the true
 * gradient through an activation is zero everywhere, what would bring its input back towards the active range passes instead.
 * This is no gradient of anything: it is for the first steps only.
 */
import type { GraphBuilder } from "../../onnx/builder";
import type { Value } from "../../onnx/graph";
import { constant, type VjpContext, type VjpRule } from "../rule";
import { clip, relu } from "./activations";

/** g where any of it is non-zero within its image, else `instead`. */
function redirect(b: GraphBuilder, g: Value, instead: Value): Value {
  const axes = g.shape.flatMap((_, i) => (i > 0 ? [i] : []));
  const alive = b.greater(b.reduceMax(b.abs(g), axes), 0);
  return b.where(alive, g, instead);
}

/** Relu: where nothing passes, X <= 0 wherever dY is not zero, so what raises X is max(dY, 0). */
export const redirectedRelu: VjpRule = (c) => {
  const [g] = relu(c) as [Value];
  return [redirect(c.b, g, c.b.relu(c.dy))];
};

/** Clip: below the range what raises X passes, above it what lowers X. */
export const redirectedClip: VjpRule = (c) => {
  const [g] = clip(c) as [Value];
  const { b, x: [X], dy } = c; // prettier-ignore
  const rising = b.relu(dy);
  const high = upperBound(c);
  if (high === Infinity) return [redirect(b, g, rising)];
  return [redirect(b, g, b.where(b.greater(X, high), b.neg(b.relu(b.neg(dy))), rising))];
};

const upperBound = (c: VjpContext): number => (c.node.inputs[2] ? constant(c, c.x[2], "upper bound")[0]! : Infinity);
