/** Gauss-Legendre quadrature: the n points and weights on 0..1 that integrate polynomials up to degree 2 n - 1 exactly. */

export interface Quadrature {
  /** In 0..1, rising. */
  points: Float64Array;
  /** They sum to 1. */
  weights: Float64Array;
}

/** By Newton's method on the Legendre polynomial, from Tricomi's guess at its roots. Throws RangeError for n < 1. */
export function gaussLegendre(n: number): Quadrature {
  if (!Number.isInteger(n) || n < 1) throw new RangeError(`quadrature with ${n} points: give a whole number of at least 1.`);
  const points = new Float64Array(n);
  const weights = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
    for (let step = 0; step < 100; step++) {
      const [value, slope] = legendre(n, x);
      const move = value / slope;
      x -= move;
      if (Math.abs(move) < 1e-15) break;
    }
    const [, slope] = legendre(n, x);
    points[n - 1 - i] = (x + 1) / 2;
    weights[n - 1 - i] = 1 / ((1 - x * x) * slope * slope);
  }
  return { points, weights };
}

/** The Legendre polynomial of degree n and its derivative. */
function legendre(n: number, x: number): [value: number, slope: number] {
  let [before, value] = [1, x];
  for (let k = 2; k <= n; k++) [before, value] = [value, ((2 * k - 1) * x * value - (k - 1) * before) / k];
  return [value, (n * (x * value - before)) / (x * x - 1)];
}
