/**
 * Expanded weights as a graph that any runtime runs: the gradient of a later layer's unit, at one position, by the units of an earlier one,
 * through the linear part of what lies between. Of a linear map it is the map's own numbers, so that no picture is needed.
 */
import { gradient } from "../autodiff/gradient";
import { GraphBuilder } from "../onnx/builder";
import { activationShape } from "../onnx/canonicalise";
import { sizeOf, type StaticGraph, type Tensor } from "../onnx/graph";
import { fieldAt, receptiveFields, type Rectangle } from "../onnx/receptiveField";
import { f32 } from "../onnx/tensor";
import { linearPart, type Approximation } from "./linearPart";

/** A layer at one end. */
export interface LayerEnd {
  layer: string;
  channels: number;
  grid: readonly [height: number, width: number];
}

export interface Expansion {
  /** Input COTANGENT [batch, C', H', W'], output GRADIENT [batch, C, H, W]. */
  graph: StaticGraph;
  from: LayerEnd;
  to: LayerEnd;
  /** Units at a time: the model's batch. */
  batch: number;
  /** The later layer's position that is asked: the centre, where no padding reaches as long as the kernel fits. */
  position: readonly [row: number, column: number];
  /** Which part of the earlier grid it sees: the kernel's extent. */
  window: Rectangle;
  approximations: Approximation[];
  bypassed: boolean;
}

export const COTANGENT = "cotangent";
export const GRADIENT = "grad";

/**
 * Prepares a model, static and cut after `to`, for asking a batch of units at a time. Throws what linearPart throws, and Error for layers
 * that are no grids of channels.
 */
export function expansion(model: StaticGraph, { from, to }: { from: string; to: string }): Expansion {
  const { graph, approximations, bypassed } = linearPart(model, { from, to });
  const [input, output] = [from, graph.outputs[0]!];
  const ends = [endOf(model, from), endOf(model, to)] as const;
  const [rows, columns] = ends[1].grid;
  const position = [Math.floor(rows / 2), Math.floor(columns / 2)] as const;
  const field = receptiveFields(graph, input).get(output)!;
  const seen = fieldAt(field, position, ends[0].grid);
  const b = new GraphBuilder(gradient(graph, { of: output, wrt: input }));
  const slopes = b.build("expanded weights", [b.value(GRADIENT)], { dropUnusedInputs: true });
  const batch = model.types.get(to)!.shape[0]!;
  return {
    graph: slopes,
    from: ends[0],
    to: ends[1],
    batch,
    position,
    window: inside(seen, ends[0].grid),
    approximations,
    bypassed,
  };
}

function endOf(model: StaticGraph, layer: string): LayerEnd {
  const { shape } = model.types.get(layer)!;
  const act = shape.length === 4 || shape.length === 2 ? activationShape(shape) : undefined;
  if (!act)
    throw new Error(
      `layer "${layer}" has the shape [${shape}]: weights are drawn between grids of channels. Choose another layer.`,
    );
  return { layer, channels: act.channels, grid: [act.height, act.width] };
}

const inside = ({ left, top, right, bottom }: Rectangle, [height, width]: readonly [number, number]): Rectangle => ({
  left: Math.max(0, left),
  top: Math.max(0, top),
  right: Math.min(width, right),
  bottom: Math.min(height, bottom),
});

/** What is fed to ask for units, at most a batch of them. */
export function cotangentOf({ graph, to, batch, position }: Expansion, units: readonly number[]): Tensor {
  const { shape } = graph.inputs.find(({ name }) => name === COTANGENT)!;
  const places = sizeOf(to.grid);
  const data = new Float32Array(batch * to.channels * places);
  units.forEach((unit, n) => (data[(n * to.channels + unit) * places + position[0] * to.grid[1] + position[1]] = 1));
  return f32(data, shape as readonly number[]);
}

/** Kernels [units, C, kh, kw] out of a gradient [batch, C, H, W]: what lies in the window. */
export function kernelsOf({ from, window }: Expansion, gradient: Float32Array, units: number): Float32Array<ArrayBuffer> {
  const { left, right, top, bottom } = window;
  const [height, width] = from.grid;
  const [kh, kw] = [bottom - top, right - left];
  const kernels = new Float32Array(units * from.channels * kh * kw);
  for (let plane = 0; plane < units * from.channels; plane++)
    for (let row = 0; row < kh; row++) {
      const start = (plane * height + top + row) * width + left;
      kernels.set(gradient.subarray(start, start + kw), (plane * kh + row) * kw);
    }
  return kernels;
}
