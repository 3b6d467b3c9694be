/**
 * The render loop, over any Runtime: the worker, the command line, the tests and the bench all make pictures here.
 *
 * theta, m and v stay on the device from step to step; the score comes back every step, a picture now and then.
 */
import type { Picture } from "../api/engine";
import type { StaticGraph, Tensor } from "../onnx/graph";
import { f32 } from "../onnx/tensor";
import { encode, type Objective } from "../vis/objective";
import { initialTheta } from "../vis/parametrization";
import { seeded } from "../vis/random";
import type { Recipe } from "../vis/recipe";
import { adamRate, STEP, stepGraph, type StepGraph } from "../vis/stepGraph";
import { drawAffine } from "../vis/transforms";
import { warpInputs } from "../vis/warp";
import type { Program, Resident, Runtime } from "./runtime";

const RESIDENT = [STEP.nextTheta, STEP.nextM, STEP.nextV] as const;

/** Previews: the first comes with the first step, then at least this many milliseconds pass, ... */
const PREVIEW_EVERY_MS = 150;
/** ... or this many times what the last one cost, so that they take less than 5 % of the time. */
const PREVIEW_COST_FACTOR = 20;

/** Both programs of a layer: the plain step, and the one that revives dead units in the first steps. */
export interface Stepper {
  step: StepGraph;
  plain: Program;
  /** Null when the recipe redirects nothing. */
  redirected: Program | null;
  dispose(): Promise<void>;
}

/** Renders with equal keys can share a Stepper: everything of the recipe that its graphs are made of. */
export const stepperKey = (
  layer: string,
  { size, parametrization, color, transforms, optimizer, redirectSteps }: Recipe,
): string => JSON.stringify([layer, size, parametrization, color, transforms, optimizer, redirectSteps > 0]);

/** Compiles a layer's step for a model that canonicalise cut at it, at the recipe's size and the model's batch. */
export async function compileStepper(runtime: Runtime, model: StaticGraph, layer: string, recipe: Recipe): Promise<Stepper> {
  const step = stepGraph(model, { recipe, layer, redirect: false });
  const plain = await runtime.compile(step.graph, { resident: RESIDENT });
  const redirected =
    recipe.redirectSteps > 0
      ? await runtime.compile(stepGraph(model, { recipe, layer, redirect: true }).graph, { resident: RESIDENT })
      : null;
  return {
    step,
    plain,
    redirected,
    dispose: async () => {
      await plain.dispose();
      await redirected?.dispose();
    },
  };
}

export interface RenderOptions {
  objective: Objective;
  recipe: Recipe;
  signal: AbortSignal;
  onStep?: (step: { step: number; score: number; stepsPerSecond: number; frame: Picture | null }) => void;
  /** Whether `onStep` gets frames now and then; true by default. */
  previews?: boolean;
}

export interface Rendered {
  picture: Picture;
  /** On the last step's transformed picture. */
  score: number;
  scores: Float32Array;
  elapsedMs: number;
}

/** The objective became NaN or infinite: the picture is lost, the recipe is to blame. */
export class DivergedError extends Error {
  override readonly name = "DivergedError";
}

/**
 * Makes one picture. Yields to the event loop between steps, so that a cancel is heard.
 * Throws the signal's reason when aborted, ObjectiveError when the objective does not fit the layer, DivergedError on NaN.
 */
