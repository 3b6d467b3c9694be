/** Terms against a picture that is given: its activation is computed beside the step, through the same transforms, and fed. */
import { cosineFactor, lengthOf, scalarInput, type Term } from "./term";
import type { PictureObjective } from "./types";

type Of<K extends PictureObjective["kind"]> = Extract<PictureObjective, { kind: K }>;

export const targetTerms: { [K in PictureObjective["kind"]]: (o: Of<K>) => Term } = {
  inversion: ({ layer, picture }) => ({
    structure: `inversion ${JSON.stringify(layer)}`,
    layer,
    target: picture,
    inputs: [],
    of: [],
    emit: ({ b, act }, { target }) => {
      const off = b.sub(act(layer), target!);
      const size = b.add(b.reduceSum(b.mul(target!, target!), [1, 2], false), 1e-6);
      return b.neg(b.div(b.reduceSum(b.mul(off, off), [1, 2], false), size));
    },
  }),
  caricature: ({ layer, picture, cosinePower = 0 }) => ({
    structure: `caricature ${JSON.stringify(layer)}`,
    layer,
    target: picture,
    inputs: [scalarInput(cosinePower)],
    of: [],
    emit: ({ b, act }, { inputs: [power], target }) => {
      const dot = b.reduceSum(b.mul(act(layer), target!), [1, 2], false);
      const [own, wanted] = [act(layer), target!].map((v) => b.reshape(lengthOf(b, v, [1, 2]), dot.shape));
      return b.mul(b.div(dot, wanted!), cosineFactor(b, b.div(dot, b.mul(own!, wanted!)), power!));
    },
  }),
};
