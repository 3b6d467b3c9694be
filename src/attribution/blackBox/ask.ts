/** How the network is asked about many changed pictures: a batch at a time, heard when cancelled, with progress. */
import { f32 } from "../../onnx/tensor";
import type { MethodContext } from "../probe";

/** The i-th changed picture [3, H, W], written into place. */
export type Change = (i: number, into: Float32Array) => void;

/** The target of `count` changed pictures, in order. `take` hears of each as it comes. Throws the signal's reason between batches. */
export async function askAbout(
  context: MethodContext,
  count: number,
  change: Change,
  take: (i: number, score: number) => void,
): Promise<void> {
  const { probe, picture, signal, onProgress } = context;
  const size = picture.data.length;
  const atOnce = Math.max(1, probe.batch);
  for (let done = 0; done < count;) {
    signal?.throwIfAborted();
    const n = Math.min(4 * atOnce, count - done);
    const pictures = new Float32Array(n * size);
    for (let i = 0; i < n; i++) change(done + i, pictures.subarray(i * size, (i + 1) * size));
    const scores = await probe.scores(f32(pictures, [n, ...picture.shape.slice(1)]));
    for (let i = 0; i < n; i++) take(done + i, scores[i]!);
    done += n;
    onProgress?.(done, count);
  }
}

/** What is at k of a picture [3, H, W]: `a` where the mask [H, W] is 1, `b` where it is 0. */
export function mixInto(into: Float32Array, a: Float32Array, b: Float32Array, mask: (i: number) => number): void {
  const plane = into.length / 3;
  for (let i = 0; i < plane; i++) {
    const m = mask(i);
    for (let k = i; k < into.length; k += plane) into[k] = m * a[k]! + (1 - m) * b[k]!;
  }
}
