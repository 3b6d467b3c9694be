/**
 * Regions by graph (Felzenszwalb and Huttenlocher 2004): neighbouring pixels are joined, the most alike first, as long as the difference between
 * two regions is no larger than inside either of them, plus scale / size. Larger scales, larger regions.
 */
import type { Tensor } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import { blurred } from "../blur";
import type { Segments } from "./superpixels";

/** Blur before, as the paper has it, pixels; smaller regions than this many pixels are joined to a neighbour. */
const [SIGMA, LEAST] = [0.8, 150];

/** Regions of a picture [1, 3, H, W], RGB in 0..1; `scale` as if colours went from 0 to 255 over 255. */
export function regions(picture: Tensor, scale: number, least = LEAST): Segments {
  const [, , height, width] = picture.shape as [number, number, number, number];
  const plane = height * width;
  const smooth = blurred(f32(picture.data as Float32Array, picture.shape), SIGMA).data as Float32Array;
  const from: number[] = [];
  const to: number[] = [];
  const far: number[] = [];
  const edge = (a: number, b: number): void => {
    from.push(a);
    to.push(b);
    far.push(
      Math.hypot(
        smooth[a]! - smooth[b]!,
        smooth[plane + a]! - smooth[plane + b]!,
        smooth[2 * plane + a]! - smooth[2 * plane + b]!,
      ),
    );
  };
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      if (x + 1 < width) edge(at, at + 1);
      if (y + 1 < height) edge(at, at + width);
      if (x + 1 < width && y + 1 < height) edge(at, at + width + 1);
      if (x > 0 && y + 1 < height) edge(at, at + width - 1);
    }
  const order = Uint32Array.from(far.keys()).sort((a, b) => far[a]! - far[b]! || a - b);
  const parent = Int32Array.from({ length: plane }, (_, i) => i);
  const size = new Int32Array(plane).fill(1);
  const inside = new Float64Array(plane);
  const root = (i: number): number => {
    let at = i;
    while (parent[at] !== at) at = parent[at] = parent[parent[at]!]!;
    return at;
  };
  const join = (a: number, b: number, difference: number): void => {
    const [kept, gone] = size[a]! >= size[b]! ? [a, b] : [b, a];
    parent[gone] = kept;
    size[kept]! += size[gone]!;
    inside[kept] = difference;
  };
  for (const e of order) {
    const [a, b] = [root(from[e]!), root(to[e]!)];
    if (a !== b && far[e]! <= Math.min(inside[a]! + scale / size[a]!, inside[b]! + scale / size[b]!)) join(a, b, far[e]!);
  }
  for (const e of order) {
    const [a, b] = [root(from[e]!), root(to[e]!)];
    if (a !== b && (size[a]! < least || size[b]! < least)) join(a, b, Math.max(inside[a]!, inside[b]!));
  }
  const numbers = new Map<number, number>();
  const of = Int32Array.from({ length: plane }, (_, i) => {
    const r = root(i);
    const known = numbers.get(r) ?? numbers.size;
    numbers.set(r, known);
    return known;
  });
  return { count: numbers.size, of };
}
