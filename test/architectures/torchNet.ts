/**
 * What PyTorch 2.1's exporter, and the optimiser after it, write of timm 0.9's convolutional networks: a value is named after its
 * module's path, its op and a count. Operators are as many, of each kind, as the zoo's statistics of these files say.
 */
import type { Graph } from "../../src/onnx/graph";
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

  /** Convolution, batch norm and ReLU: timm's ConvNormAct. */
  convRelu(
    x: string,
    scope: string,
    to: number,
    kernel: number | readonly [number, number] = 1,
    pad?: number,
    stride = 1,
  ): string {
    return this.op("Relu", `${scope}/bn/act`, [this.folded(x, `${scope}/conv`, to, kernel, pad, stride)]);
  }

  /** The same of 3x3 and stride 2, without padding. */
  halved(x: string, scope: string, to: number): string {
    return this.convRelu(x, scope, to, 3, 0, 2);
  }

  concat(scope: string, parts: readonly string[]): string {
    return this.net.concat(parts, this.valueName(scope, "Concat"));
  }

  /** Parts that the module joins and then joins with others: one Concat does both in the file, but the name is counted. */
  joined(scope: string, parts: readonly string[]): readonly string[] {
    this.valueName(scope, "Concat");
    return parts;
  }

  /** The mean over space, flattened, and a dense layer of 1000 classes: the network's output. */
  classify(x: string, layer: string): Graph {
    const pooled = this.op("GlobalAveragePool", "/global_pool/pool", [x]);
    const flat = this.op("Flatten", "/global_pool/flatten", [pooled], { axis: 1 });
    return this.net.build(this.net.dense(flat, "output", this.net.channels(flat), 1000, `${layer}.weight`, `${layer}.bias`));
  }
}
