/** Timing of contestants side by side: rounds interleave them, so that a machine whose speed drifts is unfair to nobody. */

/** One engine on one backend, ready to run. Both functions resolve when the result is there, not when it was asked for. */
export interface Contestant {
  engine: string;
  backend: string;
  forward: () => Promise<void>;
  step: () => Promise<void>;
  dispose: () => Promise<void>;
}

/** One line of the table and of the JSON. */
export interface Row {
  engine: string;
  backend: string;
  model: string;
  layer: string;
  size: number;
  batch: number;
  /** Medians, milliseconds. */
  forward_ms: number;
  step_ms: number;
  /** step_ms / forward_ms */
  ratio: number;
}

export interface Measured {
  forward_ms: number;
  step_ms: number;
}

/**
 * Median times of every contestant over `rounds` rounds, after one that is not counted. One that has run for `budgetMs` in all sits out
 * the rest, once it has a time of each kind.
 */
export async function measure(
  contestants: readonly Contestant[],
  rounds: number,
  budgetMs: number,
  onRound: (round: number) => void = () => {},
): Promise<Measured[]> {
  const times = contestants.map(() => ({ forward: [] as number[], step: [] as number[], spent: 0 }));
  for (let round = 0; round <= rounds; round++) {
    onRound(round);
    for (const [i, contestant] of contestants.entries()) {
      const mine = times[i]!;
      if (mine.spent > budgetMs && mine.step.length > 0) continue;
      for (const phase of ["forward", "step"] as const) {
        const started = performance.now();
        await contestant[phase]();
        const took = performance.now() - started;
        mine.spent += took;
        if (round > 0) mine[phase].push(took);
      }
    }
  }
  return times.map(({ forward, step }) => ({ forward_ms: median(forward), step_ms: median(step) }));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
