/** From a model and an objective to what can be climbed. */
import type { Graph } from "../onnx/graph";
import type { Preprocessing } from "../onnx/preprocessing";
import { planObjective } from "../vis/objective/program";
import type { Objective } from "../vis/objective/types";
import type { Recipe } from "../vis/recipe";
import { prepare } from "./prepare";
import type { Runtime } from "./runtime";
import { compileStepper, stepperKey, type Goal, type Stepper } from "./stepper";

export interface GoalOptions {
  graph: Graph;
  preprocessing: Preprocessing;
  /** In the graph's own names (vis/objective/resolve.ts). */
  objective: Objective;
  recipe: Recipe;
}

/** Where compiled steps come from: made when a key is seen for the first time. */
export type StepperCache = (key: string, make: () => Promise<Stepper>) => Promise<Stepper>;

/** Cuts the model after the objective's layers and compiles the step. Throws what prepare and compileStepper throw. */
export async function compileGoal(
  runtime: Runtime,
  options: GoalOptions,
  cache: StepperCache = (_, make) => make(),
): Promise<Goal> {
  const { graph, preprocessing, recipe } = options;
  const objective = planObjective(options.objective, recipe.batch);
  const stepper = await cache(stepperKey(objective, recipe), async () => {
    const model = prepare({ graph, preprocessing, layers: objective.layers, recipe });
    return compileStepper(runtime, model, { objective, recipe });
  });
  return { stepper, objective };
}
