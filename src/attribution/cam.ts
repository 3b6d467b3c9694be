/**
 * Class activation maps: arithmetic over one layer's activations A and the score's gradient G by them, both [1, C, h, w]; each gives
 * [h, w], row-major. All but HiResCAM's keep what speaks for the target only.
 *
 * Where the layer is pooled to its mean and a dense layer follows, Grad-CAM, HiResCAM and XGrad-CAM are the same: that layer's weights
 * times the activations.
 */
import type { Tensor } from "../onnx/graph";

/** Keeps quotients finite. */
const EPSILON = 1e-6;

interface Layer {
  channels: number;
  positions: number;
  A: Float32Array;
  G: Float32Array;
}

export type Cam = (activations: Tensor, gradients: Tensor) => Float32Array;

const layerOf = ({ shape, data }: Tensor, gradients: Tensor): Layer => ({
  channels: shape[1]!,
  positions: shape[2]! * shape[3]!,
  A: data as Float32Array,
  G: gradients.data as Float32Array,
});

/** A number for each channel, from its activations and gradients. */
function weights({ channels, positions, A, G }: Layer, of: (A: Float32Array, G: Float32Array) => number): Float64Array {
  const row = (values: Float32Array, c: number) => values.subarray(c * positions, (c + 1) * positions);
  return Float64Array.from({ length: channels }, (_, c) => of(row(A, c), row(G, c)));
}

/** Sum over channels of `at` [C h w]. */
function summed({ channels, positions }: Layer, at: (k: number, c: number) => number): Float32Array {
  const map = new Float32Array(positions);
  for (let c = 0; c < channels; c++) for (let p = 0; p < positions; p++) map[p]! += at(c * positions + p, c);
  return map;
}

const positive = (map: Float32Array): Float32Array => map.map((v) => Math.max(0, v));
const sum = (values: Float32Array): number => values.reduce((a, b) => a + b, 0);

/** The weighted sum of the channels, where it is positive. */
export function weightedCam(activations: Tensor, of: ArrayLike<number>): Float32Array {
  const layer = layerOf(activations, activations);
  return positive(summed(layer, (k, c) => of[c]! * layer.A[k]!));
}

/** Selvaraju et al. 2017: each channel counts with the mean of its gradient. */
export const gradCam: Cam = (activations, gradients) =>
  weightedCam(activations, weights(layerOf(activations, gradients), (_, G) => sum(G) / G.length)); // prettier-ignore

/**
 * Chattopadhay et al. 2018: each channel counts with its positive gradients, each of them by a = G^2 / (2 G^2 + sum(A) G^3), so that several
 * instances of a thing count alike.
 */
export const gradCamPlusPlus: Cam = (activations, gradients) =>
  weightedCam(
    activations,
    weights(layerOf(activations, gradients), (A, G) => {
      const total = sum(A);
      return G.reduce((w, g) => w + (g > 0 ? (g * g * g) / (2 * g * g + total * g ** 3 + EPSILON) : 0), 0);
    }),
  );

/** Draelos and Carin 2020: gradient times activation, position by position; signed, and true to what the network computes there. */
export const hiResCam: Cam = (activations, gradients) => {
  const layer = layerOf(activations, gradients);
  return summed(layer, (k) => layer.A[k]! * layer.G[k]!);
};

/** Fu et al. 2020: each channel counts with the mean of its gradient, weighted by its activations. */
export const xGradCam: Cam = (activations, gradients) =>
  weightedCam(
    activations,
    weights(layerOf(activations, gradients), (A, G) => A.reduce((w, a, p) => w + a * G[p]!, 0) / (sum(A) + EPSILON)),
  );

/** Jiang et al. 2021: activation times positive gradient, position by position. */
export const layerCam: Cam = (activations, gradients) => {
  const layer = layerOf(activations, gradients);
  return positive(summed(layer, (k) => layer.A[k]! * Math.max(0, layer.G[k]!)));
};

const ITERATIONS = 100;

/**
 * Muhammad and Yeasin 2020: the activations projected on their first right singular vector, by power iteration. It knows no target: it shows
 * what dominates the layer. Of the two signs, the one whose map is positive on the whole.
 */
export const eigenCam: Cam = (activations, gradients) => {
  const layer = layerOf(activations, gradients);
  const { channels, positions, A } = layer;
  let unit = normalised(weights(layer, (row) => sum(row) + EPSILON));
  let map = new Float32Array(positions);
  for (let i = 0; i < ITERATIONS; i++) {
    map = summed(layer, (k, c) => unit[c]! * A[k]!) as Float32Array<ArrayBuffer>;
    const next = new Float64Array(channels);
    for (let c = 0; c < channels; c++) for (let p = 0; p < positions; p++) next[c]! += A[c * positions + p]! * map[p]!;
    const before = unit;
    unit = normalised(next);
    if (Math.hypot(...unit.map((v, c) => v - before[c]!)) < 1e-9) break;
  }
  return positive(sum(map) < 0 ? map.map((v) => -v) : map);
};

function normalised(vector: Float64Array): Float64Array {
  const length = Math.hypot(...vector) || 1;
  return vector.map((v) => v / length);
}
