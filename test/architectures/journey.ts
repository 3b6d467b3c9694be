/** What every network goes through: cut, kept as int8, read again, and four steps of a render. */
import { nodeRuntime } from "../../src/engine/ortNode";
import { prepare } from "../../src/engine/prepare";
import { renderPicture, type Rendered } from "../../src/engine/render";
import { compileStepper } from "../../src/engine/stepper";
import { cut } from "../../src/onnx/canonical/cut";
import { activationShape } from "../../src/onnx/canonicalise";
import type { Graph } from "../../src/onnx/graph";
import type { Preprocessing } from "../../src/onnx/preprocessing";
import { planObjective } from "../../src/vis/objective/program";
import type { Recipe } from "../../src/vis/recipe";
import { lucid } from "../../src/vis/recipes";

/** The part of `graph` that `outputs` need, weights included; no weight is read. */
export function truncated(graph: Graph, outputs: readonly string[]): Graph {
  const { nodes, needed } = cut(graph, outputs);
  const constants = new Map([...graph.constants].filter(([name]) => needed.has(name)));
  return { ...graph, outputs, nodes, constants };
}

/** Lucid's recipe without its transforms, whose luck would hide in four steps whether the objective rises. */
const recipe = (size: number): Recipe => ({ ...lucid, size, steps: 4, transforms: [], redirectSteps: 0 });

/** Four steps towards the layer's channels, each with the sign and weight that its number gives. */
export async function fourSteps(graph: Graph, preprocessing: Preprocessing, layer: string, size: number): Promise<Rendered> {
  const runtime = nodeRuntime(1);
  try {
    const model = prepare({ graph, preprocessing, layers: [layer], recipe: recipe(size) });
    const [name] = model.outputs as [string];
    const { channels } = activationShape(model.types.get(name)!.shape)!;
    const vector = Array.from({ length: channels }, (_, c) => Math.sin(c + 1));
    const objective = planObjective({ kind: "direction", layer: name, vector }, 1);
    const stepper = await compileStepper(runtime, model, { objective, recipe: recipe(size) });
    return await renderPicture({ stepper, objective }, { recipe: recipe(size), signal: new AbortController().signal });
  } finally {
    await runtime.dispose();
  }
}

/** The finished picture's numbers: one lost to NaN is black all over. */
export const shades = ({ pictures: [picture] }: Rendered): number => new Set(picture!.rgba.filter((_, i) => i % 4 < 3)).size;
