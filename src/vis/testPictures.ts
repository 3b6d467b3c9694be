/**
 * Pictures drawn by rule, for measuring a network where no photos are at hand: nobody has rights in them, and they are the same
 * everywhere. They are no photos: half have a photo's spectrum and colours (noise with energy 1 / frequency, in decorrelated colour),
 * half have what such noise lacks: edges, discs, gratings, gradients.
 */
import type { Tensor } from "../onnx/graph";
import { f32 } from "../onnx/tensor";
import { colorMatrix } from "./parametrization/color";
import { seeded, type Random } from "./random";

type Painter = (x: number, y: number) => readonly [r: number, g: number, b: number];

/** Octaves of the noise, each half as fine and twice as strong as the one after it. */
const OCTAVES = 6;

/** So many pictures [1, 3, height, width], RGB in 0..1; the same for the same seed and size. */
export const testPictures = (size: readonly [number, number], count = 8, seed = 1): Tensor[] =>
  Array.from({ length: count }, (_, i) => testPicture(size, i, seed));

/** The one with this number, 0, 1, ...: noise where it is even, shapes where it is odd. */
export function testPicture([height, width]: readonly [number, number], i: number, seed = 1): Tensor {
  const random = seeded(seed + i, "test picture");
  const paint = i % 2 === 0 ? noise(random) : shapes(random);
  const plane = height * width;
  const data = new Float32Array(3 * plane);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      paint((x + 0.5) / width, (y + 0.5) / height).forEach(
        (v, c) => (data[c * plane + y * width + x] = Math.min(1, Math.max(0, v))),
      );
  return f32(data, [1, 3, height, width]);
}

/** Smooth noise in octaves: three independent fields, mixed to natural colours. */
function noise(random: Random): Painter {
  const fields = [0, 1, 2].map(() => Array.from({ length: OCTAVES }, (_, o) => lattice(2 ** (o + 1), random)));
  const mix = colorMatrix();
  return (x, y) => {
    const values = fields.map((octaves) => octaves.reduce((sum, at, o) => sum + at(x, y) / 2 ** o, 0));
    return mix.map((row) => 1 / (1 + Math.exp(-3 * row.reduce((sum, m, c) => sum + m * values[c]!, 0)))) as [
      number,
      number,
      number,
    ];
  };
}

/** Normal numbers on a grid of cells + 1 points a side, bilinear between them. */
function lattice(cells: number, random: Random): (x: number, y: number) => number {
  const points = Float32Array.from({ length: (cells + 1) ** 2 }, () => random.normal());
  return (x, y) => {
    const [i, j] = [Math.min(cells - 1, Math.floor(x * cells)), Math.min(cells - 1, Math.floor(y * cells))];
    const [u, v] = [x * cells - i, y * cells - j];
    const at = (dx: number, dy: number) => points[(j + dy) * (cells + 1) + i + dx]!;
    return at(0, 0) * (1 - u) * (1 - v) + at(1, 0) * u * (1 - v) + at(0, 1) * (1 - u) * v + at(1, 1) * u * v;
  };
}

/** A gradient, a grating across half of it, and some discs in front. */
function shapes(random: Random): Painter {
  const colour = () => [random.uniform(), random.uniform(), random.uniform()] as const;
  const [from, to, stripe] = [colour(), colour(), colour()];
  const angle = Math.PI * random.uniform();
  const [cos, sin, pitch] = [Math.cos(angle), Math.sin(angle), 6 + 30 * random.uniform()];
  const discs = Array.from({ length: 6 }, () => ({
    x: random.uniform(),
    y: random.uniform(),
    r: 0.04 + 0.16 * random.uniform(),
    colour: colour(),
  }));
  return (x, y) => {
    const disc = discs.find((d) => Math.hypot(x - d.x, y - d.y) < d.r);
    if (disc) return disc.colour;
    const along = x * cos + y * sin;
    if (along > 0.6 && Math.sin(2 * Math.PI * pitch * along) > 0) return stripe;
    return from.map((v, c) => v + (to[c]! - v) * y) as [number, number, number];
  };
}
