/**
 * LRN: y = x * (bias + alpha / size * sum of x^2 over `size` channels around)^-beta
 *
 * No GPU kernel of ORT's does it, and its parts have gradients. The sum over channels is an average over rows of
 * [N, 1, C, H*W], zeros included: AveragePool divides by `size` itself, as alpha / size wants.
 */
import { sizeOf } from "../graph";
import type { CanonicalRule, CanonicalTable } from "./site";

const lrn: CanonicalRule = (s) => {
  const x = s.rankAtLeast(0, 3);
  const { b } = s;
  const [n, channels] = x.shape as [number, number];
  const size = s.int("size", 1);
  const square = s.step("square", "Mul", [x, x]);
  const rows = s.step("rows", "Reshape", [square, b.ints([n, 1, channels, sizeOf(x.shape.slice(2))])]);
  const mean = s.step("mean", "AveragePool", [rows], {
    kernel_shape: [size, 1],
    strides: [1, 1],
    pads: [Math.floor((size - 1) / 2), 0, Math.ceil((size - 1) / 2), 0],
    count_include_pad: 1,
  });
  const grid = s.step("grid", "Reshape", [mean, b.ints(x.shape)]);
  const energy = s.step("energy", "Add", [
    s.step("weighted", "Mul", [grid, b.scalar(s.float("alpha", 1e-4))]),
    b.scalar(s.float("bias", 1)),
  ]);
  const factor = s.step("factor", "Pow", [energy, b.scalar(-s.float("beta", 0.75))]);
  return [s.last("Mul", [x, factor])];
};

export const localResponse: CanonicalTable = { LRN: lrn };
