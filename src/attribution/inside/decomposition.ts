/** A target as a sum over the units of one layer. */
import { weightiest, type UnitValue } from "./positions";

/** score = silent + units + rest. */
export interface Decomposition {
  /** The units that weigh most, for or against. */
  parts: UnitValue[];
  /** All the other units together, and how many they are. */
  others: { value: number; count: number };
  /** The target when the layer is silent: biases, and what passes the layer by. */
  silent: number;
  /** What no unit accounts for: zero but for rounding where the way from the layer to the target is linear. */
  rest: number;
  /** Whether it is. */
  exact: boolean;
}

/** Relative to the sizes that are added: far above what float32 loses, far below what a bent function does. */
const ROUNDING = 1e-3;

/** `units`: what each unit adds [C]. Exact after pooling and a linear head, whatever the picture; elsewhere `rest` says by how much not. */
export function decomposition(units: Float32Array, score: number, silent: number, count: number): Decomposition {
  const parts = weightiest(units, count);
  const sum = units.reduce((total, v) => total + v, 0);
  const sizes = units.reduce((total, v) => total + Math.abs(v), Math.abs(silent) + Math.abs(score));
  const rest = score - silent - sum;
  return {
    parts,
    others: { value: sum - parts.reduce((total, { value }) => total + value, 0), count: units.length - parts.length },
    silent,
    rest,
    exact: Math.abs(rest) <= ROUNDING * sizes,
  };
}
