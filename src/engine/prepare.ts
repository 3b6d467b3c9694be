/**
 * From a model as its file holds it to the piece that a render needs: cut after the objective's layers, at the size that the recipe's
 * pictures have when they reach the network.
 */
import { canonicalise, resolveValue } from "../onnx/canonicalise";
import { GraphBuilder } from "../onnx/builder";
import { OpError, type Graph, type StaticGraph } from "../onnx/graph";
import { sidesOf, type Preprocessing } from "../onnx/preprocessing";
import type { Recipe } from "../vis/recipe";
import { copiesOf, transformedSize } from "../vis/transforms/plan";

export interface PrepareOptions {
  graph: Graph;
  preprocessing: Preprocessing;
  /** Layers, by any name that resolveValue understands; with none, the "network" is the picture itself. */
  layers: readonly string[];
  recipe: Pick<Recipe, "size" | "transforms" | "batch">;
}

/** Networks that join grids of different strides (feature pyramids) often need sides that all strides divide. */
const STRIDE = 32;

/**
 * Cuts `graph` after `layers`: input "image" [batch * crops, 3, H, W], RGB in 0..1; its outputs are the layers, in the order given, by the
 * graph's own names. Convolutional layers take the picture at its own scale. A layer that needs a certain input size, as dense ones do,
 * gets the next multiple of 32, or else the network's own size, to which the step graph then zooms the picture.
 * Throws what canonicalise throws, for the network's own size, when none of them fits.
 */
export function prepare({ graph, preprocessing, layers, recipe }: PrepareOptions): StaticGraph {
  const batch = recipe.batch * copiesOf(recipe.transforms);
  const side = transformedSize(recipe.size, recipe.transforms);
  if (!layers.length) return pictureAlone(batch, [side, side]);
  const until = layers.map((layer) => resolveValue(graph, layer));
  const at = (size: readonly [number, number]): StaticGraph => canonicalise(graph, { size, batch, until, preprocessing });
  for (const candidate of new Set([side, Math.ceil(side / STRIDE) * STRIDE]))
    try {
      return at([candidate, candidate]);
    } catch (error) {
      if (!(error instanceof OpError)) throw error; // only a node that the size does not fit can be cured by another size
    }
  return at(sidesOf(preprocessing));
}

/** No network: for objectives of the picture itself. */
export function pictureAlone(batch: number, size: readonly [height: number, width: number]): StaticGraph {
  const b = new GraphBuilder();
  b.input("image", "float32", [batch, 3, ...size]);
  return b.build("picture", []);
}
