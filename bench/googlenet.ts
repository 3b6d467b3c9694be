/**
 * The network that the bench measures: GoogLeNet (Szegedy et al. 2014) with BVLC's weights where a copy is at hand,
 * else the same architecture with seeded random weights; times do not depend on them.
 */
import { sizeOf, type Graph, type Node, type Tensor } from "../src/onnx/graph";
import { f32 } from "../src/onnx/tensor";
import type { Preprocessing } from "../src/onnx/preprocessing";
import { seeded } from "../src/vis/random";

export const LAYER = "inception_4c_output";

export const PREPROCESSING: Preprocessing = {
  input: "data",
  layout: "NCHW",
  channels: "BGR",
  range: 255,
  mean: [104, 117, 123],
  std: [1, 1, 1],
  size: 224,
};

/** Output channels of a module: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection (the paper's table 1). */
const MODULES: Record<string, readonly [number, number, number, number, number, number]> = {
  "3a": [64, 96, 128, 16, 32, 32],
  "3b": [128, 128, 192, 32, 96, 64],
  "4a": [192, 96, 208, 16, 48, 64],
  "4b": [160, 112, 224, 24, 64, 64],
  "4c": [128, 128, 256, 24, 64, 64],
};

/** GoogLeNet up to inception 4c with seeded random weights, He-initialised so that activations stay finite. */
export function randomGoogLeNet(): Graph {
  const nodes: Node[] = [];
  const constants = new Map<string, Tensor>();
  const random = seeded(1, "googlenet");
  const node = (op: string, name: string, inputs: string[], attrs: Node["attrs"] = {}) => {
    nodes.push({ op, name, domain: "", inputs, outputs: [name], attrs });
    return name;
  };
  const conv = (name: string, x: string, from: number, to: number, kernel: number, stride = 1) => {
    const shape = [to, from, kernel, kernel];
    const deviation = Math.sqrt(2 / (from * kernel * kernel));
    constants.set(`${name}_w`, f32(Float32Array.from({ length: sizeOf(shape) }, () => deviation * random.normal()), shape)); // prettier-ignore
    constants.set(`${name}_b`, f32(0, [to]));
    const pad = Math.floor(kernel / 2);
    const attrs = { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: [pad, pad, pad, pad] };
    return node("Relu", name, [node("Conv", `${name}_pre`, [x, `${name}_w`, `${name}_b`], attrs)]);
  };
  const pool = (name: string, x: string, stride: number, pad = 0) =>
    node("MaxPool", name, [x], { kernel_shape: [3, 3], strides: [stride, stride], pads: [pad, pad, pad, pad], ceil_mode: 1 });
  const lrn = (name: string, x: string) => node("LRN", name, [x], { size: 5, alpha: 1e-4, beta: 0.75 });

  let x = lrn("pool1_norm1", pool("pool1_3x3_s2", conv("conv1_7x7_s2", "data", 3, 64, 7, 2), 2));
  x = conv("conv2_3x3", conv("conv2_3x3_reduce", x, 64, 64, 1), 64, 192, 3);
  x = pool("pool2_3x3_s2", lrn("conv2_norm2", x), 2);
  let channels = 192;
  for (const [id, [one, reduce3, three, reduce5, five, projection]] of Object.entries(MODULES)) {
    const at = `inception_${id}`;
    if (id === "4a") x = pool("pool3_3x3_s2", x, 2);
    const branches = [
      conv(`${at}_1x1`, x, channels, one, 1),
      conv(`${at}_3x3`, conv(`${at}_3x3_reduce`, x, channels, reduce3, 1), reduce3, three, 3),
      conv(`${at}_5x5`, conv(`${at}_5x5_reduce`, x, channels, reduce5, 1), reduce5, five, 5),
      conv(`${at}_pool_proj`, pool(`${at}_pool`, x, 1, 1), channels, projection, 1),
    ];
    x = node("Concat", `${at}_output`, branches, { axis: 1 });
    channels = one + three + five + projection;
  }
  const input = { name: "data", dtype: "float32" as const, shape: [1, 3, "h", "w"] };
  return { name: "googlenet with random weights", opset: 13, inputs: [input], outputs: [LAYER], nodes, constants };
}
