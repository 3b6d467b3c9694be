/** How methods go about many pictures: a batch at a time, heard when cancelled, with progress. */
import type { Tensor } from "../onnx/graph";
import { f32 } from "../onnx/tensor";
import type { BackwardRules, MethodContext } from "./probe";

/** What a batch of so many pictures [n, 3, H, W] is to be filled with: the i-th writes its own [3, H, W]. */
export type Fill = (i: number, into: Float32Array) => void;

/** Of one picture: its gradient [3, H, W], to be read before the next is asked for, and its score. */
export type Take = (i: number, gradient: Float32Array, score: number) => void;

export interface GradientWork {
  count: number;
  fill: Fill;
  take: Take;
  rules?: BackwardRules;
  /** At a time; the probe's own when left out. */
  batch?: number;
}

/** Gradients at `count` pictures, in order, reporting each batch. Throws the signal's reason between batches. */
export async function gradientsAt(context: MethodContext, { count, fill, take, rules, batch }: GradientWork): Promise<void> {
  const { probe, picture, signal, onProgress } = context;
  const size = picture.data.length;
  for (let done = 0; done < count;) {
    signal?.throwIfAborted();
    const n = Math.min(batch ?? probe.batch, count - done);
    const pictures = new Float32Array(n * size);
    for (let i = 0; i < n; i++) fill(done + i, pictures.subarray(i * size, (i + 1) * size));
    const { scores, gradients } = await probe.gradients(f32(pictures, [n, ...picture.shape.slice(1)]), rules);
    const all = gradients.data as Float32Array;
    for (let i = 0; i < n; i++) take(done + i, all.subarray(i * size, (i + 1) * size), scores[i]!);
    done += n;
    onProgress?.(done, count);
  }
}

/** Pictures [1, 3, H, W] as one batch [n, 3, H, W]. */
export function stacked(pictures: readonly Tensor[]): Tensor {
  const [first] = pictures as [Tensor];
  const data = new Float32Array(pictures.length * first.data.length);
  pictures.forEach((picture, i) => data.set(picture.data as Float32Array, i * first.data.length));
  return f32(data, [pictures.length, ...first.shape.slice(1)]);
}

/** A map [3, H, W] of a picture [1, 3, H, W]. */
export const mapOf = (picture: Tensor, values: ArrayLike<number>): Tensor =>
  f32(Float32Array.from(values), picture.shape.slice(1));

/** The picture's numbers. */
export const pixels = (picture: Tensor): Float32Array => picture.data as Float32Array;
