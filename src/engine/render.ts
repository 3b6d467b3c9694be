/** Making pictures, over any Runtime: the worker, the command line, the tests and the bench all come here. */
import type { Picture } from "../api/engine";
import type { Tensor } from "../onnx/graph";
import { STEP } from "../vis/stepGraph";
import { climb, type ClimbOptions } from "./climb";
import { release } from "./feeds";
import { toPictures, withAlpha } from "./pictures";
import { startOf, type StartOptions } from "./start";
import type { Goal } from "./stepper";

export type RenderOptions = ClimbOptions & StartOptions;

export interface Rendered {
  /** One for each of the batch. */
  pictures: Picture[];
  /** Mean over the batch, on the last step's transformed pictures. */
  score: number;
  /** The batch's mean at every step. */
  scores: Float32Array;
  /** The last step's score of each picture. */
  each: Float32Array;
  elapsedMs: number;
}

/** Makes the pictures of a batch. Throws what startOf and climb throw. */
export async function renderPicture(goal: Goal, options: RenderOptions): Promise<Rendered> {
  const { recipe } = options;
  const started = performance.now();
  const { state, feeder, scores, each } = await climb(goal, await startOf(goal, options), options);
  const { plain, step } = feeder.goal.stepper;
  try {
    // a step shows the theta that comes in, so the finished one is shown by one more step whose result is not kept
    const wanted = recipe.alpha?.kind === "attribution" ? [STEP.picture, STEP.traced] : [STEP.picture];
    const shown = await plain.run({ ...(await feeder.at(recipe.steps)), ...state }, wanted);
    const colours = shown[STEP.picture] as Tensor;
    const picture =
      recipe.alpha?.kind === "attribution" ? withAlpha(colours, shown[STEP.traced] as Tensor, recipe.alpha) : colours;
    const pictures = toPictures(picture, step.visible);
    return { pictures, score: scores.at(-1)!, scores, each, elapsedMs: performance.now() - started };
  } finally {
    release(state);
    feeder.release();
  }
}
