/** Micrographia's side of the bench: one forward pass and one whole optimisation step, on any Runtime. */
import { GraphBuilder } from "../src/onnx/builder";
import { canonicalise } from "../src/onnx/canonicalise";
import type { Graph, Tensor } from "../src/onnx/graph";
import { f32 } from "../src/onnx/tensor";
import type { Resident, Runtime } from "../src/engine/runtime";
import { feedsOf, planObjective } from "../src/vis/objective/program";
import { ratesOf } from "../src/vis/optimizers";
import { initialTheta } from "../src/vis/parametrization/parametrization";
import { seeded } from "../src/vis/random";
import type { Recipe } from "../src/vis/recipe";
import { lucid } from "../src/vis/recipes";
import { next, STEP, stepGraph } from "../src/vis/stepGraph";
import { drawTransforms, transformedSize } from "../src/vis/transforms/plan";
import { LAYER, PREPROCESSING } from "./googlenet";
import type { Contestant } from "./measure";

/** Lucid's transforms with less padding, so that a picture of `size` reaches the network at `size`: both sides do the same work. */
export function benchRecipe(size: number): Recipe {
  const transforms = lucid.transforms.map((t) => (t.kind === "pad" ? { ...t, pixels: 6 } : t));
  const recipe = { ...lucid, size, transforms };
  const seen = transformedSize(size, transforms);
  if (seen !== size) throw new Error(`the bench's transforms turn ${size} pixels into ${seen}; they must keep the size`);
  return recipe;
}

/** Compiles both programs for the layer at `size`. `stepNodes` and `forwardNodes` count the graphs' nodes before ORT fuses any. */
export async function ours(runtime: Runtime, graph: Graph, size: number): Promise<Contestant> {
  const recipe = benchRecipe(size);
  const model = canonicalise(graph, { size: [size, size], batch: 1, until: [LAYER], preprocessing: PREPROCESSING });
  // the mean of the layer, not the layer itself, is read back: both sides return one number
  const b = new GraphBuilder(model);
  const summary = b.reduceMean(b.value(LAYER), [], false);
  const forward = await runtime.compile(b.build("forward", [summary]), { resident: [] });
  const objective = planObjective({ kind: "channel", layer: LAYER, channel: 1 }, 1);
  const step = stepGraph(model, { recipe, objective, redirect: false });
  const kept = [...step.state.keys()];
  const program = await runtime.compile(step.graph, { resident: kept.map(next) });

  const random = seeded(1, "bench");
  const image = f32(Float32Array.from({ length: 3 * size * size }, () => random.uniform()), [1, 3, size, size]); // prettier-ignore
  const fixed = feedsOf(objective, step.shapes);
  let state: Record<string, Tensor | Resident> = Object.fromEntries(
    [...step.state].map(([name, shape]) => [name, f32(0, shape)]),
  );
  state[STEP.theta] = f32(initialTheta(recipe, [random]), step.state.get(STEP.theta)!);
  const free = (): void => Object.values(state).forEach((value) => "dispose" in value && value.dispose());
  let t = 0;
  return {
    engine: "micrographia",
    backend: runtime.info.backend,
    forward: async () => {
      await forward.run({ image }, [summary.name]);
    },
    step: async () => {
      const drawn = drawTransforms(step.transforms, [random], { step: ++t, steps: recipe.steps });
      const rates = ratesOf(recipe, t);
      const feeds = { ...state, ...fixed, ...drawn, [STEP.rates]: f32(rates, [rates.length]) };
      const out = await program.run(feeds, [...kept.map(next), STEP.score]);
      free();
      state = Object.fromEntries(kept.map((name) => [name, out[next(name)]!]));
    },
    dispose: async () => {
      free();
      await forward.dispose();
      await program.dispose();
    },
  };
}
