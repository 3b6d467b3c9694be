/** VJPs of ops that slide a window: convolutions, pools. All are linear, or linear once a winner is known. */
import { spatial, type Value } from "../../onnx/graph";
import { adjointAlong, zeros } from "../linear";
import { frozen, list, number, type RuleTable, type VjpRule } from "../rule";
import { resize } from "./resize";

/**
 * Conv: Y = conv(X, W) + B, over any number of spatial axes.
 *
 *   X [N, C, ...in]   W [M, C/group, ...k]   B [M]   Y [N, M, ...out]
 *   dX [N, C, ...in] = ConvTranspose(dY, W) with the same attributes
 *
 * ONNX stores Conv's W exactly as ConvTranspose wants it, so nothing is permuted, groups included.
 * Conv rounds `out` down, so several input sizes give one `out`; output_padding names the right one.
 * A lowering may turn it into a Conv again where that is faster (lower/).
 */
const conv: VjpRule = (c) => {
  frozen(c, 1, 2);
  const { b, x: [X, W], y: [Y], dy, attrs } = c; // prettier-ignore
  const rank = spatial(X).length;
  const [kernel, strides, dilations, pads] = ["kernel_shape", "strides", "dilations", "pads"].map((name) => list(c, name)) as [
    readonly number[],
    readonly number[],
    readonly number[],
    readonly number[],
  ];
  const output_padding = spatial(X).map((size, i) => {
    const reach = (kernel[i]! - 1) * dilations[i]! + 1; // the kernel's extent on X
    const covered = (spatial(Y)[i]! - 1) * strides[i]! + reach;
    return size + pads[i]! + pads[i + rank]! - covered; // 0 .. stride - 1
  });
  return [b.convTranspose(dy, W, { ...attrs, output_padding })];
};

/**
 * ConvTranspose: Y = the adjoint of Conv, + B.
 *
 *   X [N, C, ...in]   W [C, M/group, ...k]   Y [N, M, ...out]
 *   dX [N, C, ...in] = Conv(dY, W) with the same attributes, less output_padding
 *
 * output_padding of a stride or more adds pixels that no input reaches: Conv finds places for them, which are cut off.
 */
const convTranspose: VjpRule = (c) => {
  frozen(c, 1, 2);
  const { b, x: [X, W], dy } = c; // prettier-ignore
  const attrs = Object.fromEntries(
    Object.entries(c.attrs).filter(([name]) => name !== "output_padding" && name !== "output_shape"),
  );
  const dx = b.conv(dy, W, null, attrs);
  const size = spatial(X);
  if (spatial(dx).every((d, i) => d === size[i])) return [dx];
  return [b.slice(dx, size.map(() => 0), size, size.map((_, i) => i + 2))]; // prettier-ignore
};

/**
 * MaxPool: each window's cotangent goes to its winner, the first maximum in row-major order, so that ties count once.
 * Backends differ in how to find it (lower/maxPool.ts), so a composite op is left here: MaxPoolGrad(X, Y, dY) -> dX.
 */
const maxPool: VjpRule = ({ b, x: [X], y: [Y], dy, attrs }) => [b.local("MaxPoolGrad", [X, Y, dy], attrs, X.shape)];

/**
 * AveragePool: Y = mean over the window; padding counts as zeros (count_include_pad = 1) or not at all (0).
 *
 * Separable, as the number of counted pixels is rows x columns: dX = A_h' dY A_w with A [out, in] = 1/count where window o covers i.
 * Stride 1 with counted padding is its own adjoint with the padding mirrored, which spares the dense matrices.
 */
const averagePool: VjpRule = (c) => {
  const { b, x: [X], y: [Y], dy, attrs } = c; // prettier-ignore
  const size = spatial(X);
  const [kernel, strides, pads] = [list(c, "kernel_shape"), list(c, "strides"), list(c, "pads")];
  const includePad = number(c, "count_include_pad", 0) !== 0;
  const mirrored = pads.map((p, i) => kernel[i % size.length]! - 1 - p);
  if (includePad && strides.every((s) => s === 1) && mirrored.every((p, i) => p >= 0 && p < kernel[i % size.length]!))
    return [b.node("AveragePool", [dy], { ...attrs, pads: mirrored })];
  let dx = dy;
  size.forEach((n, i) => {
    const matrix = zeros(spatial(Y)[i]!, n);
    matrix.forEach((row, o) => {
      const covered = Array.from({ length: kernel[i]! }, (_, k) => o * strides[i]! - pads[i]! + k);
      const inside = covered.filter((p) => p >= 0 && p < n);
      for (const p of inside) row[p] = 1 / (includePad ? kernel[i]! : inside.length);
    });
    dx = adjointAlong(b, dx, i + 2, matrix);
  });
  return [dx];
};

/** DepthToSpace and SpaceToDepth are each other's inverse permutation (SpaceToDepth has the DCR order only). */
const depthToSpace: VjpRule = (c) => {
  const { b, x: [X], dy, attrs } = c; // prettier-ignore
  if ((attrs.mode ?? "DCR") === "DCR") return [b.node("SpaceToDepth", [dy], { blocksize: number(c, "blocksize") })];
  const [n, channels, h, w] = X.shape as [number, number, number, number];
  const block = number(c, "blocksize");
  const split: Value = b.reshape(dy, [n, channels / (block * block), h, block, w, block]);
  return [b.reshape(b.transpose(split, [0, 1, 3, 5, 2, 4]), X.shape)];
};

export const windows = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: maxPool,
  AveragePool: averagePool,
  Resize: resize,
  DepthToSpace: depthToSpace,
  SpaceToDepth: (c) => [c.b.node("DepthToSpace", [c.dy], { blocksize: number(c, "blocksize"), mode: "DCR" })],
} satisfies RuleTable;
