/** The loop over steps: state in, state out, on the device; the scores come back every step, pictures now and then. */
import type { Picture } from "../api/engine";
import type { Tensor } from "../onnx/graph";
import type { Bitmaps } from "../vis/named";
import type { Recipe } from "../vis/recipe";
import { next, STEP } from "../vis/stepGraph";
import { Feeder, release, type Fed } from "./feeds";
import { toPictures } from "./pictures";
import type { Goal } from "./stepper";

/** Previews: the first comes with the first step, then at least this many milliseconds pass, ... */
const PREVIEW_EVERY_MS = 150;
/** ... or this many times what the last one cost, so that they take less than 5 % of the time. */
const PREVIEW_COST_FACTOR = 20;

export interface StepReport {
  step: number;
  /** Mean over the batch. */
  score: number;
  stepsPerSecond: number;
  frames: Picture[] | null;
}

export interface ClimbOptions {
  recipe: Recipe;
  /** Pictures that the objective and the recipe name; those drawn by rule need not be given. */
  pictures?: Bitmaps;
  signal: AbortSignal;
  onStep?: (step: StepReport) => void;
  /** Whether `onStep` gets frames now and then, or at which steps; true by default. */
  previews?: boolean | ReadonlySet<number>;
  /** Asked before every step: another goal to climb from here on, of the same recipe; null for going on. */
  change?: () => Promise<Goal | null>;
}

export interface Climbed {
  /** The last goal's. The caller frees it. */
  state: Fed;
  /** Feeds of the last goal. The caller frees them. */
  feeder: Feeder;
  /** The batch's mean at every step. */
  scores: Float32Array;
  /** The last step's score of each picture. */
  each: Float32Array;
}

/** The objective became NaN or infinite: the picture is lost, the recipe is to blame. */
export class DivergedError extends Error {
  override readonly name = "DivergedError";
}

/**
 * Takes the recipe's steps from `state` on, which it frees. Yields to the event loop between steps, so that a cancel or a change is heard.
 * Throws the signal's reason when aborted, ObjectiveError when the objective does not fit its layers, DivergedError on NaN.
 */
export async function climb(goal: Goal, state: Fed, options: ClimbOptions): Promise<Climbed> {
  const { recipe, pictures = {}, signal, onStep, previews = onStep !== undefined, change } = options;
  const started = performance.now();
  const scores = new Float32Array(recipe.steps);
  let each = new Float32Array(recipe.batch);
  let nextFrame = -Infinity;
  let plainMs = Infinity; // the last step without a preview
  let feeder: Feeder | null = null;
  try {
    feeder = new Feeder(goal, recipe, pictures);
    for (let t = 1; t <= recipe.steps; t++) {
      await macrotask();
      signal.throwIfAborted();
      const changed = await change?.();
      if (changed) {
        feeder.release();
        feeder = new Feeder(changed, recipe, pictures, feeder.streams);
      }
      const { step, plain, redirected } = feeder.goal.stepper;
      const program = t <= recipe.redirectSteps && redirected ? redirected : plain;
      const begun = performance.now();
      const wantsFrame = typeof previews === "boolean" ? previews && begun >= nextFrame : previews.has(t);
      const kept = [...step.state.keys()];
      const fetched = [...kept.map(next), STEP.score, ...(wantsFrame ? [STEP.picture] : [])];
      const out = await program.run({ ...(await feeder.at(t)), ...state }, fetched);
      release(state);
      state = Object.fromEntries(kept.map((name) => [name, out[next(name)]!]));
      each = Float32Array.from((out[STEP.score] as Tensor).data as Float32Array);
      const score = each.reduce((a, b) => a + b, 0) / each.length;
      if (!Number.isFinite(score))
        throw new DivergedError(
          `the objective became ${score} at step ${t} of ${recipe.steps}. Lower the learning rate (now ${recipe.optimizer.learningRate}) or try another seed.`,
        );
      scores[t - 1] = score;
      const frames = wantsFrame ? toPictures(out[STEP.picture] as Tensor, step.visible) : null;
      const ended = performance.now();
      if (frames) nextFrame = ended + Math.max(PREVIEW_EVERY_MS, PREVIEW_COST_FACTOR * (ended - begun - plainMs));
      else plainMs = ended - begun;
      onStep?.({ step: t, score, stepsPerSecond: (1000 * t) / (performance.now() - started), frames });
    }
    return { state, feeder, scores, each };
  } catch (error) {
    release(state);
    feeder?.release();
    throw error;
  }
}

/** Lets messages, such as a cancel, be heard. A MessageChannel is not clamped to 4 ms as nested timers are. */
export const macrotask = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
