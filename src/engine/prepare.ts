/**
 * From a model as its file holds it to the piece that a render needs: cut after one layer, at the size that the recipe's pictures have
 * when they reach the network.
 */
import { canonicalise, resolveValue } from "../onnx/canonicalise";
import { OpError, type Graph, type StaticGraph } from "../onnx/graph";
import { sidesOf, type Preprocessing } from "../onnx/preprocessing";
import type { Recipe } from "../vis/recipe";
import { transformedSize } from "../vis/transforms";

export interface PrepareOptions {
  graph: Graph;
  preprocessing: Preprocessing;
  /** The layer, by any name that resolveValue understands. */
  layer: string;
  aliases?: readonly string[];
  recipe: Pick<Recipe, "size" | "transforms">;
  /** Pictures made at once; 1 by default. */
  batch?: number;
}

export interface Prepared {
  /** Input "image" [N, 3, H, W], RGB in 0..1; its one output is the layer. */
  model: StaticGraph;
  /** The graph's own name for the layer. */
  layer: string;
}

/** Networks that join grids of different strides (feature pyramids) often need sides that all strides divide. */
const STRIDE = 32;

/**
 * Cuts `graph` after `layer`. Convolutional layers take the picture at its own scale. A layer that needs a certain input size,
 * as dense ones do, gets the next multiple of 32, or else the network's own size, to which the step graph then zooms the picture.
 * Throws what canonicalise throws, for the network's own size, when none of them fits.
 */
export function prepare({ graph, preprocessing, layer, aliases = [], recipe, batch = 1 }: PrepareOptions): Prepared {
  const name = resolveValue(graph, layer, aliases);
  const at = (size: readonly [number, number]): StaticGraph => canonicalise(graph, { size, batch, until: [name], preprocessing });
  const side = transformedSize(recipe.size, recipe.transforms);
  for (const candidate of new Set([side, Math.ceil(side / STRIDE) * STRIDE]))
    try {
      return { model: at([candidate, candidate]), layer: name };
    } catch (error) {
      if (!(error instanceof OpError)) throw error; // only a node that the size does not fit can be cured by another size
    }
  return { model: at(sidesOf(preprocessing)), layer: name };
}
