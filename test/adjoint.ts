/**
 * The adjoint test of a whole network: our gradient, in ORT's float32, against directional differences of the network in double
 * (float64/).
 *
 * f(x) = <layer(x), u> for a random u; the slope of f along random directions v of unit-variance noise is compared with <grad, v>.
 * ReLU networks are piecewise linear with thousands of kinks near any point: float32 has no width of the difference that is
 * narrow enough for them and wide enough for its rounding (1e-2 at best, measured). In double, a width of 1e-8 crosses none, and
 * agreement is about 1e-6. Where float32's rounding puts one unit on the other side of its kink, gradients truly differ by that
 * unit's share, up to 1e-2: then another starting picture is taken. A wrong rule is wrong at each.
 */
import { gradient } from "../src/autodiff/gradient";
import { nodeRuntime } from "../src/engine/ortNode";
import type { StaticGraph, Tensor } from "../src/onnx/graph";
import { f32 } from "../src/onnx/tensor";
import { runInDouble } from "./float64/run";
import { hasSharedData, photo, photoNames } from "./photos";
import { randomTensor } from "./smallGraph";

export const TOLERANCE = 1e-3;
const STARTS = 4;
const EPS = 1e-8;

/**
 * |slopes - <grad, v>| / |slopes| over the directions, at the first starting picture where it is below TOLERANCE, else the least.
 * The graph takes "image" [1, 3, size, size] and nothing else.
 */
export async function disagreement(model: StaticGraph, of: string, size: number, directions = 2): Promise<number> {
  const runtime = nodeRuntime(1);
  const network = await runtime.compile(gradient(model, { of, wrt: "image" }), { resident: [] });
  const cotangent = randomTensor(model.types.get(of)!.shape, 11);
  let least = Infinity;
  for (let start = 0; start < STARTS && !(least < TOLERANCE); start++) {
    const image = startingPicture(start, size);
    const grad = (await network.run({ image, cotangent }, ["grad"])).grad as Tensor;
    let [wrong, total] = [0, 0];
    for (let seed = 1; seed <= directions; seed++) {
      const along = randomTensor(image.shape, seed).data;
      const f = (by: number) => {
        const moved = Float64Array.from(image.data as Float32Array, (v, i) => v + by * Number(along[i]));
        return dot(runInDouble(model, { image: moved }, of), cotangent.data);
      };
      const slope = (f(EPS) - f(-EPS)) / (2 * EPS);
      wrong += (slope - dot(grad.data, along)) ** 2;
      total += slope ** 2;
    }
    least = Math.min(least, Math.sqrt(wrong / total));
  }
  await runtime.dispose();
  return least;
}

/** A photo where there is one, else smooth waves of colour. */
function startingPicture(start: number, size: number): Tensor {
  if (hasSharedData) return photo(photoNames()[3 + start]!, size);
  const wave = (i: number) => 0.5 + 0.3 * Math.sin(start + (i % size) / 7 + Math.floor(i / size) / 11);
  return f32(Float32Array.from({ length: 3 * size * size }, (_, i) => wave(i)), [1, 3, size, size]); // prettier-ignore
}

function dot(a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Number(a[i]!) * Number(b[i]!);
  return sum;
}
