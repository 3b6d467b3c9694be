/** Stimuli by what a pixel must be, sweeps by counting, measures by units whose tuning is known because it was made up. */
import { describe, expect, test } from "vitest";
import { pointResponses, tunedTo, tuningOf } from "./measures";
import { oklch } from "./oklch";
import { drawStimulus, KINDS, type StimulusKind } from "./stimuli";
import { around, pointAt, pointCount, pointNear, stimuliOf, usualSweeps, type Sweep } from "./sweep";

const SIZE = [64, 64] as const;
const draw = (kind: StimulusKind, parameters: Record<string, number> = {}, shift?: [number, number]) =>
  drawStimulus({ kind, parameters, shift }, SIZE).data as Float32Array;
/** The red channel `x` pixels right of the centre and `y` above it. */
const at = (data: Float32Array, x: number, y: number) => data[(32 - y - 1) * 64 + 32 + x]!;
const bright = (data: Float32Array) => data.subarray(0, 64 * 64).reduce((sum, v) => sum + 2 * (v - 0.5), 0);

describe("stimuli", () => {
  test.each(Object.keys(KINDS) as StimulusKind[])("%s: within 0..1, the same again, moved as a whole", (kind) => {
    const data = draw(kind);
    expect(data.every((v) => v >= 0 && v <= 1)).toBe(true);
    expect(draw(kind)).toEqual(data);
    const moved = draw(kind, {}, [5, -3]);
    for (const [x, y] of [[0, 0], [3, 8], [-9, 4]] as const) expect(at(moved, x + 5, y - 3)).toBeCloseTo(at(data, x, y), 6); // prettier-ignore
  });

  test("a grating's stripes run as its orientation says, as many as its frequency", () => {
    const level = draw("grating", { orientation: 0, frequency: 4 });
    expect(at(level, 0, 5)).toBeCloseTo(at(level, 20, 5), 6);
    const column = Array.from({ length: 64 }, (_, i) => at(level, 0, i - 32) - 0.5);
    const crossings = column.filter((v, i) => i > 0 && v > 0 !== column[i - 1]! > 0).length;
    expect(crossings).toBe(8);
    const rising = draw("grating", { orientation: 45, frequency: 4 });
    expect(at(rising, 10, 10)).toBeCloseTo(at(rising, 0, 0), 6);
    expect(Math.abs(at(rising, 6, -6) - at(rising, 0, 0))).toBeGreaterThan(0.3);
    const fine = (frequency: number) => draw("grating", { orientation: 90, frequency }).reduce((m, v) => Math.max(m, v - 0.5), 0);
    expect(fine(32)).toBeLessThan(0.7 * fine(2)); // averaged over pixels, not sampled
  });

  test("areas and lengths come out to a fraction of a pixel, because edges are antialiased", () => {
    for (const diameter of [9, 9.5, 20.25])
      expect(bright(draw("blob", { diameter }))).toBeCloseTo((Math.PI * diameter ** 2) / 4, -0.5);
    for (const [width, orientation] of [
      [3.5, 0],
      [0.4, 0],
      [6, 90],
    ] as const)
      // prettier-ignore
      expect(bright(draw("bar", { width, orientation }))).toBeCloseTo(64 * width, 3);
    expect(bright(draw("bar", { width: 4, length: 30, orientation: 30 }))).toBeGreaterThan(114);
    expect(bright(draw("bar", { width: 4, length: 30, orientation: 30 }))).toBeLessThan(126);
    const arc = bright(draw("curve", { radius: 15, width: 3, arc: 180, orientation: 40 }));
    expect(Math.abs(arc - (Math.PI * 15 * 3 + Math.PI * 1.5 ** 2))).toBeLessThan(3);
  });

  test("which way edges, curves and line ends face", () => {
    const edge = draw("edge", { orientation: 0 });
    expect([at(edge, 0, 10), at(edge, 0, -10)]).toEqual([1, 0]);
    expect(at(draw("edge", { orientation: 90 }), -10, 0)).toBe(1);
    const bracket = draw("curve", { orientation: 0, radius: 12, width: 4, arc: 150 });
    expect([at(bracket, 0, 0), at(bracket, -10, 12) > 0.9, at(bracket, 8, 12), at(bracket, -24, 0)]).toEqual([1, true, 0.5, 0.5]);
    const end = draw("lineEnd", { orientation: 90, width: 6 });
    expect([at(end, 0, -20), at(end, 0, 20)]).toEqual([1, 0.5]);
  });

  test("colours are OKLCH's, and stay in sRGB", () => {
    const near = (rgb: readonly number[], expected: readonly number[]) =>
      rgb.forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 2));
    near(oklch(0.62796, 0.25768, 29.234), [1, 0, 0]);
    near(oklch(0.86644, 0.29483, 142.495), [0, 1, 0]);
    near(oklch(0.45201, 0.31321, 264.052), [0, 0, 1]);
    near(oklch(1, 0, 0), [1, 1, 1]);
    const squeezed = oklch(0.9, 0.4, 264);
    expect(squeezed.every((v) => v >= 0 && v <= 1)).toBe(true);
    expect(squeezed[2]).toBeGreaterThan(squeezed[0]);
  });
});

