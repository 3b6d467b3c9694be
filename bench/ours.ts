/** Micrographia's side of the bench: one forward pass and one whole optimisation step, on any Runtime. */
import { GraphBuilder } from "../src/onnx/builder";
import { canonicalise } from "../src/onnx/canonicalise";
import type { Graph, Tensor } from "../src/onnx/graph";
import { f32 } from "../src/onnx/tensor";
import type { Resident, Runtime } from "../src/engine/runtime";
import { initialTheta } from "../src/vis/parametrization";
import { seeded } from "../src/vis/random";
import type { Recipe } from "../src/vis/recipe";
import { lucid } from "../src/vis/recipes";
import { adamRate, STEP, stepGraph } from "../src/vis/stepGraph";
import { drawAffine, transformedSize } from "../src/vis/transforms";
import { warpInputs } from "../src/vis/warp";
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
  const step = stepGraph(model, { recipe, layer: LAYER, redirect: false });
  const resident = [STEP.nextTheta, STEP.nextM, STEP.nextV];
  const program = await runtime.compile(step.graph, { resident });

  const random = seeded(1, "bench");
  const image = f32(Float32Array.from({ length: 3 * size * size }, () => random.uniform()), [1, 3, size, size]); // prettier-ignore
  const direction = f32(Float32Array.from({ length: step.layer.channels }, (_, c) => (c === 1 ? 1 : 0)), [1, step.layer.channels]); // prettier-ignore
  const positions = step.layer.height * step.layer.width;
  const mask = f32(1 / positions, [1, positions]);
  let state: (Tensor | Resident)[] = [
    f32(initialTheta(recipe, 1, random), step.thetaShape),
    f32(0, step.thetaShape),
    f32(0, step.thetaShape),
  ];
  let t = 0;
  return {
    engine: "micrographia",
    backend: runtime.info.backend,
    forward: async () => {
      await forward.run({ image }, [summary.name]);
    },
    step: async () => {
      const { warp, unwarp } = warpInputs(drawAffine(recipe.transforms, random));
      const feeds = {
        [STEP.theta]: state[0]!,
        [STEP.m]: state[1]!,
        [STEP.v]: state[2]!,
        [STEP.rate]: f32(adamRate(recipe.optimizer, ++t)),
        [STEP.warp]: f32(warp, [3, 2]),
        [STEP.unwarp]: f32(unwarp, [3, 2]),
        [STEP.direction]: direction,
        [STEP.mask]: mask,
      };
      const out = await program.run(feeds, [...resident, STEP.score]);
      for (const value of state) if ("dispose" in value) value.dispose();
      state = resident.map((name) => out[name]!);
    },
    dispose: async () => {
      for (const value of state) if ("dispose" in value) value.dispose();
      await forward.dispose();
      await program.dispose();
    },
  };
}
