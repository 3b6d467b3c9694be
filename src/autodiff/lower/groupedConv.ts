/**
 * Grouped convolutions that ONNX Runtime's WebGPU kernel gets right.
 *
 * It computes four output channels at once wherever a group has four or more, and all channels together are a multiple of four (or two at
 * once, of two), without asking whether the groups are: with nine channels in each of eight groups a vector straddles two groups and reads
 * the wrong inputs (seen in 1.30: 15 % of the outputs wrong, by more than their size). Groups are therefore filled up to a multiple of four
 * with kernels of zeros, and what these give is cut off again.
 */
import { sizeOf, spatial, type Tensor, type Value } from "../../onnx/graph";
import type { GraphBuilder } from "../../onnx/builder";
import { allocate, computed } from "../../onnx/tensor";
import type { Rewrite } from "../lower";

/** Output channels that the kernel takes together at most. */
const TOGETHER = 4;

/** Output channels of a group, filled up so that no vector straddles two groups. */
export const wholeGroup = (perGroup: number, group: number): number =>
  group === 1 || perGroup < TOGETHER ? perGroup : Math.ceil(perGroup / TOGETHER) * TOGETHER;

/** Null where the kernel is right as it is, or the weights are no constant. */
export const groupedConv: Rewrite = ({ b, node, x: [X, W, B], attrs }) => {
  const group = attrs.group as number;
  const weight = b.constantOf(W!);
  const perGroup = W!.shape[0]! / group;
  const whole = wholeGroup(perGroup, group);
  const bias = B && b.constantOf(B);
  if (whole === perGroup || !weight || (B && !bias)) return null;
  const filled = b.constant(filledUp(weight, group, whole), `${W!.name}.filled`);
  const inputs = [X!, filled, ...(bias ? [b.constant(filledUp(bias, group, whole), `${B.name}.filled`)] : [])];
  return cutOff(b, b.node("Conv", inputs, attrs, { name: node.name }), { group, perGroup });
};

/** [group * perGroup, ...rest] -> [group * whole, ...rest], zeros behind each group. */
function filledUp(tensor: Tensor, group: number, whole: number): Tensor {
  const [channels, ...rest] = tensor.shape as [number, ...number[]];
  const each = (channels / group) * sizeOf(rest);
  return computed(tensor.dtype, [group * whole, ...rest], () => {
    const data = allocate(tensor.dtype, group * whole * sizeOf(rest));
    for (let g = 0; g < group; g++)
      for (let i = 0; i < each; i++) data[g * whole * sizeOf(rest) + i] = tensor.data[g * each + i]!;
    return data;
  });
}

/** [N, group * whole, ...] -> [N, group * perGroup, ...]. */
function cutOff(b: GraphBuilder, y: Value, { group, perGroup }: { group: number; perGroup: number }): Value {
  const [n, channels] = y.shape as [number, number];
  const apart = b.reshape(y, [n, group, channels / group, ...spatial(y)]);
  return b.reshape(b.slice(apart, [0], [perGroup], [2]), [n, group * perGroup, ...spatial(y)]);
}
