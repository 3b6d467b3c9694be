/**
 * Weight-only int8: each large weight becomes an int8 initializer and one scale per output channel, in standard ONNX.
 *
 *   W[..., m, ...] ~ scale[m] * Q[..., m, ...]      Q in -127..127, no zero point
 *
 * Biases, norms and small weights stay float32: they are few, and they matter more. Activations are untouched. From opset 13 on
 * the float weight is DequantizeLinear(Q, scale, axis); before, where that op knows no axis, it is Cast(Q) * scale. Either way it
 * keeps the name that the weight had, so nothing downstream changes.
 */
import { consumersOf } from "../onnx/canonical/cut";
import { DTYPE_CODE } from "../onnx/dtype";
import { sizeOf, type Graph, type Node, type Tensor } from "../onnx/graph";
import { f32 } from "../onnx/tensor";
import { quantiseChannels } from "./scales";

/** What one weight lost and saved. */
export interface QuantizedWeight {
  name: string;
  /** The first node that reads it. */
  node: string;
  /** Signal to quantisation noise, decibel; Infinity when nothing was lost. */
  sqnrDb: number;
  bytesBefore: number;
  /** int8 weights and float32 scales. */
  bytesAfter: number;
}

export interface Quantized {
  graph: Graph;
  report: QuantizedWeight[];
}

/** Below this many elements a weight stays float32. */
const SMALLEST = 1024;

/** The axis of output channels of the weight at input `i` of a node, or undefined where it is no weight. */
function outputAxis(node: Node, i: number, rank: number): number | undefined {
  if (node.domain !== "") return undefined;
  switch (node.op) {
    case "Conv":
      return i === 1 ? 0 : undefined;
    case "ConvTranspose": // [in, out / group, ...]: the groups share scales
      return i === 1 ? 1 : undefined;
    case "Gemm":
      return i === 1 ? (node.attrs.transB === 1 ? 0 : 1) : undefined;
    case "MatMul":
      return i === 1 && rank >= 2 ? rank - 1 : undefined;
    default:
      return undefined;
  }
}

/** The channel axis that all readers of a constant agree on. */
function sharedAxis(name: string, { shape }: Tensor, readers: readonly Node[]): number | undefined {
  const axes = readers.flatMap((node) =>
    node.inputs.flatMap((input, i) => (input === name ? [outputAxis(node, i, shape.length)] : [])),
  );
  const readInside = readers.some((node) => !node.inputs.includes(name)); // by a branch of an If
  return readInside || new Set(axes).size !== 1 ? undefined : axes[0];
}

/** `graph` with its large float32 weights as int8. The graph's inputs, outputs and every value's name stay. */
export function quantize(graph: Graph): Quantized {
  const consumers = consumersOf(graph.nodes);
  const constants = new Map<string, Tensor>();
  const nodes: Node[] = [];
  const report: QuantizedWeight[] = [];
  for (const [name, tensor] of graph.constants) {
    const readers = consumers.get(name) ?? [];
    const large = tensor.dtype === "float32" && sizeOf(tensor.shape) >= SMALLEST;
    const axis = large && !graph.outputs.includes(name) ? sharedAxis(name, tensor, readers) : undefined;
    if (axis === undefined) {
      constants.set(name, tensor);
      continue;
    }
    const { values, scales, sqnrDb } = quantiseChannels(tensor, axis);
    const Q = `${name}~int8`;
    const scale = `${name}~scale`;
    constants.set(Q, values);
    if (graph.opset >= 13) {
      constants.set(scale, f32(scales));
      nodes.push({
        op: "DequantizeLinear",
        name: `${name}~float`,
        domain: "",
        inputs: [Q, scale],
        outputs: [name],
        attrs: { axis },
      });
    } else {
      const shape = tensor.shape.map((_, i) => (i === axis ? scales.length : 1));
      constants.set(scale, f32(scales, shape));
      const cast = `${name}~cast`;
      nodes.push({ op: "Cast", name: cast, domain: "", inputs: [Q], outputs: [cast], attrs: { to: DTYPE_CODE.float32 } });
      nodes.push({ op: "Mul", name: `${name}~float`, domain: "", inputs: [cast, scale], outputs: [name], attrs: {} });
    }
    const elements = sizeOf(tensor.shape);
    report.push({
      name,
      node: readers[0]!.name,
      sqnrDb,
      bytesBefore: 4 * elements,
      bytesAfter: elements + 4 * scales.length,
    });
  }
  const { name, opset, inputs, outputs } = graph;
  return { graph: { name, opset, inputs, outputs, nodes: [...nodes, ...graph.nodes], constants }, report };
}
