/** Terms between the pictures of a batch. */
import type { Value } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import { lengthOf, type EmitContext, type Term } from "./term";
import { ObjectiveError, type BatchObjective } from "./types";

type Of<K extends BatchObjective["kind"]> = Extract<BatchObjective, { kind: K }>;

/** How far apart in the batch two pictures may be and still be aligned (Lucid's objectives.py, alignment). */
const DISTANCES = [1, 2, 3, 4];

export const batchTerms: { [K in BatchObjective["kind"]]: (o: Of<K>, batch: number) => Term } = {
  diversity: ({ layer }, batch) => ({
    structure: `diversity ${JSON.stringify(layer)}`,
    layer,
    inputs: [],
    of: [],
    coupled: true,
    emit: ({ b, act }) => {
      const a = act(layer);
      const [, channels] = a.shape as [number, number, number];
      const grams = b.reshape(b.matmul(a, b.transpose(a, [0, 2, 1])), [several(batch, "diversity"), channels * channels]);
      const units = b.div(grams, lengthOf(b, grams, [1]));
      const cosines = b.matmul(units, b.transpose(units, [1, 0]));
      const others = Float32Array.from({ length: batch * batch }, (_, i) => (i % (batch + 1) === 0 ? 0 : 1 / (batch - 1)));
      return b.reduceSum(b.mul(cosines, b.constant(f32(others, [batch, batch]), "others")), [1], false);
    },
  }),
  alignment: ({ layer, decay = 2 }, batch) => ({
    structure: `alignment ${JSON.stringify(layer)} ${decay}`,
    layer,
    inputs: [],
    of: [],
    coupled: true,
    emit: (c) => {
      several(batch, "alignment");
      const costs = DISTANCES.filter((d) => d < batch).map((d) => neighbours(c, c.act(layer), d, -0.5 / decay ** d));
      return costs.reduce((sum, cost) => c.b.add(sum, cost));
    },
  }),
};

/** `factor` times the mean squared difference of every picture to those `d` before and after it [N]. */
function neighbours({ b, batch }: EmitContext, a: Value, d: number, factor: number): Value {
  const off = b.sub(b.slice(a, [d], [batch], [0]), b.slice(a, [0], [batch - d], [0]));
  const cost = b.mul(b.reduceMean(b.mul(off, off), [1, 2], false), factor);
  return b.add(b.pad(cost, [d, 0]), b.pad(cost, [0, d]));
}

function several(batch: number, kind: string): number {
  if (batch < 2)
    throw new ObjectiveError(
      `"${kind}" compares the pictures of a batch, but the recipe's batch is ${batch}; make it 2 or more.`,
    );
  return batch;
}
