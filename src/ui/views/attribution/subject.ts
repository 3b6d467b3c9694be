/** The picture that is explained: as the network gets it, with a patch hidden if one is. Pure. */
import type { Picture } from "../../../api/engine";
import type { Tensor } from "../../../onnx/graph";
import { f32 } from "../../../onnx/tensor";
import { isDrawn, namedInput } from "../../../vis/named";
import { networkInput } from "../../../vis/resample";

/** A square that hides part of the picture: its centre and side as shares of the picture's width and of its shorter side. */
export interface Occluder {
  x: number;
  y: number;
  side: number;
}

/** What the network gets of a picture: [1, 3, height, width], RGB in 0..1. One that is drawn by rule is drawn at that size. */
export function inputOf(
  { name, picture }: { name: string; picture: Picture },
  size: readonly [height: number, width: number],
): Tensor {
  const { width, height, rgba: data } = picture;
  return isDrawn(name) ? namedInput(name, {}, size) : networkInput({ width, height, data, channels: 4 }, size);
}

/** `input` with mid-grey where the occluder is; the same where there is none. */
export function occluded(input: Tensor, occluder: Occluder | null): Tensor {
  if (!occluder) return input;
  const [, , height, width] = input.shape as [number, number, number, number];
  const { left, top, side } = squareOf(occluder, [height, width]);
  const data = Float32Array.from(input.data as Float32Array);
  for (let y = Math.max(0, top); y < Math.min(height, top + side); y++)
    for (let x = Math.max(0, left); x < Math.min(width, left + side); x++)
      for (let c = 0; c < 3; c++) data[(c * height + y) * width + x] = 0.5;
  return f32(data, input.shape);
}

/** The occluder in pixels of the network's input. */
export function squareOf({ x, y, side }: Occluder, [height, width]: readonly [number, number]) {
  const pixels = Math.max(1, Math.round(side * Math.min(height, width)));
  return { left: Math.round(x * width - pixels / 2), top: Math.round(y * height - pixels / 2), side: pixels };
}