const sweep: Sweep = {
  kind: "grating",
  axes: [
    { of: "orientation", values: around(180, 12) },
    { of: "frequency", values: [2, 4, 8] },
  ],
  over: { of: "phase", values: [0, 90, 180, 270] },
  repeats: 2,
  jitter: 3,
};

describe("sweeps", () => {
  test.each(Object.entries(usualSweeps(64)))("%s can be shown, and its pictures differ", (_, usual) => {
    const stimuli = stimuliOf(usual, SIZE);
    expect(new Set(stimuli.map((s) => JSON.stringify(s))).size).toBe(stimuli.length);
    expect(stimuli.length).toBeLessThan(800);
  });

  test("points, and the nearest to what is asked for, angles the shorter way round", () => {
    expect([pointCount(sweep), stimuliOf(sweep, SIZE).length]).toEqual([36, 36 * 8]);
    expect(pointAt(sweep, 7)).toEqual({ orientation: 30, frequency: 4 });
    expect(pointNear(sweep, { orientation: 30, frequency: 5 })).toBe(7);
    expect(pointNear(sweep, { orientation: 178, frequency: 2 })).toBe(0);
    expect(stimuliOf(sweep, SIZE)[7 * 8 + 2]).toMatchObject({
      parameters: { orientation: 30, frequency: 4, phase: 90 },
      shift: [0, 0],
    });
    expect(stimuliOf({ ...sweep, seed: 5 }, SIZE)[1]!.shift).not.toEqual(stimuliOf(sweep, SIZE)[1]!.shift);
  });

  test.each<[string, Partial<Sweep>, string]>([
    ["an unknown kind", { kind: "spiral" as "bar" }, '"spiral" is no stimulus: choose among grating, edge,'],
    [
      "a strange axis",
      { axes: [{ of: "radius", values: [1] }] },
      'a grating has no "radius": choose among orientation, frequency',
    ],
    [
      "stripes too fine",
      { axes: [{ of: "frequency", values: [40] }] },
      "frequency 40 of a grating must be 0 to 32 cycles per picture",
    ],
    ["one number twice", { fixed: { phase: 3 } }, "phase is set twice in this sweep."],
    ["no axis", { axes: [] }, "a sweep has one axis or two, not 0."],
    ["too many", { repeats: 200 }, "this sweep has 28800 pictures; 5000 are the most."],
  ])("%s", (_, over, message) => expect(() => stimuliOf({ ...sweep, ...over }, SIZE)).toThrow(message));
});

describe("measures", () => {
  /** A unit that prefers `angle` by a bump of concentration `k`, and 4 cycles. */
  const unit = (angle: number, k: number) => (point: number) => {
    const { orientation, frequency } = pointAt(sweep, point) as { orientation: number; frequency: number };
    return Math.exp(k * (Math.cos((2 * Math.PI * (orientation - angle)) / 180) - 1)) * (frequency === 4 ? 1 : 0.4);
  };
  const units = [unit(37, 3), unit(110, 3), unit(0, 0), () => 0];
  const responses = Float32Array.from({ length: 36 * 4 }, (_, i) => units[i % 4]!(Math.floor(i / 4)));
  const own = (c: number) => responses.filter((_, i) => i % 4 === c);

  test("the preferred angle lies between those shown; selectivity is the mean vector's length", () => {
    const { at: shown, axes } = tuningOf(sweep, own(0));
    expect(shown).toEqual({ orientation: 30, frequency: 4 });
    expect(axes[0]!.preferred).toBeCloseTo(37, 1);
    expect(axes[0]!.selectivity).toBeCloseTo(0.81, 2); // I1(3) / I0(3), von Mises
    expect(axes[1]).toMatchObject({ of: "frequency", preferred: 4, measure: "sparseness" });
    expect(tuningOf(sweep, own(2)).axes[0]!.selectivity).toBeCloseTo(0, 5);
    expect(tuningOf(sweep, own(3))).toMatchObject({ strongest: 0, axes: [{ selectivity: 0 }, { selectivity: 0 }] });
  });

  test("the units tuned to something, best first, without the silent", () => {
    expect(tunedTo(sweep, responses, 4, { orientation: 110, frequency: 4 }).map(({ channel }) => channel)).toEqual([1, 2]);
    expect(tunedTo(sweep, responses, 4, { orientation: 30, frequency: 4 })[0]).toMatchObject({ channel: 0, share: 1 });
    expect(() => tunedTo(sweep, responses, 4, { hue: 3 })).toThrow(
      '"hue" is no axis of this sweep: choose among orientation, frequency.',
    );
  });

  test("of `over` the strongest counts, of repeats the mean", () => {
    const one: Sweep = { ...sweep, axes: [{ of: "frequency", values: [4] }] };
    const answers = Float32Array.of(1, 3, 5, 0, 0, 0, 2, 2); // 4 phases of 2 repeats
    expect(pointResponses(one, answers, 1)).toEqual(Float32Array.of(2.5));
  });
});
