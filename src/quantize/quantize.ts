/**
 * Weights in a smaller form, in standard ONNX. Biases, norms and small weights stay float32: they are few, and they matter more.
 *
 *   int8      W[..., m, ...] ~ scale[m] * Q[..., m, ...]      Q in -127..127, no zero point, one scale per output channel
 *   float16   W ~ H, the nearest half-precision number
 *
 * From opset 13 on an int8 weight is DequantizeLinear(Q, scale, axis); before, where that op knows no axis, it is Cast(Q) * scale.
 * A float16 weight is Cast(H). In a network of float16 an int8 weight is Cast to float16 at the end. The result keeps the name that the weight had, so nothing downstream changes. Activations are untouched.
 */
import { consumersOf } from "../onnx/canonical/cut";
import { DTYPE_CODE } from "../onnx/dtype";
import { sizeOf, type Graph, type Node, type Tensor } from "../onnx/graph";
import { asFloat32 } from "../onnx/fold/quantised";
import { bytesPerElement, f32 } from "../onnx/tensor";
import { halved, quantiseChannels } from "./scales";

/** How the large weights of a kept model are stored. */
export type WeightStorage = "int8" | "float16" | "float32";

/** What one weight lost and saved. */
export interface WeightReport {
  name: string;
  /** The first node that reads it. */
  node: string;
  /** Signal to quantisation noise, decibel; null when nothing was lost. */
  sqnrDb: number | null;
  bytesBefore: number;
  /** Of the values, and of the float32 scales where there are some. */
  bytesAfter: number;
}

export interface Quantized {
  graph: Graph;
  report: WeightReport[];
}

/** One weight in its smaller form, to be put in its place by `withSmallWeights`. */
export interface SmallWeight {
  report: WeightReport;
  values: Tensor;
  /** Per channel of `axis`; null for float16. */
  scales: Float32Array | null;
  axis: number;
  /** What the readers of the weight want. */
  dtype: "float32" | "float16";
}

/** Below this many elements a weight stays float32. */
const SMALLEST = 1024;

/** The axis of output channels of the weight at input `i` of a node, or undefined where it is no weight. */
function outputAxis(node: Node, i: number, rank: number): number | undefined {
  if (node.domain !== "" && node.domain !== "com.microsoft") return undefined;
  switch (node.op) {
    case "Conv":
    case "FusedConv":
      return i === 1 ? 0 : undefined;
    case "ConvTranspose": // [in, out / group, ...]: the groups share scales
      return i === 1 ? 1 : undefined;
    case "Gemm":
    case "FusedGemm":
      return i === 1 ? (node.attrs.transB === 1 ? 0 : 1) : undefined;
    case "MatMul":
      return i === 1 && rank >= 2 ? rank - 1 : undefined;
    default:
      return undefined;
  }
}

/** The channel axis that all readers of a constant agree on. */
function sharedAxis(name: string, rank: number, readers: readonly Node[]): number | undefined {
  const axes = readers.flatMap((node) => node.inputs.flatMap((input, i) => (input === name ? [outputAxis(node, i, rank)] : [])));
  const readInside = readers.some((node) => !node.inputs.includes(name)); // by a branch of an If
  return readInside || new Set(axes).size !== 1 ? undefined : axes[0];
}

/**
 * The smaller form of a weight that `readers` read, or null where it stays as it is: no floats, small enough, no weight at all,
 * or with numbers that float16 cannot hold.
 */
export function smallWeight(name: string, tensor: Tensor, readers: readonly Node[], storage: WeightStorage): SmallWeight | null {
  const elements = sizeOf(tensor.shape);
  const { dtype } = tensor;
  if (storage === "float32" || elements < SMALLEST) return null;
  if (dtype !== "float32" && !(dtype === "float16" && storage === "int8")) return null;
  const axis = sharedAxis(name, tensor.shape.length, readers);
  if (axis === undefined) return null;
  const made = storage === "int8" ? quantiseChannels(asFloat32(tensor), axis) : halved(tensor);
  if (!made) return null;
  const { values, scales, sqnrDb } = made;
  const bytesAfter = values.data.byteLength + (scales?.byteLength ?? 0);
  const lost = Number.isFinite(sqnrDb) ? sqnrDb : null;
  const bytesBefore = bytesPerElement(dtype) * elements;
  return { report: { name, node: readers[0]!.name, sqnrDb: lost, bytesBefore, bytesAfter }, values, scales, axis, dtype };
}

/** `graph` with some of its weights in their smaller forms. Inputs, outputs and every value's name stay. */
export function withSmallWeights(graph: Graph, small: ReadonlyMap<string, SmallWeight>): Quantized {
  const constants = new Map<string, Tensor>();
  const nodes: Node[] = [];
  const report: WeightReport[] = [];
  const node = (op: string, name: string, inputs: string[], output: string, attrs: Node["attrs"] = {}) =>
    nodes.push({ op, name, domain: "", inputs, outputs: [output], attrs });
  for (const [name, tensor] of graph.constants) {
    const weight = small.get(name);
    if (!weight) {
      constants.set(name, tensor);
      continue;
    }
    const { values, scales, axis, dtype } = weight;
    report.push(weight.report);
    if (!scales) {
      const half = `${name}~float16`;
      constants.set(half, values);
      node("Cast", `${name}~float`, [half], name, { to: DTYPE_CODE.float32 });
      continue;
    }
    const [Q, scale] = [`${name}~int8`, `${name}~scale`];
    constants.set(Q, values);
    const wide = dtype === "float32" ? name : `${name}~wide`;
    if (graph.opset >= 13) {
      constants.set(scale, f32(scales));
      node("DequantizeLinear", `${name}~float`, [Q, scale], wide, { axis });
    } else {
      const shape = values.shape.map((_, i) => (i === axis ? scales.length : 1));
      constants.set(scale, f32(scales, shape));
      node("Cast", `${name}~cast`, [Q], `${name}~cast`, { to: DTYPE_CODE.float32 });
      node("Mul", `${name}~float`, [`${name}~cast`, scale], wide);
    }
    if (wide !== name) node("Cast", `${name}~narrow`, [wide], name, { to: DTYPE_CODE[dtype] });
  }
  const { name, opset, inputs, outputs } = graph;
  return { graph: { name, opset, inputs, outputs, nodes: [...nodes, ...graph.nodes], constants }, report };
}

/** `graph` with its large float32 weights stored as `storage`. Inputs, outputs and every value's name stay. */
export function quantize(graph: Graph, storage: WeightStorage = "int8"): Quantized {
  const consumers = consumersOf(graph.nodes);
  const small = new Map<string, SmallWeight>();
  for (const [name, tensor] of graph.constants) {
    const weight = graph.outputs.includes(name) ? null : smallWeight(name, tensor, consumers.get(name) ?? [], storage);
    if (weight) small.set(name, weight);
  }
  return withSmallWeights(graph, small);
}
