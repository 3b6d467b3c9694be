/** What a unit's answers to a sweep say: what it prefers, how choosy it is, and which units of a layer are tuned to something. */
import { axisParameter, picturesPerPoint, pointAt, pointCount, pointNear, type Axis, type Sweep } from "./sweep";

/** Answers to every picture of a sweep [points * pictures, C] as answers to its points [points, C]: strongest of `over`, mean of repeats. */
export function pointResponses(sweep: Sweep, answers: Float32Array, channels: number): Float32Array {
  const [points, each, repeats] = [pointCount(sweep), picturesPerPoint(sweep), sweep.repeats ?? 1];
  if (answers.length !== points * each * channels)
    throw new Error(
      `${answers.length} answers for ${points} points of ${each} pictures and ${channels} units. Show the same sweep.`,
    );
  const out = new Float32Array(points * channels).fill(-Infinity);
  for (let point = 0; point < points; point++)
    for (let first = 0; first < each; first += repeats)
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let i = first; i < first + repeats; i++) sum += answers[(point * each + i) * channels + c]!;
        out[point * channels + c] = Math.max(out[point * channels + c]!, sum / repeats);
      }
  return out;
}

/** One unit's answers to the points, out of [points, C]. */
export const unitResponses = (responses: Float32Array, channels: number, channel: number): Float32Array =>
  Float32Array.from({ length: responses.length / channels }, (_, point) => responses[point * channels + channel]!);

export interface AxisTuning {
  of: string;
  /** In the axis's unit. Of angles the direction of the mean vector, between the values that were shown; else the best value shown. */
  preferred: number;
  /**
   * 0 answers alike to all, 1 to one value alone. Of angles over a full turn: 1 - circular variance, the length of the mean vector (angles
   * doubled where a half turn changes nothing; Ringach, Shapley and Hawken 2002). Of others: sparseness (Vinje and Gallant 2000).
   * Answers below 0 count as 0.
   */
  selectivity: number;
  measure: "1 - circular variance" | "sparseness";
}

export interface UnitTuning {
  /** The point with the strongest answer. */
  peak: number;
  /** What was shown there, by axis. */
  at: Record<string, number>;
  strongest: number;
  weakest: number;
  /** Along each axis, through the peak. */
  axes: AxisTuning[];
}

/** What a unit's answers [points] say. */
export function tuningOf(sweep: Sweep, responses: Float32Array): UnitTuning {
  const peak = responses.reduce((best, v, i) => (v > responses[best]! ? i : best), 0);
  let stride = responses.length;
  const axes = sweep.axes.map((axis): AxisTuning => {
    const count = axis.values.length;
    stride /= count;
    const start = peak - (Math.floor(peak / stride) % count) * stride;
    return axisTuning(
      sweep,
      axis,
      Array.from(axis.values, (_, i) => responses[start + i * stride]!),
    );
  });
  return {
    peak,
    at: pointAt(sweep, peak),
    strongest: responses[peak]!,
    weakest: responses.reduce((low, v) => Math.min(low, v), Infinity),
    axes,
  };
}

function axisTuning(sweep: Sweep, axis: Axis, responses: readonly number[]): AxisTuning {
  const { of, values } = axis;
  const { period } = axisParameter(sweep, axis);
  const positive = responses.map((r) => Math.max(0, r));
  const total = positive.reduce((a, b) => a + b, 0);
  const best = values[responses.indexOf(Math.max(...responses))]!;
  if (period === undefined || !isFullTurn(values, period))
    return { of, preferred: best, selectivity: sparseness(positive), measure: "sparseness" };
  const turn = (2 * Math.PI) / period;
  const [x, y] = [Math.cos, Math.sin].map((f) => positive.reduce((sum, r, i) => sum + r * f(turn * values[i]!), 0)) as [
    number,
    number,
  ];
  const selectivity = total > 0 ? Math.hypot(x, y) / total : 0;
  const direction = (Math.atan2(y, x) / turn + period) % period;
  return { of, preferred: selectivity > 1e-6 ? direction : best, selectivity, measure: "1 - circular variance" };
}

/** Equal steps that come round to where they began. */
const isFullTurn = (values: readonly number[], period: number): boolean =>
  values.length > 2 && values.every((v, i) => Math.abs(v - values[0]! - (i * period) / values.length) < 1e-3);

function sparseness(responses: readonly number[]): number {
  const n = responses.length;
  const mean = responses.reduce((a, b) => a + b, 0) / n;
  const square = responses.reduce((a, b) => a + b * b, 0) / n;
  return square > 0 && n > 1 ? Math.max(0, (1 - mean ** 2 / square) / (1 - 1 / n)) : 0;
}

export interface TunedUnit {
  channel: number;
  /** Standard deviations by which its answer at the point exceeds its mean over the sweep. */
  score: number;
  response: number;
  /** Of its strongest answer anywhere in the sweep. */
  share: number;
}

/** Units whose strongest answer is less than this share of the layer's median are left out: they are all but silent. */
const SILENT = 0.05;

/**
 * The units of a layer that are tuned to a point of a sweep, given by values of its axes: best first, only those whose answer there is
 * above their mean. `responses` is [points, C]. Throws SweepError for a name that is no axis.
 */
export function tunedTo(
  sweep: Sweep,
  responses: Float32Array,
  channels: number,
  wanted: Readonly<Record<string, number>>,
): TunedUnit[] {
  const point = pointNear(sweep, wanted);
  const units = Array.from({ length: channels }, (_, channel) => {
    const own = unitResponses(responses, channels, channel);
    const mean = own.reduce((a, b) => a + b, 0) / own.length;
    const deviation = Math.sqrt(own.reduce((sum, v) => sum + (v - mean) ** 2, 0) / own.length);
    const strongest = own.reduce((a, b) => Math.max(a, b), -Infinity);
    const response = own[point]!;
    const score = deviation > 0 ? (response - mean) / deviation : 0;
    return { channel, score, response, share: strongest > 0 ? response / strongest : 0, strongest };
  });
  const peaks = units.map(({ strongest }) => strongest).sort((a, b) => a - b);
  const floor = SILENT * Math.max(0, peaks[Math.floor(peaks.length / 2)]!);
  return units
    .filter(({ score, strongest }) => score > 0 && strongest > floor)
    .sort((a, b) => b.score - a.score || a.channel - b.channel)
    .map(({ channel, score, response, share }) => ({ channel, score, response, share }));
}
