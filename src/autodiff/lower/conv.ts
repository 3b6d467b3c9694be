/**
 * ConvTranspose of stride 1 as a Conv: the same sums through the kernel that every backend tunes first.
 *
 *   X [N, M, ...]   W [M, C/group, ...k]   ->   Conv(X, W'), W' [C, M/group, ...k] = W with its two channel dimensions swapped
 *   within each group and its kernel turned by 180 degrees; pads become reach - 1 - pads, plus output_padding at the end.
 */
import { sizeOf, spatial, type Tensor } from "../../onnx/graph";
import { allocate, computed } from "../../onnx/tensor";
import type { Rewrite } from "../lower";

/** `rewriteConv` is what the backend makes of a Conv. Null (leave it be) unless the stride is 1, the weight is a constant, and the new padding is not negative. */
export const strideOneConvTranspose =
  (rewriteConv: Rewrite): Rewrite =>
  (context) => {
    const { b, node, x, attrs } = context;
    const [X, W, B] = x;
    const weight = b.constantOf(W!);
    const strides = attrs.strides as readonly number[];
    if (!weight || strides.some((s) => s !== 1)) return null;
    const rank = spatial(W!).length;
    const dilations = attrs.dilations as readonly number[];
    const pads = attrs.pads as readonly number[];
    const extra = (attrs.output_padding as readonly number[] | undefined) ?? strides.map(() => 0);
    const mirrored = pads.map((p, i) => {
      const axis = i % rank;
      const reach = (spatial(W!)[axis]! - 1) * dilations[axis]! + 1;
      return reach - 1 - p + (i >= rank ? extra[axis]! : 0);
    });
    if (mirrored.some((p) => p < 0)) return null;
    const group = attrs.group as number;
    const flipped = b.constant(turned(weight, group), `${W!.name}.turned`);
    const inputs = B ? [X!, flipped, B] : [X!, flipped];
    const asConv = { kernel_shape: spatial(W!), strides, dilations, pads: mirrored, group };
    return rewriteConv({ ...context, x: inputs, attrs: asConv }) ?? b.node("Conv", inputs, asConv, { name: node.name });
  };

function turned(weight: Tensor, group: number): Tensor {
  const [m, perGroup, ...kernel] = weight.shape as [number, number, ...number[]];
  const [k, rows] = [sizeOf(kernel), m / group];
  return computed(weight.dtype, [group * perGroup, rows, ...kernel], () => {
    const from = weight.data;
    const data = allocate(weight.dtype, from.length);
    for (let g = 0; g < group; g++)
      for (let r = 0; r < rows; r++)
        for (let c = 0; c < perGroup; c++)
          for (let i = 0; i < k; i++)
            data[((g * perGroup + c) * rows + r) * k + (k - 1 - i)] = from[((g * rows + r) * perGroup + c) * k + i]!;
    return data;
  });
}
