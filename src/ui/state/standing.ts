/** Where a picture stands among photos: which numbers of the statistics an objective is compared with, and the result in words. */
import { unitStats, type Int8Change, type ModelStats, type Quantiles, QUANTILES } from "../../api/stats";
import type { Objective } from "../../vis/objective/types";
import { figure } from "./format";

/** Photos whose objective is known. */
export interface Crowd {
  /** In QUANTILES' order. */
  quantiles: Quantiles;
  count: number;
  /** "ImageNet photos", "photos of yours". */
  of: string;
  /** What int8 weights change in this unit's answers to them, where that is known. */
  int8: Int8Change | null;
}

/**
 * What the statistics say of an objective: one channel's mean, or one position of it, times a number; else null.
 * For a position they have the largest of each photo, so nothing is known of what lowers it most.
 */
export function crowdOf(stats: ModelStats, objective: Objective, names: readonly string[]): Crowd | null {
  if (objective.kind === "scale") {
    const { by, of } = objective;
    const crowd = by < 0 && partOf(of).kind === "neuron" ? null : crowdOf(stats, of, names);
    if (!crowd || by === 0) return null;
    const scaled = crowd.quantiles.map((v) => by * v);
    return { ...crowd, quantiles: (by < 0 ? scaled.reverse() : scaled) as readonly number[] as Quantiles };
  }
  if (objective.kind !== "channel" && objective.kind !== "neuron") return null;
  const response = objective.kind === "channel" ? "mean" : "max";
  const unit = unitStats(stats, { names: [objective.layer, ...names], channel: objective.channel, response });
  return unit && { ...unit, count: stats.photos.count, of: stats.photos.of };
}

const partOf = (objective: Objective): Objective => (objective.kind === "scale" ? partOf(objective.of) : objective);

/** The share of the photos that reach less than `value`, 0..1: between quantiles, linearly. */
export function shareBelow(quantiles: Quantiles, value: number): number {
  const above = quantiles.findIndex((v) => v >= value);
  if (above === -1) return 1;
  if (above === 0) return 0;
  const [low, high] = [quantiles[above - 1]!, quantiles[above]!];
  const [from, to] = [QUANTILES[above - 1]!, QUANTILES[above]!];
  return from + ((value - low) / (high - low)) * (to - from);
}

/** "4.2 times the strongest of 100 ImageNet photos": where `value` stands, as the end of a sentence about it. */
export function standingWords({ quantiles, count, of }: Crowd, value: number): string {
  const crowd = `${count} ${of}`;
  const [low, , , median, , , high] = quantiles;
  if (value > high) {
    if (high <= 0 && value > 0) return `more than any of ${crowd}: none of them raises it above ${figure(high)}`;
    if (low < 0 && median < high) {
      const times = (value - median) / (high - median);
      return times < 1.05
        ? `just above the strongest of ${crowd}`
        : `${factor(times)} times as far above the typical photo as the strongest of ${crowd}`;
    }
    if (high === 0 || low < 0) return `more than any of ${crowd}`;
    return value / high < 1.05
      ? `just above the strongest of ${crowd}`
      : `${factor(value / high)} times the strongest of ${crowd}`;
  }
  if (value < low) return `lower than every one of ${crowd}`;
  if (value === high) return `as much as the strongest of ${crowd}`;
  const passed = Math.min(count - 1, Math.round(shareBelow(quantiles, value) * count));
  return passed > 0 ? `more than about ${passed} of ${crowd}` : `as little as the weakest of ${crowd}`;
}

function factor(times: number): string {
  if (times > 1000) return "over 1,000";
  return times < 9.95 ? times.toFixed(times < 1.95 ? 2 : 1) : Math.round(times).toString();
}

/** Pictures so many times farther out than the photos reach are drawn beyond a break of the axis. */
const BREAK = 9;
/** Share of a broken axis that the photos have. */
const CROWD_SHARE = 0.6;

/** An axis, 0..1 from left to right, on which the photos and a picture have room. */
export interface Axis {
  at(value: number): number;
  /** Where the axis is broken, or null. */
  broken: number | null;
}

/** An axis for the photos' `quantiles` and a picture's `value`, null while there is none. */
export function axisOf(quantiles: Quantiles, value: number | null): Axis {
  const [low, high] = [quantiles[0], quantiles[6]];
  const [from, to] = [Math.min(low, value ?? low), Math.max(high, value ?? high)];
  const within = (a: number, b: number, v: number): number => (b > a ? (v - a) / (b - a) : 0);
  if (to - from <= BREAK * (high - low) || to === from) return { at: (v) => within(from, to, v), broken: null };
  if (to > high)
    return {
      at: (v) => (v > high ? 1 : CROWD_SHARE * within(low, high, v)),
      broken: (1 + CROWD_SHARE) / 2,
    };
  return {
    at: (v) => (v < low ? 0 : 1 - CROWD_SHARE + CROWD_SHARE * within(low, high, v)),
    broken: (1 - CROWD_SHARE) / 2,
  };
}

/** What int8 weights change in a unit, in words: measured over the photos of `crowd`. */
export function int8Words({ int8, count, of }: Crowd): string | null {
  if (!int8) return null;
  const { correlation, difference } = int8;
  const how =
    correlation >= 0.99 && difference < 0.15
      ? "next to nothing"
      : correlation >= 0.95
        ? "little"
        : correlation >= 0.8
          ? "its answers visibly"
          : "its answers so much that float32 weights may draw another picture";
  const apart = difference < 0.01 ? "less than 0.01" : difference.toFixed(2);
  return `${how}. Over ${count} ${of} the two agree at r\u00a0=\u00a0${correlation.toFixed(3)}, ${apart} standard deviations apart`;
}
