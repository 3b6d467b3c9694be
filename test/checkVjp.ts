/**
 * The adjoint test of a gradient rule: for one random direction v and cotangent u,  <J v, u> = <v, J'u>.
 *
 * J v is a central difference of the forward graph in ORT (float32, accumulated in double); J'u is our gradient in ORT.
 * The two are compared relative to |J v| |u|, the largest value their product could have.
 */
import { gradient } from "../src/autodiff/gradient";
import { lower, type Target } from "../src/autodiff/lower";
import { GraphBuilder } from "../src/onnx/builder";
import { sizeOf, type Tensor, type Value } from "../src/onnx/graph";
import { f32 } from "../src/onnx/tensor";
import { writeModel } from "../src/onnx/write";
import { seeded } from "../src/vis/random";
import { runModelBytes } from "./runGraph";
import { randomTensor } from "./smallGraph";

export interface VjpCase {
  /** Shape of x. */
  shape: readonly number[];
  /** The function under test: appends nodes that read x and returns y. */
  of: (b: GraphBuilder, x: Value) => Value;
  seed?: number;
  /**
   * "normal": standard normal numbers. "positive": exp of them. "distinct": a shuffled ladder with steps of 0.1 around 0, none at 0
   * or +-3, so that a difference of 0.01 crosses no kink of a Relu, a Clip or a pool.
   */
  x?: "normal" | "positive" | "distinct";
  /** Half-width of the central difference along v. */
  eps?: number;
  target?: Target;
}

/** The relative disagreement of the two inner products; 0 is perfect. */
export async function vjpError({ shape, of, seed = 1, x = "normal", eps = 1e-2, target = "wasm" }: VjpCase): Promise<number> {
  const b = new GraphBuilder();
  const y = of(b, b.input("x", "float32", shape));
  const forward = b.build("forward", [y]);
  const at = point(shape, x, seed);
  const v = x === "distinct" ? bounded(shape, seed + 1) : randomTensor(shape, seed + 1);
  const u = randomTensor(y.shape, seed + 2);
  const model = writeModel(lower(forward, target));
  const f = async (sign: number) => (await runModelBytes(model, { x: moved(at, v, sign * eps) }))[y.name]!;
  const [plus, minus] = [await f(1), await f(-1)];
  const jv = Array.from(plus.data as Float32Array, (p, i) => (p - Number(minus.data[i])) / (2 * eps));
  const grads = await runModelBytes(writeModel(lower(gradient(forward, { of: y.name, wrt: "x" }), target)), {
    x: at,
    cotangent: u,
  });
  const left = dot(jv, u.data as Float32Array);
  const right = dot(v.data as Float32Array, grads.grad!.data as Float32Array);
  const scale = Math.sqrt(dot(jv, jv) * dot(u.data as Float32Array, u.data as Float32Array));
  return Math.abs(left - right) / Math.max(scale, 1e-12);
}

/** The gradient of sum(cotangent * y) by x, in ORT. */
export async function gradOf(of: VjpCase["of"], x: Tensor, cotangent: Tensor, target: Target = "wasm"): Promise<number[]> {
  const b = new GraphBuilder();
  const y = of(b, b.input("x", "float32", x.shape));
  const graph = gradient(b.build("forward", [y]), { of: y.name, wrt: "x" });
  return Array.from((await runModelBytes(writeModel(lower(graph, target)), { x, cotangent })).grad!.data as Float32Array);
}

/** All combinations of the listed values: `product({ a: [1, 2], b: [3] })` is [{ a: 1, b: 3 }, { a: 2, b: 3 }]. */
export function product<T extends Record<string, readonly unknown[]>>(axes: T): { [K in keyof T]: T[K][number] }[] {
  return Object.entries(axes).reduce<Record<string, unknown>[]>(
    (rows, [key, values]) => rows.flatMap((row) => values.map((value) => ({ ...row, [key]: value }))),
    [{}],
  ) as { [K in keyof T]: T[K][number] }[];
}

function point(shape: readonly number[], kind: NonNullable<VjpCase["x"]>, seed: number): Tensor {
  if (kind !== "distinct") {
    const tensor = randomTensor(shape, seed);
    return kind === "normal" ? tensor : f32((tensor.data as Float32Array).map(Math.exp), shape);
  }
  const n = sizeOf(shape);
  const random = seeded(seed, "ladder");
  const ladder = Float32Array.from({ length: n }, (_, i) => (i - Math.floor(n / 2) + 0.5) * 0.1);
  for (let i = n - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [ladder[i], ladder[j]] = [ladder[j]!, ladder[i]!];
  }
  return f32(ladder, shape);
}

function bounded(shape: readonly number[], seed: number): Tensor {
  const random = seeded(seed, "direction");
  return f32(Float32Array.from({ length: sizeOf(shape) }, () => 2 * random.uniform() - 1), shape); // prettier-ignore
}

const moved = (at: Tensor, v: Tensor, by: number): Tensor =>
  f32((at.data as Float32Array).map((x, i) => x + by * Number(v.data[i])), at.shape); // prettier-ignore

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};
