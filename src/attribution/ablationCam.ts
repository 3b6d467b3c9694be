/**
 * Ablation-CAM (Desai and Ramaswamy 2020): each channel counts with the share of the score that is lost when the channel is silenced. Only the
 * later half of the network runs for each; no gradients.
 */
import { f32 } from "../onnx/tensor";
import { weightedCam } from "./cam";
import { strongestChannels } from "./channels";
import { enlarged } from "./enlarge";
import type { Method } from "./probe";

/** Asked about together. */
const AT_ONCE = 32;

export const ablationCam: Method<{ name: "ablationCam"; layer?: string; channels?: number }> = async (
  { probe, picture, signal, onProgress },
  { layer, channels },
) => {
  const { scores, activations } = await probe.layer(picture, layer);
  const [, count, h, w] = activations.shape as [number, number, number, number];
  const own = activations.data as Float32Array;
  const chosen = strongestChannels(activations, channels ?? count);
  const score = scores[0]!;
  const weights = new Float64Array(count);
  for (let done = 0; done < chosen.length;) {
    signal?.throwIfAborted();
    const some = chosen.slice(done, done + AT_ONCE);
    const silenced = new Float32Array(some.length * own.length);
    some.forEach((c, i) => {
      silenced.set(own, i * own.length);
      silenced.fill(0, i * own.length + c * h * w, i * own.length + (c + 1) * h * w);
    });
    const left = await probe.scoresFrom(f32(silenced, [some.length, count, h, w]), picture, layer);
    some.forEach((c, i) => (weights[c] = (score - left[i]!) / (Math.abs(score) || 1)));
    done += some.length;
    onProgress?.(done, chosen.length);
  }
  const map = enlarged(weightedCam(activations, weights), [h, w], probe.size);
  return { map: f32(map, probe.size), score, complete: null };
};
