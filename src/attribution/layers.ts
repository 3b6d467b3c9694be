/** Which layer a class activation map is taken of, when nobody says. */
import { layersOf } from "../onnx/canonicalise";
import type { StaticGraph } from "../onnx/graph";
import { trunkOf } from "../onnx/locate";
import { AttributionError } from "./types";

/**
 * The last layer with the coarsest grid of more than one position that every path from the picture to the target passes: for a classifier,
 * what it pools. Where no layer is on every path, the last with the coarsest grid. `model` is canonical and cut after the target's layers,
 * `targets`, which do not count themselves. Throws AttributionError when there is none.
 */
export function camLayer(model: StaticGraph, targets: readonly string[]): string {
  const grids = layersOf(model).filter(({ name, grid: [h, w] }) => h * w > 1 && !targets.includes(name));
  const trunk = new Set(trunkOf(model, model.inputs[0]!.name).flatMap((node) => node.outputs));
  const passed = grids.filter(({ name }) => trunk.has(name));
  const candidates = passed.length ? passed : grids;
  const area = ({ grid: [h, w] }: (typeof grids)[number]) => h * w;
  const coarsest = Math.min(...candidates.map(area));
  const layer = candidates.findLast((candidate) => area(candidate) === coarsest);
  if (!layer)
    throw new AttributionError(
      "no layer before the target has a grid of positions, so there is no class activation map. Choose another method.",
    );
  return layer.name;
}
