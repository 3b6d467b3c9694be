/**
 * A sweep: a stimulus whose numbers run over one or two axes, as plain JSON that crosses to the worker, sits in links, and keys what is kept.
 *
 * Points are in the order of the axes, the last running fastest. To each belong several pictures: every value of `over` (a grating's phase),
 * of which the strongest answer counts, as that of complex cells is measured; and `repeats` at seeded places, whose mean counts, so that
 * how a stimulus happens to lie on the network's grid does not.
 */
import { seeded } from "../vis/random";
import { KINDS, parametersOf, type Parameter, type Stimulus, type StimulusKind } from "./stimuli";

export interface Axis {
  /** A parameter of the stimulus. */
  of: string;
  values: readonly number[];
}

export interface Sweep {
  kind: StimulusKind;
  /** One or two, outermost first. */
  axes: readonly Axis[];
  /** The strongest of these counts. */
  over?: Axis;
  /** Parameters that stay. */
  fixed?: Readonly<Record<string, number>>;
  /** Places at which each is shown; default 1, the centre. */
  repeats?: number;
  /** The farthest such a place is from the centre, in pixels along each axis. */
  jitter?: number;
  seed?: number;
}

/** A sweep that cannot be shown; the message names the field, both values and what is possible. */
export class SweepError extends Error {
  override readonly name = "SweepError";
}

const MAX_PICTURES = 5000;

/** `count` values over a full turn of `period` degrees. */
export const around = (period: 180 | 360, count: number): number[] =>
  Array.from({ length: count }, (_, i) => (i * period) / count);
/** Up to `count` whole numbers from `low` to `high`, each about as many times the last. */
export const steps = (low: number, high: number, count: number): number[] => [
  ...new Set(Array.from({ length: count }, (_, i) => Math.round(low * (high / low) ** (i / (count - 1))))),
];

/** The sweeps that are offered; sizes suit pictures of `side` pixels, the shorter. */
export function usualSweeps(side: number): Readonly<Record<string, Sweep>> {
  const at = (share: number): number => Math.max(1, Math.round(share * side));
  const places = { repeats: 2, jitter: at(0.03), seed: 0 };
  return {
    gratings: {
      kind: "grating",
      axes: [{ of: "orientation", values: around(180, 12) }, { of: "frequency", values: steps(at(0.02), at(0.25), 8) }],
      over: { of: "phase", values: around(360, 4) },
    },
    curves: {
      kind: "curve",
      axes: [{ of: "orientation", values: around(360, 16) }, { of: "radius", values: steps(at(0.04), at(0.4), 6) }],
      over: { of: "polarity", values: [-1, 1] },
      ...places,
    },
    edges: { kind: "edge", axes: [{ of: "orientation", values: around(360, 24) }], ...places },
    colours: {
      kind: "colour",
      axes: [{ of: "lightness", values: [0.3, 0.45, 0.6, 0.75, 0.9] }, { of: "hue", values: around(360, 18) }],
    },
    bars: {
      kind: "bar",
      axes: [{ of: "orientation", values: around(180, 12) }, { of: "width", values: steps(at(0.01), at(0.2), 7) }],
      over: { of: "polarity", values: [-1, 1] },
      ...places,
    },
    blobs: {
      kind: "blob",
      axes: [{ of: "polarity", values: [-1, 1] }, { of: "diameter", values: steps(at(0.015), at(0.5), 12) }],
      ...places,
    },
    "line ends": {
      kind: "lineEnd",
      axes: [{ of: "orientation", values: around(360, 16) }, { of: "width", values: steps(at(0.015), at(0.12), 5) }],
      over: { of: "polarity", values: [-1, 1] },
      ...places,
    },
  }; // prettier-ignore
}

/** How many points a sweep has. */
export const pointCount = ({ axes }: Sweep): number => axes.reduce((n, { values }) => n * values.length, 1);
/** How many pictures belong to each. */
export const picturesPerPoint = ({ over, repeats = 1 }: Sweep): number => (over?.values.length ?? 1) * repeats;

/** The values of the axes at a point. */
export function pointAt({ axes }: Sweep, point: number): Record<string, number> {
  const at: Record<string, number> = {};
  let rest = point;
  for (const { of, values } of axes.toReversed()) {
    at[of] = values[rest % values.length]!;
    rest = Math.floor(rest / values.length);
  }
  return at;
}

