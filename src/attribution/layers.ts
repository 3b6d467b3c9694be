/** Which layer a class activation map is taken of, when nobody says. */
import { layersOf } from "../onnx/canonicalise";
import type { StaticGraph } from "../onnx/graph";
import { trunkOf } from "../onnx/locate";
import { AttributionError } from "./types";

/** A grid with so many times the positions of the coarsest is too fine for a map of a layer: it would be a dot. */
const TOO_FINE = 4;

/**
 * The last layer with the coarsest grid of more than one position that every path from the picture to the target passes: for a classifier,
 * what it pools. Where no layer on every path is coarse (a detector decodes its map finely, past the coarse layers by bridges), the last with
 * the coarsest grid. `model` is canonical and cut after the target's layers,
 * `targets`, which do not count themselves. Throws AttributionError when there is none.
 */
export function camLayer(model: StaticGraph, targets: readonly string[]): string {
  const grids = layersOf(model).filter(({ name, grid: [h, w] }) => h * w > 1 && !targets.includes(name));
  const trunk = new Set(trunkOf(model, model.inputs[0]!.name).flatMap((node) => node.outputs));
  const passed = grids.filter(({ name }) => trunk.has(name));
  const area = ({ grid: [h, w] }: (typeof grids)[number]) => h * w;
  const least = (list: typeof grids): number => Math.min(...list.map(area));
  const candidates = least(passed) <= TOO_FINE * least(grids) ? passed : grids;
  const coarsest = least(candidates);
  const layer = candidates.findLast((candidate) => area(candidate) === coarsest);
  if (!layer)
    throw new AttributionError(
      "no layer before the target has a grid of positions, so there is no class activation map. Choose another method.",
    );
  return layer.name;
}
