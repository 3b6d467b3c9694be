/** Weighted least squares, for surrogates with a handful of unknowns. */

/**
 * beta [m] of the smallest sum of weight (target - row beta)^2 + ridge |beta|^2, the first `free` unknowns not held back by the ridge; by
 * Cholesky. Throws Error where the rows do not tell the unknowns apart and nothing holds them back.
 */
export function leastSquares(
  rows: readonly ArrayLike<number>[],
  targets: ArrayLike<number>,
  weights: ArrayLike<number>,
  ridge: number,
  free = 0,
): Float64Array {
  const m = rows[0]!.length;
  const normal = Array.from({ length: m }, () => new Float64Array(m));
  const right = new Float64Array(m);
  rows.forEach((row, r) => {
    const weight = weights[r]!;
    for (let i = 0; i < m; i++) {
      if (!row[i]) continue;
      right[i]! += weight * row[i]! * targets[r]!;
      for (let j = 0; j <= i; j++) normal[i]![j]! += weight * row[i]! * row[j]!;
    }
  });
  for (let i = free; i < m; i++) normal[i]![i]! += ridge;
  const lower = Array.from({ length: m }, () => new Float64Array(m));
  const scale = Math.max(...normal.map((row, i) => row[i]!));
  for (let i = 0; i < m; i++)
    for (let j = 0; j <= i; j++) {
      let sum = normal[i]![j]!;
      for (let k = 0; k < j; k++) sum -= lower[i]![k]! * lower[j]![k]!;
      if (i > j) lower[i]![j] = sum / lower[j]![j]!;
      else if (sum > 1e-12 * scale) lower[i]![i] = Math.sqrt(sum);
      else throw new Error(`${rows.length} samples do not tell ${m} regions apart. Ask for more samples or fewer regions.`);
    }
  const out = new Float64Array(m);
  for (let i = 0; i < m; i++) {
    let sum = right[i]!;
    for (let k = 0; k < i; k++) sum -= lower[i]![k]! * out[k]!;
    out[i] = sum / lower[i]![i]!;
  }
  for (let i = m - 1; i >= 0; i--) {
    let sum = out[i]!;
    for (let k = i + 1; k < m; k++) sum -= lower[k]![i]! * out[k]!;
    out[i] = sum / lower[i]![i]!;
  }
  return out;
}
