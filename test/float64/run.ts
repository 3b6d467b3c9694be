/**
 * Networks in double precision, for differences that float32 would drown: plain loops over canonical operators (canonicalise.ts).
 * Those that no test needs are refused by name. Shapes are those of `graph.types`; strides, pads and the like are always there.
 */
import { OpError, type StaticGraph, type Tensor } from "../../src/onnx/graph";
import { numbers } from "../../src/onnx/tensor";
import { elementwiseKernels } from "./elementwise";
import type { Doubles, Kernel } from "./kernel";
import { layoutKernels } from "./layout";
import { reduceKernels } from "./reduce";
import { windowKernels } from "./window";

const kernels: Readonly<Record<string, Kernel>> = {
  ...elementwiseKernels,
  ...layoutKernels,
  ...reduceKernels,
  ...windowKernels,
};

/** The value `of` for the given inputs, in double throughout; weights are the file's float32. */
export function runInDouble(graph: StaticGraph, feeds: Record<string, Float64Array>, of: string): Float64Array {
  const values = new Map<string, Doubles>();
  for (const { name, shape } of graph.inputs) values.set(name, { shape, data: feeds[name]! });
  const read = (name: string): Doubles | undefined =>
    name ? (values.get(name) ?? doubles(graph.constants.get(name)!)) : undefined;
  for (const node of graph.nodes) {
    const kernel = Object.hasOwn(kernels, node.op) ? kernels[node.op] : undefined;
    if (!kernel) throw new OpError(node, "not among the operators in double precision.");
    const [name] = node.outputs as [string];
    const { shape } = graph.types.get(name)!;
    values.set(name, { shape, data: kernel(node, node.inputs.map(read), shape) });
  }
  return values.get(of)!.data as Float64Array;
}

const doubles = ({ dtype, shape, data }: Tensor): Doubles => ({
  shape,
  data: dtype === "float32" ? (data as Float32Array) : Float64Array.from(numbers({ dtype, shape, data })),
});
