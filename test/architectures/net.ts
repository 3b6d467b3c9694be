/**
 * Networks built layer by layer under an exporter's names, with seeded random weights: the shape of a file that is not at hand.
 *
 * Weights are computed when they are read, so a network of hundreds of megabytes costs nothing until a layer is looked at, and then
 * only what lies before it. They are He-scaled (variance 2 / fan-in), so that activations keep their size however deep they lie.
 */
import { sizeOf, type Attrs, type Graph, type Node, type Tensor } from "../../src/onnx/graph";
import { computed, f32, i64 } from "../../src/onnx/tensor";
import { writeModel } from "../../src/onnx/write";
import { seeded } from "../../src/vis/random";

export interface ConvOptions {
  to: number;
  kernel: number | readonly [height: number, width: number];
  stride?: number;
  /** One number for all sides, [vertical, horizontal], or ONNX's four. */
  pad?: number | readonly number[];
  dilation?: number;
  group?: number;
  /** Name of the weight; default: the output's with ".weight". */
  weight?: string;
  /** Name of the bias, or null for none. */
  bias?: string | null;
  /** Variance of the weights times fan-in; 2 before a ReLU. */
  gain?: number;
}

const four = (pad: number | readonly number[]): number[] =>
  typeof pad === "number" ? [pad, pad, pad, pad] : pad.length === 2 ? [...pad, ...pad] : [...pad];

export class Net {
  readonly #nodes: Node[] = [];
  readonly #constants = new Map<string, Tensor>();
  readonly #channels = new Map<string, number>();
  readonly #input: Graph["inputs"][number];
  #count = 0;

  /** A network over one picture input [batch, channels, height, width], or NHWC. */
  constructor(
    readonly name: string,
    readonly opset: number,
    input: { name: string; shape: Graph["inputs"][number]["shape"]; layout?: "NCHW" | "NHWC" },
  ) {
    this.#input = { name: input.name, dtype: "float32", shape: input.shape };
    this.#channels.set(input.name, Number(input.shape[input.layout === "NHWC" ? 3 : 1]));
  }

  /** Channels of a value: those of a node's first input, unless the node says otherwise. */
  channels(value: string): number {
    return this.#channels.get(value) ?? Number.NaN;
  }

  /** Appends a node with one output. */
  node(
    op: string,
    inputs: readonly string[],
    output: string,
    attrs: Attrs = {},
    channels = this.channels(inputs[0] ?? ""),
  ): string {
    this.#nodes.push({ op, name: this.#nodeName(op, output), domain: "", inputs, outputs: [output], attrs });
    this.#channels.set(output, channels);
    return output;
  }

  /** Appends a node with several outputs. */
  outputs(op: string, inputs: readonly string[], outputs: readonly string[], attrs: Attrs = {}): readonly string[] {
    this.#nodes.push({ op, name: this.#nodeName(op, outputs[0]!), domain: "", inputs, outputs, attrs });
    return outputs;
  }

  /** PyTorch names a value after its node; elsewhere a node's own name is of no account. */
  #nodeName(op: string, output: string): string {
    return /_output_\d+$/.test(output) ? output.replace(/_output_\d+$/, "") : `${op}_${this.#count++}`;
  }

  constant(name: string, tensor: Tensor): string {
    this.#constants.set(name, tensor);
    return name;
  }

  ints(values: readonly number[] | number): string {
    const name = `ints ${JSON.stringify(values)}`;
    return this.constant(name, i64(values));
  }

  scalar(value: number): string {
    return this.constant(`scalar ${value}`, f32(value));
  }

  /** Uniform random numbers of the given variance around `mean`. */
  random(name: string, shape: readonly number[], variance: number, mean = 0): string {
    return this.constant(
      name,
      computed("float32", shape, () => {
        const { uniform } = seeded(1, name);
        const width = Math.sqrt(12 * variance);
        const data = new Float32Array(sizeOf(shape));
        for (let i = 0; i < data.length; i++) data[i] = mean + width * (uniform() - 0.5);
        return data;
      }),
    );
  }

  conv(x: string, output: string, options: ConvOptions): string {
    const { to, kernel, stride = 1, pad = 0, dilation = 1, group = 1, weight = `${output}.weight`, gain = 2 } = options;
    const { bias = `${output}.bias` } = options;
    const [height, width] = typeof kernel === "number" ? [kernel, kernel] : kernel;
    const from = this.channels(x) / group;
    const inputs = [x, this.random(weight, [to, from, height, width], gain / (from * height * width))];
    if (bias !== null) inputs.push(this.random(bias, [to], 0.01));
    return this.node(
      "Conv",
      inputs,
      output,
      {
        kernel_shape: [height, width],
        strides: [stride, stride],
        pads: four(pad),
        dilations: [dilation, dilation],
        group,
      },
      to,
    );
  }

  /** A BatchNormalization for inference, with four random vectors called `${scope}.weight` and so on. */
  norm(x: string, output: string, scope: string, epsilon = 1e-5): string {
    const c = [this.channels(x)];
    const vectors = [
      this.random(`${scope}.weight`, c, 0.02, 1),
      this.random(`${scope}.bias`, c, 0.01),
      this.random(`${scope}.running_mean`, c, 0.01),
      this.random(`${scope}.running_var`, c, 0.02, 1),
    ];
    return this.node("BatchNormalization", [x, ...vectors], output, { epsilon, momentum: 0.9 });
  }

  relu(x: string, output: string): string {
    return this.node("Relu", [x], output);
  }

  pool(
    op: "MaxPool" | "AveragePool",
    x: string,
    output: string,
    kernel: number,
    stride: number,
    pad: number | readonly number[] = 0,
    attrs: Attrs = {},
  ): string {
    return this.node(op, [x], output, {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: four(pad),
      ...attrs,
    });
  }

  concat(parts: readonly string[], output: string): string {
    return this.node("Concat", parts, output, { axis: 1 }, parts.reduce((sum, part) => sum + this.channels(part), 0)); // prettier-ignore
  }

  add(a: string, b: string, output: string): string {
    return this.node("Add", [a, b], output);
  }

  /** Gemm over [N, from] with weights [to, from]. */
  dense(x: string, output: string, from: number, to: number, weight = `${output}.weight`, bias = `${output}.bias`): string {
    const inputs = [x, this.random(weight, [to, from], 2 / from), this.random(bias, [to], 0.01)];
    return this.node("Gemm", inputs, output, { alpha: 1, beta: 1, transB: 1 }, to);
  }

  build(...outputs: readonly string[]): Graph {
    return {
      name: this.name,
      opset: this.opset,
      inputs: [this.#input],
      outputs,
      nodes: this.#nodes,
      constants: this.#constants,
    };
  }
}

/** Bytes of a graph's weights, without reading them. */
export const weightBytes = (graph: Graph): number =>
  [...graph.constants.values()].reduce((sum, t) => sum + (t.dtype === "float32" ? 4 * sizeOf(t.shape) : 0), 0);

/** Bytes of the file that a graph makes, less its weights' own: nodes, names, shapes. */
export function structureBytes(graph: Graph): number {
  const emptied = [...graph.constants].map(
    ([name, { dtype, shape }]) => [name, { dtype, shape, data: new Float32Array(0) }] as const,
  );
  return writeModel({ ...graph, constants: new Map(emptied) }).length;
}
