/** One Caffe layer at a time: imported, run in ONNX Runtime, compared with its definition in plain loops. */
import { expect } from "vitest";
import { importCaffe } from "../src/importers/caffe/import";
import { canonicalise } from "../src/onnx/canonicalise";
import { sizeOf, type Tensor } from "../src/onnx/graph";
import { f32, numbers } from "../src/onnx/tensor";
import { runGraph } from "./runGraph";
import { randomTensor, relativeDifference } from "./smallGraph";
import { caffemodel } from "./tinyCaffe";

export interface LayerCase {
  /** The layer's type and parameters in prototxt. */
  layer: string;
  /** Shapes of its bottoms a, b, c. */
  bottoms: number[][];
  /** Shapes of its weights. */
  blobs?: number[][];
  /** More than 0 for what must be positive: the numbers' lowest value. */
  above?: number;
  tops?: number;
  expected: (bottoms: Tensor[], blobs: Tensor[]) => Tensor | Tensor[];
}

const letters = ["a", "b", "c"];

/** Imports and runs the layer over seeded numbers. */
export async function run({ layer, bottoms, blobs = [], above, tops = 1 }: LayerCase) {
  const positive = (t: Tensor) => (above === undefined ? t : f32(numbers(t).map((x) => above + Math.abs(x)), t.shape)); // prettier-ignore
  const inputs = bottoms.map((shape, i) => positive(randomTensor(shape, i + 1)));
  const weights = blobs.map((shape, i) => positive(randomTensor(shape, i + 11)));
  const names = Array.from({ length: tops }, (_, i) => `y${i}`);
  const prototxt = [
    ...bottoms.map((shape, i) => `input: "${letters[i]}" input_shape { ${shape.map((d) => `dim: ${d}`).join(" ")} }`),
    `layer { name: "it" ${bottoms.map((_, i) => `bottom: "${letters[i]}"`).join(" ")} ${names.map((y) => `top: "${y}"`).join(" ")} ${layer} }`,
  ].join("\n");
  const weightsFile = caffemodel(blobs.length ? { it: weights } : { other: [f32([1])] });
  const { graph } = importCaffe({ prototxt, caffemodel: weightsFile });
  const shapes = Object.fromEntries(bottoms.map((shape, i) => [letters[i]!, shape]));
  const canonical = canonicalise(graph, { shapes, until: names });
  const feeds = canonical.inputs.map(({ name }) => [name, inputs[letters.indexOf(name)]!] as const);
  const results = await runGraph(canonical, Object.fromEntries(feeds));
  return { inputs, weights, results: names.map((y) => results[y]!) };
}

/** Runs the layer and compares every top with what is expected. */
export async function check(c: LayerCase): Promise<void> {
  const { inputs, weights, results } = await run(c);
  const expected = c.expected(inputs, weights);
  (Array.isArray(expected) ? expected : [expected]).forEach((e, i) => {
    expect(results[i]!.shape).toEqual(e.shape);
    expect(relativeDifference(results[i]!, e)).toBeLessThan(2e-6);
  });
}

/** A tensor of `shape` from a function of its indices. */
export function filled(shape: readonly number[], at: (...index: number[]) => number): Tensor {
  const strides = shape.map((_, i) => sizeOf(shape.slice(i + 1)));
  const values = Array.from({ length: sizeOf(shape) }, (_, i) =>
    at(...shape.map((d, axis) => Math.floor(i / strides[axis]!) % d)),
  );
  return f32(values, shape);
}

/** Element of a tensor; 0 outside of it. */
export function at(t: Tensor, ...index: number[]): number {
  let flat = 0;
  for (const [axis, i] of index.entries()) {
    if (i < 0 || i >= t.shape[axis]!) return 0;
    flat = flat * t.shape[axis]! + i;
  }
  return Number(t.data[flat]);
}

export const map = (t: Tensor, f: (x: number) => number): Tensor => f32(numbers(t).map(f), t.shape);
export const sum = (count: number, term: (i: number) => number): number =>
  Array.from({ length: count }, (_, i) => term(i)).reduce((a, b) => a + b, 0);
