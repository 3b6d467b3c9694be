/** Pixels: from a network's numbers to bytes. */
import type { Picture } from "../../api/engine";
import type { Tensor } from "../../onnx/graph";

/** [1, 3, H, W] in 0..1 as opaque RGBA. */
export function f32Picture({ data, shape }: Tensor): Picture {
  const [, , height, width] = shape as [number, number, number, number];
  const plane = height * width;
  const rgba = new Uint8ClampedArray(4 * plane).fill(255);
  for (let i = 0; i < plane; i++) for (let c = 0; c < 3; c++) rgba[4 * i + c] = 255 * (data[c * plane + i] as number);
  return { width, height, rgba };
}

/** Over middle grey where it is transparent: networks see no alpha. */
export function opaque({ width, height, rgba }: Picture): Picture {
  const out = new Uint8ClampedArray(rgba);
  for (let i = 0; i < out.length; i += 4) {
    const alpha = rgba[i + 3]! / 255;
    for (let c = 0; c < 3; c++) out[i + c] = alpha * rgba[i + c]! + (1 - alpha) * 127.5;
    out[i + 3] = 255;
  }
  return { width, height, rgba: out };
}
