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
  /** Why it could not be measured; the times are NaN then. */
  error?: string;
}

/**
 * Median times of every contestant over `rounds` rounds, after one that is not counted. One that has run for `budgetMs` in all sits out
 * the rest; where the uncounted round alone took that long, its times stand. A contestant that fails is out, with its reason.
 */
export async function measure(
  contestants: readonly Contestant[],
  rounds: number,
  budgetMs: number,
  onTurn: (round: number, contestant: Contestant) => void = () => {},
): Promise<Measured[]> {
  const states = contestants.map(() => ({ forward: [] as number[], step: [] as number[], spent: 0, error: "" }));
  for (let round = 0; round <= rounds; round++)
    for (const [i, contestant] of contestants.entries()) {
      const mine = states[i]!;
      if (mine.spent > budgetMs || mine.error) continue;
      onTurn(round, contestant);
      if (round === 1) mine.forward = mine.step = [];
      try {
        mine.forward = [...mine.forward, await timed(contestant.forward)];
        mine.step = [...mine.step, await timed(contestant.step)];
        mine.spent += mine.forward.at(-1)! + mine.step.at(-1)!;
      } catch (error) {
        mine.error = (error as Error).message;
      }
    }
  return states.map(({ forward, step, error }) =>
    error ? { forward_ms: NaN, step_ms: NaN, error } : { forward_ms: median(forward), step_ms: median(step) },
  );
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
