/** Neuron groups: a layer's units as a few that fire together on this picture, and what each group adds to a target (Olah et al. 2018). */
import { nmf, type Factor, type NmfOptions } from "./nmf";

export interface Group extends Factor {
  /** What it adds to the target: its share of the activations times the target's slope by them. */
  adds: number;
}

export interface Groups {
  groups: Group[];
  /** What the activations add that no group has in it. */
  rest: number;
  /** Share of the activations' length that the groups do not have. */
  error: number;
}

/** `activations` and `slopes` are [C, positions]; what is negative in the activations is in no group. */
export async function groupsOf(
  activations: Float32Array,
  slopes: Float32Array,
  shape: readonly [channels: number, positions: number],
  options: NmfOptions,
): Promise<Groups> {
  const { factors, error } = await nmf(activations, shape, options);
  const [, positions] = shape;
  const groups = factors.map((factor) => {
    const adds = slopes.reduce((sum, s, i) => {
      const c = Math.floor(i / positions);
      return sum + s * factor.channels[c]! * factor.positions[i - c * positions]!;
    }, 0);
    return { ...factor, adds };
  });
  const whole = activations.reduce((sum, v, i) => sum + v * slopes[i]!, 0);
  return { groups, rest: whole - groups.reduce((sum, { adds }) => sum + adds, 0), error };
}
