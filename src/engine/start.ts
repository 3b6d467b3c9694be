/** Where the climb begins: noise, or what shows the picture that the recipe starts from. */
import type { Tensor } from "../onnx/graph";
import { f32 } from "../onnx/tensor";
import { planObjective } from "../vis/objective/program";
import { INPUT_LAYER } from "../vis/objective/term";
import { namedInput } from "../vis/named";
import { initialTheta, thetaFrom, thetaShape } from "../vis/parametrization/parametrization";
import { seeded } from "../vis/random";
import { seedsOf } from "../vis/recipes";
import type { Recipe } from "../vis/recipe";
import { STEP } from "../vis/stepGraph";
import { climb, type ClimbOptions } from "./climb";
import { release, type Fed } from "./feeds";
import { pictureAlone } from "./prepare";
import { compileStepper, type Goal } from "./stepper";
import type { Resident, Runtime } from "./runtime";

/** Steps for which a parametrization without an inverse is fitted to the picture it starts from. */
const FIT_STEPS = 256;

export type StartOptions = Pick<ClimbOptions, "recipe" | "pictures" | "signal"> & {
  /** Called while the start is fitted to a picture. */
  onFit?: (fit: { step: number; steps: number }) => void;
};

/** The state before the first step; the same for the same recipe. Throws what namedInput and climb throw. */
export async function startOf({ stepper }: Goal, options: StartOptions): Promise<Fed> {
  const zeros = Object.fromEntries([...stepper.step.state].map(([name, shape]): [string, Tensor] => [name, f32(0, shape)]));
  return { ...zeros, [STEP.theta]: await thetaOf(stepper.runtime, options) };
}

async function thetaOf(runtime: Runtime, options: StartOptions): Promise<Tensor | Resident> {
  const { recipe, pictures = {} } = options;
  const shape = thetaShape(recipe, recipe.batch);
  if (recipe.start === null) {
    const streams = seedsOf(recipe).map((seed) => seeded(seed, "theta"));
    return f32(initialTheta(recipe, streams), shape);
  }
  const exact = thetaFrom(recipe, namedInput(recipe.start, pictures, [recipe.size, recipe.size]));
  if (!exact) return fitted(runtime, options);
  const theta = new Float32Array(recipe.batch * exact.length);
  for (let n = 0; n < recipe.batch; n++) theta.set(exact, n * exact.length);
  return f32(theta, shape);
}

/** theta whose pictures are as like the recipe's start as ascent makes them. */
async function fitted(runtime: Runtime, { recipe, pictures, signal, onFit }: StartOptions): Promise<Tensor | Resident> {
  const likeness: Recipe = {
    ...recipe,
    start: null,
    transforms: [],
    steps: FIT_STEPS,
    redirectSteps: 0,
    alpha: recipe.alpha?.kind === "learned" ? recipe.alpha : null,
    optimizer: { kind: "adam", learningRate: 0.05, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    schedule: { kind: "cosine", to: 0.1 },
  };
  const objective = planObjective({ kind: "inversion", layer: INPUT_LAYER, picture: recipe.start! }, recipe.batch);
  const stepper = await compileStepper(runtime, pictureAlone(recipe.batch, [recipe.size, recipe.size]), {
    objective,
    recipe: likeness,
  });
  try {
    const goal = { stepper, objective };
    const { state, feeder } = await climb(goal, await startOf(goal, { recipe: likeness, pictures, signal }), {
      recipe: likeness,
      pictures,
      signal,
      onStep: ({ step }) => onFit?.({ step, steps: FIT_STEPS }),
      previews: false,
    });
    feeder.release();
    const { [STEP.theta]: theta, ...rest } = state;
    release(rest);
    return theta!;
  } finally {
    await stepper.dispose();
  }
}
