/**
 * Integrated gradients (Sundararajan, Taly and Yan 2017): the gradient along the straight path from a baseline, times the way.
 *
 *   map = (x - x0) * integral over a in 0..1 of df/dx(x0 + a (x - x0)),   sum(map) = f(x) - f(x0)
 *
 * By Gauss-Legendre quadrature. A network of rectifiers has kinks along the path, so the sum is never met exactly: the gap says how nearly.
 */
import { BLACK, baselinePicture } from "./baselines";
import type { Method } from "./probe";
import { gaussLegendre } from "./quadrature";
import type { Baseline } from "./types";
import { gradientsAt, mapOf, pixels, stacked } from "./work";

const POINTS = 50;

export const integratedGradients: Method<{ name: "integratedGradients"; points?: number; baseline?: Baseline }> = async (
  context,
  { points = POINTS, baseline = BLACK },
) => {
  const { probe, picture } = context;
  const start = baselinePicture(baseline, context);
  const [x, from] = [pixels(picture), pixels(start)];
  const quadrature = gaussLegendre(points);
  const sum = new Float64Array(x.length);
  await gradientsAt(context, {
    count: points,
    fill: (i, into) => {
      const a = quadrature.points[i]!;
      for (let k = 0; k < x.length; k++) into[k] = from[k]! + a * (x[k]! - from[k]!);
    },
    take: (i, gradient) => {
      const weight = quadrature.weights[i]!;
      for (let k = 0; k < x.length; k++) sum[k]! += weight * gradient[k]!;
    },
  });
  const [score, base] = await probe.scores(stacked([picture, start]));
  return { map: mapOf(picture, sum.map((g, k) => g * (x[k]! - from[k]!))), score: score!, complete: score! - base! }; // prettier-ignore
};
