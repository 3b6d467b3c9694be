/** The transforms that are no maps of the plane: blur and noise. */
import type { GraphBuilder } from "../../onnx/builder";
import type { Tensor, Value } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import { seeded, type Random } from "../random";
import type { Transform } from "../recipe";

type Of<K extends Transform["kind"]> = Extract<Transform, { kind: K }>;

/** exp(-d^2 sharpness) is 0 for every d but 0: no blur at all. */
const SHARP = 1e4;

/** 1 / (2 sigma^2) of one drawn sigma, in pixels of the network's input. */
export function drawSharpness({ sigmas }: Of<"blur">, random: Random, zoom: number): number {
  const sigma = random.pick(sigmas) * zoom;
  return sigma > 0 ? Math.min(SHARP, 1 / (2 * sigma * sigma)) : SHARP;
}
export const NO_BLUR = SHARP;

/**
 * Gaussian blur of X [M, C, H, W], each picture by its `sharpness` [M] = 1 / (2 sigma^2): along rows and columns apart, as products with
 * G[i, j] = exp(-(i - j)^2 sharpness) over its row's sum, so that flat stays flat up to the border.
 */
export function emitBlur(b: GraphBuilder, x: Value, sharpness: Value): Value {
  const [count, , height, width] = x.shape as [number, number, number, number];
  const [down, across] = [height, width].map((side) => b.reshape(gaussian(b, sharpness, count, side), [count, 1, side, side]));
  return b.matmul(b.matmul(down!, x), b.transpose(across!, [0, 1, 3, 2]));
}

function gaussian(b: GraphBuilder, sharpness: Value, count: number, side: number): Value {
  const squares = Float32Array.from({ length: side * side }, (_, i) => -(((i % side) - Math.floor(i / side)) ** 2));
  const distances = b.constant(f32(squares, [1, side, side]), "distances");
  const bell = b.exp(b.mul(distances, b.reshape(sharpness, [count, 1, 1])));
  return b.div(bell, b.reduceSum(bell, [2]));
}

/** Normal and uniform numbers are cut out of tables: making millions at every step would take longer than the step. */
const TABLE = 1 << 20;
/** Numbers cut out at once. */
const CUT = 4096;
let tables: { normal: Float32Array; uniform: Float32Array } | null = null;

function numbers(): { normal: Float32Array; uniform: Float32Array } {
  if (!tables) {
    const random = seeded(0, "noise table");
    const normal = Float32Array.from({ length: TABLE }, () => random.normal());
    tables = { normal, uniform: Float32Array.from({ length: TABLE }, () => random.uniform() - 0.5) };
  }
  return tables;
}

/** What is added to `length` values: sd normal + uniform (-0.5 .. 0.5), from random places of the tables. */
export function drawNoise({ sd, uniform }: Of<"noise">, random: Random, length: number): Float32Array {
  const out = new Float32Array(length);
  const { normal, uniform: even } = numbers();
  for (let at = 0; at < length; at += CUT) {
    const count = Math.min(CUT, length - at);
    const [i, j] = [random.integer(TABLE - count), random.integer(TABLE - count)];
    for (let k = 0; k < count; k++) out[at + k] = sd * normal[i + k]! + uniform * even[j + k]!;
  }
  return out;
}

/** Noise for several pictures [M, C, H, W], each from its own stream. */
export function noiseInput(rows: readonly Float32Array[], shape: readonly number[]): Tensor {
  const data = new Float32Array(shape.reduce((n, d) => n * d, 1));
  let at = 0;
  for (const row of rows) {
    data.set(row, at);
    at += row.length;
  }
  return f32(data, shape);
}
