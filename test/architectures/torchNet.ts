/** What PyTorch's exporter writes of timm's convolutional networks: a value is named after its module's path, its op and a count. */
import type { Graph } from "../../src/onnx/graph";
import { i64 } from "../../src/onnx/tensor";
import { Net } from "./net";

export class TorchNet {
  readonly net: Net;
  readonly input = "x";
  readonly #counts = new Map<string, number>();
  #constants = 500;

  constructor(name: string, size: number) {
    this.net = new Net(name, 16, { name: this.input, shape: [1, 3, size, size] });
  }

  /** "/scope/Op_output_0", then "/scope/Op_1_output_0", and so on. */
  valueName(scope: string, op: string): string {
    const count = this.#counts.get(`${scope}/${op}`) ?? 0;
    this.#counts.set(`${scope}/${op}`, count + 1);
    return `${scope}/${op}${count ? `_${count}` : ""}_output_0`;
  }

  /** Appends a node named by its scope. */
  op(op: string, scope: string, inputs: readonly string[], attrs = {}): string {
    return this.net.node(op, inputs, this.valueName(scope, op), attrs);
  }

  /** A convolution at `${scope}/conv` into which the exporter has folded the batch norm after it; the padding keeps the size unless given. */
  folded(x: string, scope: string, to: number, kernel: number | readonly [number, number] = 1, pad?: number, stride = 1): string {
    const [height, width] = typeof kernel === "number" ? [kernel, kernel] : kernel;
    const same = [(height - 1) / 2, (width - 1) / 2];
    const names = { weight: `onnx::Conv_${this.#constants++}`, bias: `onnx::Conv_${this.#constants++}` };
    return this.net.conv(x, this.valueName(scope, "Conv"), { to, kernel: [height, width], pad: pad ?? same, stride, ...names });
  }

  /** Convolution, batch norm and ReLU, as a module with a `conv` in it. */
  convRelu(
    x: string,
    scope: string,
    to: number,
    kernel: number | readonly [number, number] = 1,
    pad?: number,
    stride = 1,
  ): string {
    return this.op("Relu", scope, [this.folded(x, `${scope}/conv`, to, kernel, pad, stride)]);
  }

  /** The same of 3x3 and stride 2, without padding. */
  halved(x: string, scope: string, to: number): string {
    return this.convRelu(x, scope, to, 3, 0, 2);
  }

  concat(scope: string, parts: readonly string[]): string {
    return this.net.concat(parts, this.valueName(scope, "Concat"));
  }

  /** A 3x3 mean of stride 1 that counts its padding: written as a Pad by a constant, and a mean without padding. */
  paddedAverage(x: string, scope: string): string {
    const pads = this.op("Constant", scope, [], { value: i64([0, 0, 1, 1, 0, 0, 1, 1]) });
    const padded = this.op("Pad", scope, [x, pads], { mode: "constant" });
    return this.net.pool("AveragePool", padded, this.valueName(scope, "AveragePool"), 3, 1);
  }

  /** The mean over space, flattened, and a dense layer of 1000 classes: the network's output. */
  classify(x: string, layer: string): Graph {
    const pooled = this.op("GlobalAveragePool", "/global_pool/pool", [x]);
    const flat = this.op("Flatten", "/global_pool/flatten", [pooled], { axis: 1 });
    return this.net.build(this.net.dense(flat, "output", this.net.channels(flat), 1000, `${layer}.weight`, `${layer}.bias`));
  }
}
