/**
 * The picture input: a card's preprocessing becomes part of the graph, which then takes "image" [N, 3, H, W], RGB in 0..1.
 *
 *   n[c] = (image[source c] * range - mean[c]) / std[c] = scale[c] * image[source c] + shift[c]      (gray: a mixture instead)
 *
 * Scale and order are linear and leave zero padding alone, so a first Conv can absorb them; the shift only without padding.
 * Where anything else reads the picture first, a Mul and an Add do it, or a 1x1 Conv when the channels change order or mix.
 */
import type { GraphBuilder } from "../builder";
import type { Node, Value } from "../graph";
import { mixOf, type Preprocessing } from "../preprocessing";
import { f32 } from "../tensor";
import { AUX, type Affine, type Surroundings } from "./site";

export const IMAGE = "image";

/** The network's channels in terms of the picture's, where each is one of them; undefined where it is a mixture. */
export function affineOf(preprocessing: Preprocessing): Affine | undefined {
  const { matrix, shift } = mixOf(preprocessing);
  const source = matrix.map((row) => row.findIndex((share) => share !== 0));
  const simple = matrix.length === 3 && matrix.every((row) => row.filter((share) => share !== 0).length === 1);
  return simple ? { source, scale: matrix.map((row, c) => row[source[c]!]!), shift } : undefined;
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
export function preprocess(b: GraphBuilder, image: Value, preprocessing: Preprocessing, turn: boolean): Value {
  const name = (step: string) => ({ name: `${IMAGE}${AUX}${step}` });
  const uniform = (xs: readonly number[]) => xs.every((x) => x === xs[0]);
  const perChannel = (xs: readonly number[], step: string) =>
    uniform(xs) ? b.scalar(xs[0]!) : b.constant(f32(xs, [1, 3, 1, 1]), `${IMAGE}${AUX}${step}`);
  const affine = affineOf(preprocessing);
  let x = image;
  if (affine?.source.every((r, c) => r === c)) {
    const { scale, shift } = affine;
    if (scale.some((a) => a !== 1)) x = b.node("Mul", [x, perChannel(scale, "scale")], {}, name("scaled"));
    if (shift.some((d) => d !== 0)) x = b.node("Add", [x, perChannel(shift, "shift")], {}, name("shifted"));
  } else {
    const { matrix, shift } = mixOf(preprocessing);
    const weight = b.constant(f32(matrix.flat(), [matrix.length, 3, 1, 1]), name("W").name);
    const attrs = { kernel_shape: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], group: 1 };
    x = b.node("Conv", [x, weight, b.constant(f32(shift), name("B").name)], attrs, name("channels"));
  }
  return turn ? b.node("Transpose", [x], { perm: [0, 2, 3, 1] }, name("nhwc")) : x;
}
