/**
 * Score-CAM (Wang et al. 2020): each channel counts with what the target makes of the picture seen through that channel's activation alone,
 * enlarged and brought to 0..1; the weights are the softmax of the scores. No gradients.
 */
import { f32 } from "../onnx/tensor";
import { weightedCam } from "./cam";
import { strongestChannels } from "./channels";
import { enlarged } from "./enlarge";
import type { Method } from "./probe";
import { pixels } from "./work";

/** A run of the network each: the paper takes all. */
const CHANNELS = 128;
/** Asked about together. */
const AT_ONCE = 16;

export const scoreCam: Method<{ name: "scoreCam"; layer?: string; channels?: number }> = async (
  { probe, picture, signal, onProgress },
  { layer, channels = CHANNELS },
) => {
  const { scores, activations } = await probe.layer(picture, layer);
  const [, count, h, w] = activations.shape as [number, number, number, number];
  const chosen = strongestChannels(activations, channels);
  const [height, width] = probe.size;
  const x = pixels(picture);
  const seen = new Float32Array(chosen.length);
  for (let done = 0; done < chosen.length;) {
    signal?.throwIfAborted();
    const some = chosen.slice(done, done + AT_ONCE);
    const masked = new Float32Array(some.length * x.length);
    some.forEach((c, i) => {
      const mask = unit(enlarged((activations.data as Float32Array).subarray(c * h * w, (c + 1) * h * w), [h, w], probe.size));
      for (let k = 0; k < x.length; k++) masked[i * x.length + k] = x[k]! * mask[k % mask.length]!;
    });
    seen.set(await probe.scores(f32(masked, [some.length, 3, height, width])), done);
    done += some.length;
    onProgress?.(done, chosen.length);
  }
  const highest = seen.reduce((a, b) => Math.max(a, b), -Infinity);
  const shares = seen.map((v) => Math.exp(v - highest));
  const total = shares.reduce((a, b) => a + b, 0);
  const weights = new Float64Array(count);
  chosen.forEach((c, i) => (weights[c] = shares[i]! / total));
  const map = enlarged(weightedCam(activations, weights), [h, w], probe.size);
  return { map: f32(map, probe.size), score: scores[0]!, complete: null };
};

/** Brought to 0..1; what is the same everywhere hides nothing. */
function unit(values: Float32Array): Float32Array {
  const [low, high] = values.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
  return high! > low! ? values.map((v) => (v - low!) / (high! - low!)) : values.map(() => 1);
}
