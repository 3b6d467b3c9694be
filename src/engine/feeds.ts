/** What a step is fed besides its state: the objective's numbers, this step's random draws, and the activations that it is compared with. */
import type { Tensor } from "../onnx/graph";
import { f32 } from "../onnx/tensor";
import { feedsOf } from "../vis/objective/program";
import { ratesOf } from "../vis/optimizers";
import type { Bitmaps } from "../vis/named";
import { backgroundNoise, extraInputs } from "../vis/parametrization/parametrization";
import { seeded, type Random } from "../vis/random";
import { seedsOf } from "../vis/recipes";
import type { Recipe } from "../vis/recipe";
import { namedInput } from "../vis/named";
import { STEP } from "../vis/stepGraph";
import { drawTransforms } from "../vis/transforms/plan";
import type { Resident } from "./runtime";
import type { Goal } from "./stepper";

export type Fed = Record<string, Tensor | Resident>;

/** Frees what lies on the device. */
export function release(fed: Fed): void {
  for (const value of new Set(Object.values(fed))) if ("dispose" in value) value.dispose();
}

/** Random numbers for each picture of a batch. */
interface Streams {
  transforms: readonly Random[];
  backgrounds: readonly Random[];
}

export class Feeder {
  readonly #fixed: Fed;
  readonly #fill: ((drawn: Fed) => Promise<Fed>) | null;
  #filled: Fed = {};

  constructor(
    readonly goal: Goal,
    readonly recipe: Recipe,
    pictures: Bitmaps,
    readonly streams: Streams = streamsOf(goal, recipe),
  ) {
    this.#fixed = { ...feedsOf(goal.objective, goal.stepper.step.shapes), ...extraInputs(recipe, pictures) };
    this.#fill = goal.stepper.targets && targetFiller(goal, recipe, pictures);
  }

  /** Feeds for step `t`: 1, 2, ... in this order, for the draws go on. What it gave last is freed. Throws what the runtime throws. */
  async at(t: number): Promise<Fed> {
    const { recipe, streams } = this;
    const drawn = drawTransforms(this.goal.stepper.step.transforms, streams.transforms, { step: t, steps: recipe.steps });
    this.release();
    if (this.#fill) this.#filled = await this.#fill(drawn);
    const rates = ratesOf(recipe, t);
    const fed: Fed = { ...this.#fixed, ...drawn, ...this.#filled, [STEP.rates]: f32(rates, [rates.length]) };
    if (recipe.alpha?.kind === "learned") fed[STEP.background] = backgroundNoise(recipe, streams.backgrounds);
    return fed;
  }

  release(): void {
    release(this.#filled);
    this.#filled = {};
  }
}

/** Pictures that have to do with each other are transformed alike; others as each would be alone. */
function streamsOf({ objective }: Goal, recipe: Recipe): Streams {
  const seeds = seedsOf(recipe);
  const alike = objective.coupled || recipe.parametrization.kind === "shared";
  return {
    transforms: seeds.map((seed) => seeded(alike ? seeds[0]! : seed, "transforms")),
    backgrounds: seeds.map((seed) => seeded(seed, "background")),
  };
}

/** The objective's targets through one draw of the transforms. Those of the same pictures are computed together. */
function targetFiller({ stepper, objective }: Goal, { size }: Recipe, pictures: Bitmaps): (drawn: Fed) => Promise<Fed> {
  const { program, graph } = stepper.targets!;
  const runs = [...new Set(objective.targets.map((target) => JSON.stringify(target.pictures)))].map((key) => ({
    wanted: objective.targets.filter((target) => JSON.stringify(target.pictures) === key),
    shown: stacked((JSON.parse(key) as string[]).map((name) => namedInput(name, pictures, [size, size]))),
  }));
  return async (drawn) => {
    const filled: Fed = {};
    for (const { wanted, shown } of runs) {
      const outputs = [...new Set(wanted.map(({ layer }) => graph.layers.get(layer)!))];
      const out = await program.run({ ...drawn, [graph.pictures]: shown }, outputs);
      for (const { input, layer } of wanted) filled[input] = out[graph.layers.get(layer)!]!;
    }
    return filled;
  };
}

/** Pictures [1, 3, H, W] as one batch. */
function stacked(pictures: readonly Tensor[]): Tensor {
  const [first] = pictures as [Tensor];
  const data = new Float32Array(pictures.length * first.data.length);
  pictures.forEach((picture, n) => data.set(picture.data as Float32Array, n * first.data.length));
  return f32(data, [pictures.length, ...first.shape.slice(1)]);
}
