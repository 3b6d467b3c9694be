/** A step, compiled: what it is made of, and when two renders can share one. */
import type { StaticGraph } from "../onnx/graph";
import type { ObjectivePlan } from "../vis/objective/program";
import type { Recipe } from "../vis/recipe";
import { next, stepGraph, targetGraph, type StepGraph, type TargetGraph } from "../vis/stepGraph";
import type { Program, Runtime } from "./runtime";

/** The compiled programs of a step. */
export interface Stepper {
  runtime: Runtime;
  step: StepGraph;
  plain: Program;
  /** Revives dead units in the first steps; null when the recipe redirects nothing. */
  redirected: Program | null;
  /** Computes what the objective is compared with; null when it is compared with nothing. */
  targets: { program: Program; graph: TargetGraph } | null;
  dispose(): Promise<void>;
}

/** What is climbed: a compiled step, and an objective whose structure is the one that it was compiled for. */
export interface Goal {
  stepper: Stepper;
  objective: ObjectivePlan;
}

/** Renders of one model with equal keys can share a Stepper: everything that its graphs are made of. */
export function stepperKey({ structure }: ObjectivePlan, recipe: Recipe): string {
  const { size, batch, parametrization, color, alpha, transforms, redirectSteps, maxPool } = recipe;
  const optimizer = { ...recipe.optimizer, learningRate: 0 };
  return JSON.stringify([
    structure,
    size,
    batch,
    parametrization,
    color,
    alpha?.kind,
    transforms,
    optimizer,
    redirectSteps > 0,
    maxPool,
  ]);
}

/** Compiles the step of `objective` for a model that `prepare` cut after its layers. Throws what stepGraph and the runtime throw. */
export async function compileStepper(
  runtime: Runtime,
  model: StaticGraph,
  { objective, recipe }: { objective: ObjectivePlan; recipe: Recipe },
): Promise<Stepper> {
  const graphOf = (redirect: boolean): StepGraph => stepGraph(model, { recipe, objective, redirect });
  const step = graphOf(false);
  const resident = [...step.state.keys()].map(next);
  const graph = targetGraph(model, recipe, step);
  const plain = await runtime.compile(step.graph, { resident });
  const redirected = recipe.redirectSteps > 0 ? await runtime.compile(graphOf(true).graph, { resident }) : null;
  const targets = graph && { graph, program: await runtime.compile(graph.graph, { resident: graph.graph.outputs }) };
  const dispose = async (): Promise<void> => {
    for (const program of [plain, redirected, targets?.program]) await program?.dispose();
  };
  return { runtime, step, plain, redirected, targets, dispose };
}