export async function renderPicture(
  stepper: Stepper,
  { objective, recipe, signal, onStep, previews = onStep !== undefined }: RenderOptions,
): Promise<Rendered> {
  const { step } = stepper;
  const started = performance.now();
  const batch = step.thetaShape[0]!;
  const fixed = objectiveInputs(objective, step, batch);
  const random = seeded(recipe.seed, "transforms");
  const zero = () => f32(0, step.thetaShape);
  let state: Record<"theta" | "m" | "v", Tensor | Resident> = {
    theta: f32(initialTheta(recipe, batch, seeded(recipe.seed, "theta")), step.thetaShape),
    m: zero(),
    v: zero(),
  };
  const scores = new Float32Array(recipe.steps);
  let nextFrame = -Infinity;
  let plainMs = Infinity; // the last step without a preview
  try {
    for (let t = 1; t <= recipe.steps; t++) {
      await macrotask();
      signal.throwIfAborted();
      const program = t <= recipe.redirectSteps && stepper.redirected ? stepper.redirected : stepper.plain;
      const begun = performance.now();
      const wantsFrame = previews && begun >= nextFrame;
      const feeds = { ...fixed, ...stepInputs(recipe, step, t, random), ...stateInputs(state) };
      const out = await program.run(feeds, [...RESIDENT, STEP.score, ...(wantsFrame ? [STEP.picture] : [])]);
      release(state);
      state = { theta: out[STEP.nextTheta]!, m: out[STEP.nextM]!, v: out[STEP.nextV]! };
      const score = mean((out[STEP.score] as Tensor).data as Float32Array);
      if (!Number.isFinite(score))
        throw new DivergedError(
          `the objective became ${score} at step ${t} of ${recipe.steps}. Lower the learning rate (now ${recipe.optimizer.learningRate}) or try another seed.`,
        );
      scores[t - 1] = score;
      const frame = wantsFrame ? toPicture(out[STEP.picture] as Tensor, step.visible) : null;
      const ended = performance.now();
      if (frame) nextFrame = ended + Math.max(PREVIEW_EVERY_MS, PREVIEW_COST_FACTOR * (ended - begun - plainMs));
      else plainMs = ended - begun;
      onStep?.({ step: t, score, stepsPerSecond: (1000 * t) / (performance.now() - started), frame });
    }
    // the step graph shows the theta that comes in, so the finished one is shown by one more run whose result is not kept
    const shown = await stepper.plain.run(
      { ...fixed, ...stepInputs(recipe, step, recipe.steps, random), ...stateInputs(state) },
      [STEP.picture],
    );
    const picture = toPicture(shown[STEP.picture] as Tensor, step.visible);
    return { picture, score: scores.at(-1)!, scores, elapsedMs: performance.now() - started };
  } finally {
    release(state);
  }
}

function objectiveInputs(objective: Objective, { layer }: StepGraph, batch: number): Record<string, Tensor> {
  const { direction, mask } = encode(objective, layer);
  const repeated = (row: Float32Array) =>
    f32(
      Float32Array.from({ length: batch * row.length }, (_, i) => row[i % row.length]!),
      [batch, row.length],
    );
  return { [STEP.direction]: repeated(direction), [STEP.mask]: repeated(mask) };
}

function stepInputs(recipe: Recipe, { zoom }: StepGraph, t: number, random: ReturnType<typeof seeded>): Record<string, Tensor> {
  const { warp, unwarp } = warpInputs(drawAffine(recipe.transforms, random, zoom));
  return {
    [STEP.rate]: f32(adamRate(recipe.optimizer, t)),
    [STEP.warp]: f32(warp, [3, 2]),
    [STEP.unwarp]: f32(unwarp, [3, 2]),
  };
}

const stateInputs = ({ theta, m, v }: Record<"theta" | "m" | "v", Tensor | Resident>) => ({
  [STEP.theta]: theta,
  [STEP.m]: m,
  [STEP.v]: v,
});

function release(state: Record<string, Tensor | Resident>): void {
  for (const value of Object.values(state)) if ("dispose" in value) value.dispose();
}

const mean = (values: Float32Array): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Lets messages, such as a cancel, be heard. A MessageChannel is not clamped to 4 ms as nested timers are. */
const macrotask = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });

/** The first picture of [N, 3, H, W] in 0..1 as RGBA bytes: all of it, or the rows and columns about its centre that are asked for. */
export function toPicture({ data, shape }: Tensor, visible?: readonly [height: number, width: number]): Picture {
  const [, , rows, columns] = shape as [number, number, number, number];
  const [height, width] = visible ?? [rows, columns];
  const [top, left] = [Math.floor((rows - height) / 2), Math.floor((columns - width) / 2)];
  const rgba = new Uint8ClampedArray(4 * width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [to, from] = [4 * (y * width + x), (top + y) * columns + left + x];
      for (let c = 0; c < 3; c++) rgba[to + c] = Number(data[c * rows * columns + from]!) * 255;
      rgba[to + 3] = 255;
    }
  return { width, height, rgba };
}
