/** Where in a picture of the reader's own a position of a layer looked: from the grid to the network's input to the picture's own pixels. */
import { fieldAt, type ReceptiveField, type Rectangle } from "../onnx/receptiveField";

export interface CropRequest {
  field: ReceptiveField;
  /** row * columns + column of the layer's grid. */
  position: number;
  grid: readonly [height: number, width: number];
  /** The network's input. */
  size: readonly [height: number, width: number];
  /** The picture as it was handed in. */
  picture: { width: number; height: number };
}

/**
 * The receptive field of a position in the picture's pixels, cut off at what the network was shown: the largest centre part of the
 * picture in the network's shape (vis/resample.ts). Not rounded, so that it can be drawn at any scale.
 */
export function cropOf({ field, position, grid: [, columns], size, picture }: CropRequest): Rectangle {
  const [rows, cols] = size;
  const seen = fieldAt(field, [Math.floor(position / columns), position % columns], size);
  const scale = Math.min(picture.width / cols, picture.height / rows);
  const [left, top] = [(picture.width - cols * scale) / 2, (picture.height - rows * scale) / 2];
  const inside = (value: number, limit: number): number => Math.min(limit, Math.max(0, value)) * scale;
  return {
    left: left + inside(seen.left, cols),
    top: top + inside(seen.top, rows),
    right: left + inside(seen.right, cols),
    bottom: top + inside(seen.bottom, rows),
  };
}
