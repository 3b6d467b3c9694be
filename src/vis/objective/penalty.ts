/** Terms of the picture itself, before transforms. */
import type { Value } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import { scalarInput, type EmitContext, type Term } from "./term";
import type { PenaltyObjective } from "./types";

type Of<K extends PenaltyObjective["kind"]> = Extract<PenaltyObjective, { kind: K }>;

/** How much stronger than its variation the border's colour counts (Lucid's penalize_boundary_complexity). */
const COLOUR_SHARE = 0.8;

const EACH = [1, 2, 3];

const plain = (structure: string, emit: (c: EmitContext) => Value): Term => ({ structure, inputs: [], of: [], emit });

export const penaltyTerms: { [K in PenaltyObjective["kind"]]: (o: Of<K>) => Term } = {
  totalVariation: () =>
    plain("total variation", ({ b, picture }) => {
      const differences = [2, 3].map((axis) => {
        const size = picture.shape[axis]!;
        const step = b.sub(b.slice(picture, [1], [size], [axis]), b.slice(picture, [0], [size - 1], [axis]));
        return b.reduceMean(b.abs(step), EACH, false);
      });
      return b.add(differences[0]!, differences[1]!);
    }),
  l1: ({ towards = 0.5 }) => ({
    structure: "l1",
    inputs: [scalarInput(towards)],
    of: [],
    emit: (c, { inputs: [to] }) => c.b.reduceMean(c.b.abs(from(c, to!)), EACH, false),
  }),
  l2: ({ towards = 0.5 }) => ({
    structure: "l2",
    inputs: [scalarInput(towards)],
    of: [],
    emit: (c, { inputs: [to] }) => {
      const off = from(c, to!);
      return c.b.sqrt(c.b.add(c.b.reduceMean(c.b.mul(off, off), EACH, false), 1e-8));
    },
  }),
  blurEachStep: () =>
    plain("blur each step", ({ b, picture }) => {
      const blurred = b.local("Detach", [blur({ b, picture }, 3)], {}, picture.shape);
      const off = b.sub(picture, blurred);
      return b.mul(b.reduceSum(b.mul(off, off), EACH, false), 0.5);
    }),
  boundary: ({ width = 20, color = 0.5 }) =>
    plain(`boundary ${width} ${color}`, ({ b, picture }) => {
      const size = picture.shape[2]!;
      const inside = (i: number) => i >= width && i < size - width;
      const border = Float32Array.from({ length: size * size }, (_, i) =>
        inside(i % size) && inside(Math.floor(i / size)) ? 0 : 1,
      );
      const [variation, tint] = [b.sub(blur({ b, picture }, 5), picture), b.sub(picture, color)];
      const cost = b.add(b.mul(variation, variation), b.mul(b.mul(tint, tint), COLOUR_SHARE));
      return b.reduceMean(b.mul(cost, b.constant(f32(border, [1, 1, size, size]), "border")), EACH, false);
    }),
  opacity: () =>
    plain("opacity", ({ b, batch, alpha }) =>
      alpha ? b.reduceMean(alpha, EACH, false) : b.constant(f32(new Float32Array(batch).fill(1), [batch]), "opaque"),
    ),
};

const from = ({ b, batch, picture }: EmitContext, towards: Value): Value => b.sub(picture, b.reshape(towards, [batch, 1, 1, 1]));

/** Each pixel with the `width` x `width` around it, the outermost at half weight; beyond the border there is nothing (Lucid's _tf_blur). */
function blur({ b, picture }: Pick<EmitContext, "b" | "picture">, width: number): Value {
  const [, channels, size] = picture.shape as [number, number, number, number];
  const weight = (i: number, j: number) => ([i, j].some((k) => k === 0 || k === width - 1) ? 0.5 : 1);
  const kernel = Float32Array.from({ length: width * width }, (_, i) => weight(Math.floor(i / width), i % width));
  const kernels = Float32Array.from({ length: channels * kernel.length }, (_, i) => kernel[i % kernel.length]!);
  const reach = (width - 1) / 2;
  const summed = b.conv(picture, b.constant(f32(kernels, [channels, 1, width, width]), "blur"), null, {
    kernel_shape: [width, width],
    strides: [1, 1],
    dilations: [1, 1],
    pads: [reach, reach, reach, reach],
    group: channels,
  });
  const totals = Float32Array.from({ length: size * size }, (_, at) => {
    const [y, x] = [Math.floor(at / size), at % size];
    let total = 0;
    for (let i = 0; i < width; i++)
      for (let j = 0; j < width; j++) {
        const [row, column] = [y + i - reach, x + j - reach];
        if (row >= 0 && row < size && column >= 0 && column < size) total += weight(i, j);
      }
    return 1 / total;
  });
  return b.mul(summed, b.constant(f32(totals, [1, 1, size, size]), "blur_share"));
}