/** The point nearest to values of the axes, angles by the shorter way round. Throws SweepError for a name that is no axis. */
export function pointNear(sweep: Sweep, wanted: Readonly<Record<string, number>>): number {
  const known = sweep.axes.map(({ of }) => of);
  const stranger = Object.keys(wanted).find((name) => !known.includes(name));
  if (stranger !== undefined) throw new SweepError(`"${stranger}" is no axis of this sweep: choose among ${known.join(", ")}.`);
  return sweep.axes.reduce((point, { of, values }) => {
    const { period } = parametersOf(sweep.kind)[of]!;
    const off = (value: number): number => {
      const plain = Math.abs(value - (wanted[of] ?? values[0]!));
      return period ? Math.min(plain % period, period - (plain % period)) : plain;
    };
    const nearest = values.reduce((best, value, i) => (off(value) < off(values[best]!) ? i : best), 0);
    return point * values.length + nearest;
  }, 0);
}

/**
 * Every picture of a sweep: those of point 0, then of point 1, and so on; within a point by `over`, then by repeat.
 * Throws SweepError as checkSweep does.
 */
export function stimuliOf(sweep: Sweep, size: readonly [height: number, width: number]): Stimulus[] {
  checkSweep(sweep, size);
  const { kind, over, fixed = {}, repeats = 1, jitter = 0, seed = 0 } = sweep;
  const random = seeded(seed, "stimulus places");
  const off = (): number => jitter * (2 * random.uniform() - 1);
  const shifts = Array.from({ length: repeats }, (_, i): readonly [number, number] => (i === 0 ? [0, 0] : [off(), off()]));
  return Array.from({ length: pointCount(sweep) }, (_, point) => pointAt(sweep, point)).flatMap((at) =>
    (over ? over.values.map((value) => ({ [over.of]: value })) : [{}]).flatMap((also) =>
      shifts.map((shift): Stimulus => ({ kind, parameters: { ...fixed, ...also, ...at }, shift })),
    ),
  );
}

/** Throws SweepError where a sweep cannot be shown at a size. */
export function checkSweep(sweep: Sweep, [height, width]: readonly [number, number]): void {
  const { kind, axes, over, fixed = {}, repeats = 1, jitter = 0 } = sweep;
  const fail = (what: string): never => {
    throw new SweepError(what);
  };
  if (!Object.hasOwn(KINDS, kind)) fail(`"${String(kind)}" is no stimulus: choose among ${Object.keys(KINDS).join(", ")}.`);
  const parameters = parametersOf(kind);
  const check = (of: string, values: readonly number[]): void => {
    const { least, most, unit } =
      parameters[of] ?? fail(`a ${kind} has no "${of}": choose among ${Object.keys(parameters).join(", ")}.`);
    const top = unit === "cycles per picture" ? Math.min(height, width) / 2 : most; // finer stripes than two pixels cannot be shown
    const odd = values.find((v) => !(v >= least && v <= top));
    if (odd !== undefined)
      fail(`${of} ${odd} of a ${kind} must be ${least} to ${top} ${unit} in a picture of ${width} x ${height}.`);
    if (!values.length) fail(`${of} of a ${kind} has no values. Name at least one.`);
  };
  if (axes.length < 1 || axes.length > 2) fail(`a sweep has one axis or two, not ${axes.length}.`);
  for (const { of, values } of [...axes, ...(over ? [over] : [])]) check(of, values);
  for (const [of, value] of Object.entries(fixed)) check(of, [value]);
  const names = [...axes.map(({ of }) => of), ...(over ? [over.of] : []), ...Object.keys(fixed)];
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) fail(`${twice} is set twice in this sweep. Keep it in one place.`);
  if (!(Number.isInteger(repeats) && repeats >= 1)) fail(`repeats ${repeats} must be a whole number above 0.`);
  if (!(jitter >= 0 && jitter <= Math.min(height, width) / 2)) fail(`jitter ${jitter} must be 0 to half the picture, in pixels.`);
  const pictures = pointCount(sweep) * picturesPerPoint(sweep);
  if (pictures > MAX_PICTURES) fail(`this sweep has ${pictures} pictures; ${MAX_PICTURES} are the most. Take fewer values.`);
}

/** What an axis counts in. */
export const axisParameter = ({ kind }: Pick<Sweep, "kind">, { of }: Axis): Parameter => parametersOf(kind)[of]!;
