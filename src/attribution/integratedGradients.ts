/**
 * Integrated gradients (Sundararajan, Taly and Yan 2017): the gradient along the straight path from a baseline, times the way.
 *
 *   map = (x - x0) * integral over a in 0..1 of df/dx(x0 + a (x - x0)),   sum(map) = f(x) - f(x0)
 *
 * "gaussLegendre" takes that rule over the whole path. But networks of rectifiers have kinks, crowded where the picture just begins to be seen:
 * on GoogLeNet from black its 64 points miss the sum by up to a few per cent. "adaptive" puts the same number of points, each in the middle of
 * its own panel, where they are needed: the panel whose middle misses the score's own change between its ends by most is cut in three, and
 * its old point serves the middle third. Three thirds that stay whole may count 3 : 2 : 3, which integrates cubics exactly. The scores at the ends
 * cost a forward run each. Nothing is scaled to fit: the gap is what is left.
 */
import type { Tensor } from "../onnx/graph";
import { f32 } from "../onnx/tensor";
import { BLACK, baselinePicture } from "./baselines";
import type { Method, MethodContext, MethodResult } from "./probe";
import { gaussLegendre } from "./quadrature";
import type { Baseline } from "./types";
import { gradientsAt, mapOf, pixels, stacked } from "./work";

interface Options {
  name: "integratedGradients";
  points?: number;
  baseline?: Baseline;
  rule?: "adaptive" | "gaussLegendre";
}

const POINTS = 50;
/** Panels that the adaptive rule begins with, narrower towards the baseline, where kinks crowd: their ends are (i / FIRST)^2. */
const FIRST = 15;
/** Panels cut together at most, where the device likes company: each cut shows where the next is needed. */
const CUTS = 4;
/** Gradients are kept until their panels are final: no more numbers than this, 256 MB. */
const KEPT = 2 ** 26;

export const integratedGradients: Method<Options> = async (context, { points = POINTS, baseline = BLACK, rule = "adaptive" }) => {
  const start = baselinePicture(baseline, context);
  const fits = points * context.picture.data.length <= KEPT;
  return rule === "adaptive" && fits ? adaptive(context, start, points) : fixed(context, start, points);
};

/** The picture at a share of the way. */
type At = (share: number, into: Float32Array) => void;

function wayFrom(start: Tensor, picture: Tensor): { at: At; difference: Float32Array } {
  const [x, from] = [pixels(picture), pixels(start)];
  const difference = x.map((v, k) => v - from[k]!);
  const at: At = (share, into) => {
    for (let k = 0; k < into.length; k++) into[k] = from[k]! + share * difference[k]!;
  };
  return { at, difference };
}

async function fixed(context: MethodContext, start: Tensor, points: number): Promise<MethodResult> {
  const { probe, picture } = context;
  const { at, difference } = wayFrom(start, picture);
  const quadrature = gaussLegendre(points);
  const sum = new Float64Array(difference.length);
  await gradientsAt(context, {
    count: points,
    fill: (i, into) => at(quadrature.points[i]!, into),
    take: (i, gradient) => add(sum, gradient, quadrature.weights[i]!),
  });
  const [score, base] = await probe.scores(stacked([picture, start]));
  return { map: mapOf(picture, sum.map((g, k) => g * difference[k]!)), score: score!, complete: score! - base! }; // prettier-ignore
}

/** A stretch of the path, the scores at its ends, and the gradient in its middle. */
interface Panel {
  low: number;
  high: number;
  scores: [low: number, high: number];
  gradient: Float32Array;
  /** The gradient along the path in the middle. */
  slope: number;
  /** The same for the three thirds of one stretch. */
  family: number;
}

const missed = ({ low, high, scores, slope }: Panel): number => Math.abs((high - low) * slope - (scores[1] - scores[0]));

