/** What e2e/runtime.spec.ts calls in the browser: steps on one backend, and a look at where ORT placed the nodes. */
import type { Backend } from "../../src/api/engine";
import type { OrtRuntimeOptions } from "../../src/engine/ort";
import { webRuntime } from "../../src/engine/ortWeb";
import { compileGoal } from "../../src/engine/goal";
import { renderPicture } from "../../src/engine/render";
import type { Resident, Runtime } from "../../src/engine/runtime";
import type { Tensor } from "../../src/onnx/graph";
import { readModel } from "../../src/onnx/read";
import type { Objective } from "../../src/vis/objective/types";
import type { Recipe } from "../../src/vis/recipe";
import { lucid } from "../../src/vis/recipes";
import { next, STEP } from "../../src/vis/stepGraph";
import { LAYER, tinyCard, tinyModel } from "../../test/tinyModel";

/** The device's own tensor behind a Resident (src/engine/ort.ts). */
type Behind = Resident & { tensor: { location: string; getData(): Promise<Float32Array> } };

export interface StepsResult {
  device: string;
  /** Where theta stayed between the steps. */
  location: string;
  theta: number[];
  scores: number[];
  msPerStep: number;
}

export interface StepsOptions {
  session?: OrtRuntimeOptions["session"];
  /** Over Lucid's recipe at 32 pixels, the first half of the steps redirected. */
  recipe?: Partial<Recipe>;
  /** A channel of the tiny model's layer by default. */
  objective?: Objective;
}

async function steps(backend: Backend, steps: number, { session, ...asked }: StepsOptions = {}): Promise<StepsResult> {
  const runtime = await webRuntime(backend, session);
  const seen: { theta: number[]; location: string } = { theta: [], location: "" };
  try {
    const recipe: Recipe = { ...lucid, size: 32, steps, redirectSteps: steps / 2, ...asked.recipe };
    const graph = readModel(tinyModel(), "tiny");
    const objective: Objective = asked.objective ?? { kind: "channel", layer: LAYER, channel: 3 };
    const options = { graph, preprocessing: tinyCard.preprocessing, objective, recipe };
    const goal = await compileGoal(readingTheta(runtime, seen), options);
    const made = await renderPicture(goal, { recipe, signal: new AbortController().signal });
    return { device: runtime.info.label, ...seen, scores: [...made.scores], msPerStep: made.elapsedMs / recipe.steps };
  } finally {
    await runtime.dispose();
  }
}

/** The same runtime, but theta is also read after every step. */
const readingTheta = (runtime: Runtime, seen: { theta: number[]; location: string }): Runtime => ({
  ...runtime,
  compile: async (graph, options) => {
    const program = await runtime.compile(graph, options);
    return {
      ...program,
      run: async (feeds, fetch) => {
        const out: Record<string, Tensor | Resident> = await program.run(feeds, fetch);
        const theta = out[next(STEP.theta)] as Behind | undefined;
        if (theta) {
          seen.location = theta.tensor.location;
          seen.theta = [...(await theta.tensor.getData())];
        }
        return out;
      },
    };
  },
});

const page = { steps, webRuntime };
export type RuntimePage = typeof page;
Object.assign(window, { page });
