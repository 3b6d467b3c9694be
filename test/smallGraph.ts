/** Graphs of a few nodes for tests, seeded numbers to feed them, and the distance between two results. */
import type { DType, Graph, Node, Tensor } from "../src/onnx/graph";
import { OPSET, sizeOf } from "../src/onnx/graph";
import { f32, numbers } from "../src/onnx/tensor";
import { seeded } from "../src/vis/random";

export type NodeSpec = Pick<Node, "op" | "inputs" | "outputs"> & Partial<Node>;

export interface GraphSpec {
  inputs: Record<string, readonly (number | string | null)[]>;
  nodes: NodeSpec[];
  outputs: string[];
  constants?: Record<string, Tensor>;
  opset?: number;
  dtypes?: Record<string, DType>;
}

/** Inputs are float32 unless `dtypes` says otherwise; a node is named after its first output. */
export function smallGraph({ inputs, nodes, outputs, constants = {}, opset = OPSET, dtypes = {} }: GraphSpec): Graph {
  return {
    name: "small",
    opset,
    inputs: Object.entries(inputs).map(([name, shape]) => ({ name, dtype: dtypes[name] ?? "float32", shape })),
    outputs,
    nodes: nodes.map((n) => ({ name: n.outputs[0]!, domain: "", attrs: {}, ...n })),
    constants: new Map(Object.entries(constants)),
  };
}

/** Standard normal numbers, the same for the same seed. */
export function randomTensor(shape: readonly number[], seed: number, scale = 1): Tensor {
  const random = seeded(seed, "test");
  return f32(
    Float32Array.from({ length: sizeOf(shape) }, () => scale * random.normal()),
    shape,
  );
}

/** Uniform numbers in 0..1, the same for the same seed: a picture of noise. */
export function uniformTensor(shape: readonly number[], seed: number): Tensor {
  const random = seeded(seed, "picture");
  return f32(
    Float32Array.from({ length: sizeOf(shape) }, () => random.uniform()),
    shape,
  );
}

/** Largest difference, relative to the largest magnitude of `expected`. Infinite when shapes differ; NaN never equals a number. */
export function relativeDifference(actual: Tensor, expected: Tensor): number {
  if (actual.shape.join() !== expected.shape.join()) return Infinity;
  const a = numbers(actual);
  const e = numbers(expected);
  const scale = e.reduce((m, x) => Math.max(m, Number.isFinite(x) ? Math.abs(x) : 0), 1e-30);
  return a.reduce((m, x, i) => (Object.is(x, e[i]) || x === e[i] ? m : Math.max(m, Math.abs(x - e[i]!) / scale || Infinity)), 0);
}
