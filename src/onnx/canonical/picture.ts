/**
 * The picture input: a card's preprocessing becomes part of the graph, which then takes "image" [N, 3, H, W], RGB in 0..1.
 *
 *   n[c] = (image[source c] * range - mean[c]) / std[c] = scale[c] * image[source c] + shift[c]
 *
 * Scale and order are linear and leave zero padding alone, so a first Conv can absorb them; the shift only without padding.
 * Where anything else reads the picture first, a Mul and an Add do it, or a 1x1 Conv when the channels change order.
 */
import type { GraphBuilder } from "../builder";
import type { Node, Value } from "../graph";
import type { Preprocessing } from "../preprocessing";
import { f32 } from "../tensor";
import { AUX, type Affine, type Surroundings } from "./site";

export const IMAGE = "image";

/** The network's channels in terms of the picture's. Throws Error when the card does not describe three channels. */
export function affineOf({ channels, range, mean, std }: Preprocessing): Affine {
  if (mean.length !== 3 || std.length !== 3 || std.some((x) => !(x > 0)))
    throw new Error(
      `Preprocessing with mean [${mean.join(", ")}] and std [${std.join(", ")}]: three numbers each are needed, std above 0.`,
    );
  return {
    source: channels === "BGR" ? [2, 1, 0] : [0, 1, 2],
    scale: std.map((s) => range / s),
    shift: mean.map((m, c) => -m / std[c]! || 0),
  };
}

/** The Conv that alone reads the picture `name` and can absorb its scale and channel order. */
export function absorbingConv(around: Surroundings, name: string): Node | undefined {
  const conv = around.soleConsumer(name);
  if (conv?.op !== "Conv" || conv.inputs[0] !== name || (conv.attrs.group ?? 1) !== 1) return undefined;
  const constants = conv.inputs.slice(1).map((input) => input === "" || around.constantNamed(input));
  const weight = around.constantNamed(conv.inputs[1]!);
  return constants.every(Boolean) && weight?.shape[1] === 3 ? conv : undefined;
}

/** Emits what leads from the picture to the network's own convention. */
export function preprocess(b: GraphBuilder, image: Value, { source, scale, shift }: Affine, nhwc: boolean): Value {
  const name = (step: string) => ({ name: `${IMAGE}${AUX}${step}` });
  const uniform = (xs: readonly number[]) => xs.every((x) => x === xs[0]);
  const perChannel = (xs: readonly number[], step: string) =>
    uniform(xs) ? b.scalar(xs[0]!) : b.constant(f32(xs, [1, 3, 1, 1]), `${IMAGE}${AUX}${step}`);
  let x = image;
  if (source.some((r, c) => r !== c)) {
    const W = new Float32Array(9);
    source.forEach((r, c) => (W[3 * c + r] = scale[c]!));
    const weight = b.constant(f32(W, [3, 3, 1, 1]), name("W").name);
    const attrs = { kernel_shape: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group: 1 };
    x = b.node("Conv", [x, weight, b.constant(f32(shift), name("B").name)], attrs, name("channels"));
  } else {
    if (scale.some((a) => a !== 1)) x = b.node("Mul", [x, perChannel(scale, "scale")], {}, name("scaled"));
    if (shift.some((d) => d !== 0)) x = b.node("Add", [x, perChannel(shift, "shift")], {}, name("shifted"));
  }
  return nhwc ? b.node("Transpose", [x], { perm: [0, 2, 3, 1] }, name("nhwc")) : x;
}