async function adaptive(context: MethodContext, start: Tensor, points: number): Promise<MethodResult> {
  const { probe, picture, onProgress } = context;
  const { at, difference } = wayFrom(start, picture);
  const size = difference.length;

  const scoresAt = async (shares: readonly number[]): Promise<Float32Array> => {
    const path = new Float32Array(shares.length * size);
    shares.forEach((share, i) => at(share, path.subarray(i * size, (i + 1) * size)));
    return probe.scores(f32(path, [shares.length, ...picture.shape.slice(1)]));
  };
  /** Panels between ends whose scores are known; those without a gradient are asked for theirs. */
  const measured = async (open: (Omit<Panel, "gradient" | "slope"> & Partial<Panel>)[], before: number): Promise<Panel[]> => {
    const unknown = open.filter((panel) => !panel.gradient);
    const quiet = { ...context, onProgress: (done: number) => onProgress?.(before + done, points) };
    await gradientsAt(quiet, {
      count: unknown.length,
      fill: (i, into) => at((unknown[i]!.low + unknown[i]!.high) / 2, into),
      take: (i, gradient) => {
        const slope = gradient.reduce((sum, g, k) => sum + g * difference[k]!, 0);
        Object.assign(unknown[i]!, { gradient: gradient.slice(), slope });
      },
    });
    return open as Panel[];
  };

  const first = Math.min(FIRST, points);
  const ends = Array.from({ length: first + 1 }, (_, i) => (i / first) ** 2);
  const known = await scoresAt(ends);
  const open = ends.slice(1).map((high, i) => {
    const scores: [number, number] = [known[i]!, known[i + 1]!];
    return { low: ends[i]!, high, scores, family: i };
  });
  let panels = await measured(open, 0);
  let families = first;
  for (let used = first; used + 2 <= points;) {
    const cuts = Math.min(Math.max(1, Math.floor(probe.batch / 2)), CUTS, panels.length, Math.floor((points - used) / 2));
    panels.sort((a, b) => missed(b) - missed(a));
    const worst = panels.slice(0, cuts);
    const thirds = worst.flatMap(({ low, high }) => [low + (high - low) / 3, high - (high - low) / 3]);
    const between = await scoresAt(thirds);
    const cut = worst.flatMap((panel, i) => {
      const [a, b] = [thirds[2 * i]!, thirds[2 * i + 1]!];
      const [fa, fb] = [between[2 * i]!, between[2 * i + 1]!];
      const family = families++;
      const ended = (scores: [number, number]) => ({ scores, family });
      return [
        { low: panel.low, high: a, ...ended([panel.scores[0], fa]) },
        { ...panel, low: a, high: b, ...ended([fa, fb]) },
        { low: b, high: panel.high, ...ended([fb, panel.scores[1]]) },
      ];
    });
    panels = [...panels.slice(cuts), ...(await measured(cut, used))];
    used += 2 * cuts;
  }
  onProgress?.(points, points);
  const sum = new Float64Array(size);
  for (const [panel, weight] of weighed(panels)) add(sum, panel.gradient, weight);
  const [base, score] = [known[0]!, known.at(-1)!];
  return { map: mapOf(picture, sum.map((g, k) => g * difference[k]!)), score, complete: score - base }; // prettier-ignore
}

/** Each panel counts with its width; three thirds together 3 : 2 : 3, where that comes nearer to the score's own change over them. */
function weighed(panels: readonly Panel[]): [Panel, number][] {
  const families = new Map<number, Panel[]>();
  for (const panel of panels) families.set(panel.family, [...(families.get(panel.family) ?? []), panel]);
  return [...families.values()].flatMap((family) => {
    const inOrder = family.sort((a, b) => a.low - b.low);
    const plain = inOrder.map((panel): [Panel, number] => [panel, panel.high - panel.low]);
    if (inOrder.length < 3) return plain;
    const cubic = plain.map(([panel, width], i): [Panel, number] => [panel, width * CUBIC[i]!]);
    const change = inOrder[2]!.scores[1] - inOrder[0]!.scores[0];
    const misses = [plain, cubic].map((rule) => Math.abs(rule.reduce((sum, [{ slope }, w]) => sum + w * slope, 0) - change));
    return misses[1]! < misses[0]! ? cubic : plain;
  });
}
/** 3 : 2 : 3, for thirds of equal width. */
const CUBIC = [9 / 8, 3 / 4, 9 / 8];

function add(sum: Float64Array, gradient: Float32Array, weight: number): void {
  for (let k = 0; k < sum.length; k++) sum[k]! += weight * gradient[k]!;
}
