/**
 * Optimizers as graph nodes, uphill, and their learning-rate schedules.
 *
 * What changes from step to step without looking at the gradient (bias corrections, the schedule) is computed here in double precision
 * and enters the graph as one small input, `rates`; the graph holds only what touches theta.
 */
import type { GraphBuilder } from "../onnx/builder";
import type { Value } from "../onnx/graph";
import type { Optimizer, Schedule } from "./recipe";

export type OptimizerState = "m" | "v";

/** The running means that an optimizer keeps, each of theta's shape and 0 before the first step. */
export function optimizerState(optimizer: Optimizer): readonly OptimizerState[] {
  if (optimizer.kind === "sgd") return optimizer.momentum === 0 ? [] : ["m"];
  return ["m", "v"];
}

export interface Ascent {
  theta: Value;
  /** By the names of optimizerState, of theta's shape. */
  state: Readonly<Record<string, Value>>;
}

/** Gradients whose root mean square is far below this are as good as none, and are not blown up. */
const TINY = 1e-20;

/**
 * One step uphill. `g` is the objective's gradient by theta, `rates` what ratesOf gave for this step.
 * Where theta has several axes the first one counts pictures, and each is normalised by itself.
 */
export function emitAscent(
  b: GraphBuilder,
  optimizer: Optimizer,
  { theta, state, g, rates }: Ascent & { g: Value; rates: Value },
): Ascent {
  switch (optimizer.kind) {
    case "adam": {
      // the form with "epsilon hat" that TensorFlow and Lucid use: theta' = theta + rate m' / (sqrt(v') + epsilon)
      const { m, v } = moments(b, optimizer, state, g);
      const step = b.div(b.mul(m, rates), b.add(b.sqrt(v), optimizer.epsilon));
      return { theta: b.add(theta, step), state: { m, v } };
    }
    case "nadam": {
      // theta' = theta + (r0 m' + r1 g) / (r2 sqrt(v') + epsilon)
      const { m, v } = moments(b, optimizer, state, g);
      const [r0, r1, r2] = [0, 1, 2].map((i) => b.slice(rates, [i], [i + 1], [0])) as [Value, Value, Value];
      const step = b.div(b.add(b.mul(m, r0), b.mul(g, r1)), b.add(b.mul(b.sqrt(v), r2), optimizer.epsilon));
      return { theta: b.add(theta, step), state: { m, v } };
    }
    case "sgd": {
      // m' = momentum m + g / rms(g),   theta' = theta + rate m'
      const axes = g.shape.length > 1 ? g.shape.map((_, i) => i).slice(1) : [0];
      const rms = b.sqrt(b.reduceMean(b.mul(g, g), axes));
      const unit = b.div(g, b.add(rms, TINY));
      const m = state.m ? b.add(b.mul(state.m, optimizer.momentum), unit) : unit;
      return { theta: b.add(theta, b.mul(m, rates)), state: state.m ? { m } : {} };
    }
  }
}

/** m' = b1 m + (1 - b1) g,   v' = b2 v + (1 - b2) g^2 */
function moments(
  b: GraphBuilder,
  { beta1, beta2 }: { beta1: number; beta2: number },
  { m, v }: Readonly<Record<string, Value>>,
  g: Value,
): Record<OptimizerState, Value> {
  return {
    m: b.add(b.mul(m!, beta1), b.mul(g, 1 - beta1)),
    v: b.add(b.mul(v!, beta2), b.mul(b.mul(g, g), 1 - beta2)),
  };
}

/** How many numbers ratesOf gives. */
export const rateCount = ({ kind }: Optimizer): number => (kind === "nadam" ? 3 : 1);

/** Keras's momentum schedule: u(t) = b1 (1 - 0.96^t / 2), nearly b1 / 2 at first. */
const NADAM_DECAY = 0.96;

/**
 * What emitAscent needs to know of step `step` = 1, 2, ..., with lr the scheduled learning rate.
 *   adam   [lr sqrt(1 - b2^t) / (1 - b1^t)]
 *   nadam  [lr u(t + 1) / (1 - u(1) ... u(t + 1)),  lr (1 - u(t)) / (1 - u(1) ... u(t)),  1 / sqrt(1 - b2^t)]
 *   sgd    [lr]
 */
export function ratesOf(
  { optimizer, schedule, steps }: { optimizer: Optimizer; schedule: Schedule; steps: number },
  step: number,
): Float32Array {
  const rate = optimizer.learningRate * scheduled(schedule, step, steps);
  if (optimizer.kind === "sgd") return Float32Array.of(rate);
  const { beta1, beta2 } = optimizer;
  const spread = Math.sqrt(1 - beta2 ** step);
  if (optimizer.kind === "adam") return Float32Array.of((rate * spread) / (1 - beta1 ** step));
  const momentum = (t: number) => beta1 * (1 - NADAM_DECAY ** t / 2);
  let product = 1;
  for (let t = 1; t <= step; t++) product *= momentum(t);
  const next = momentum(step + 1);
  return Float32Array.of((rate * next) / (1 - product * next), (rate * (1 - momentum(step))) / (1 - product), 1 / spread);
}

/** What the learning rate is multiplied by at step `step` = 1 .. `steps`. */
export function scheduled(schedule: Schedule, step: number, steps: number): number {
  switch (schedule.kind) {
    case "constant":
      return 1;
    case "linear":
      return 1 + (schedule.to - 1) * share(step, 1, steps);
    case "cosine":
      return halfWave(schedule.to, share(step, 1, steps));
    case "warmup":
      if (step < schedule.warmup) return step / schedule.warmup;
      return halfWave(schedule.to, share(step, Math.max(1, schedule.warmup), steps));
  }
}

/** How far `step` is on the way from `first` (0) to `last` (1). */
const share = (step: number, first: number, last: number): number =>
  last > first ? Math.min(1, (step - first) / (last - first)) : 0;

const halfWave = (to: number, done: number): number => to + ((1 - to) * (1 + Math.cos(Math.PI * done))) / 2;
