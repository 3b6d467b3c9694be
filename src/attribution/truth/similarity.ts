/** How alike two maps are: for maps before and after a network's weights are randomised (Adebayo et al. 2018). */
import type { Tensor } from "../../onnx/graph";
import { f32 } from "../../onnx/tensor";
import { blurred } from "../blur";
import { byPixel } from "./order";

/** Wang et al.'s window (a Gaussian) and constants, for values in 0..1. */
const SIGMA = 1.5;
const [C1, C2] = [0.01 ** 2, 0.03 ** 2];

/**
 * Structural similarity (Wang, Bovik, Sheikh and Simoncelli 2004), mean over pixels: 1 for equal maps, near 0 for unrelated ones. Maps are
 * [3, H, W] or [H, W], summed over colours, then each stretched to 0..1, as Adebayo et al. compare them; `absolute` takes sizes without signs.
 * Throws Error where their sides differ.
 */
export function ssim(a: Tensor, b: Tensor, { absolute = false }: { absolute?: boolean } = {}): number {
  const sides = sameSides(a, b);
  const [p, q] = [stretched(byPixel(a), absolute), stretched(byPixel(b), absolute)];
  const n = p.length;
  const moments = new Float32Array(5 * n);
  for (let i = 0; i < n; i++) [p[i]!, q[i]!, p[i]! ** 2, q[i]! ** 2, p[i]! * q[i]!].forEach((v, m) => (moments[m * n + i] = v));
  const mean = blurred(f32(moments, [1, 5, ...sides]), SIGMA).data as Float32Array;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const [u, v, uu, vv, uv] = [0, 1, 2, 3, 4].map((m) => mean[m * n + i]!) as [number, number, number, number, number];
    const alike = (2 * u * v + C1) * (2 * (uv - u * v) + C2);
    sum += alike / ((u * u + v * v + C1) * (uu - u * u + vv - v * v + C2));
  }
  return sum / n;
}

/**
 * Spearman's rank correlation of two maps [3, H, W] or [H, W], summed over colours: 1 where they order the pixels alike, -1 where the other way
 * round. Equal pixels share their mean rank; 0 where a map is the same everywhere. Throws Error where their sides differ.
 */
export function rankCorrelation(a: Tensor, b: Tensor, { absolute = false }: { absolute?: boolean } = {}): number {
  sameSides(a, b);
  const [p, q] = [a, b].map((map) => ranks(byPixel(map).map((v) => (absolute ? Math.abs(v) : v)))) as [Float64Array, Float64Array]; // prettier-ignore
  const middle = (p.length - 1) / 2;
  let [pp, qq, pq] = [0, 0, 0];
  p.forEach((rank, i) => {
    const [u, v] = [rank - middle, q[i]! - middle];
    pp += u * u;
    qq += v * v;
    pq += u * v;
  });
  return pp === 0 || qq === 0 ? 0 : pq / Math.sqrt(pp * qq);
}

function sameSides(a: Tensor, b: Tensor): readonly number[] {
  const [p, q] = [a.shape.slice(-2), b.shape.slice(-2)];
  if (p.join() !== q.join())
    throw new Error(`maps of ${p.join(" x ")} and ${q.join(" x ")} pixels cannot be compared. Make both for one picture.`);
  return p;
}

function stretched(values: Float64Array, absolute: boolean): Float64Array {
  const sizes = absolute ? values.map(Math.abs) : values;
  const [least, most] = sizes.reduce(([l, m], v) => [Math.min(l, v), Math.max(m, v)] as const, [Infinity, -Infinity] as const);
  return sizes.map((v) => (most > least ? (v - least) / (most - least) : 0));
}

function ranks(values: Float64Array): Float64Array {
  const order = Uint32Array.from(values.keys()).sort((i, j) => values[i]! - values[j]!);
  const out = new Float64Array(values.length);
  for (let from = 0, to = 0; from < order.length; from = to) {
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++;
    for (let k = from; k < to; k++) out[order[k]!] = (from + to - 1) / 2;
  }
  return out;
}
