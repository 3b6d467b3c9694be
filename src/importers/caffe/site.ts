/** One Caffe layer while it becomes ONNX nodes. Blobs are stored as Caffe has them: N, C, H, W. */
import type { GraphBuilder } from "../../onnx/builder";
import { OpError, sizeOf, type Attrs, type Tensor, type Value, type ValueType } from "../../onnx/graph";
import type { LayerParameter } from "./proto/caffe_pb";
import type { Weights } from "./weights";

/** What a rule makes: a value for each top. */
export type CaffeRule = (s: CaffeSite) => Value | readonly Value[];

/** A layer that a later Caffe or another one understands, but not this importer: what needs it is left out. */
export class NotSupported extends Error {}

/** What a BatchNorm was made of, for the Scale after it. */
export interface Norm {
  x: Value;
  mean: Value;
  variance: Value;
  epsilon: number;
}

/** What the sites of one import share. */
export interface Surroundings {
  b: GraphBuilder;
  weights: Weights;
  /** BatchNorms by the name of what they make. */
  norms: Map<string, Norm>;
}

const CONTRADICTION = "The file contradicts itself.";
const LARGEST = 2 ** 31;
const LONGEST_MESSAGE = 600;

export class CaffeSite {
  readonly b: GraphBuilder;
  #weight = 0;

  constructor(
    readonly around: Surroundings,
    readonly layer: LayerParameter,
    readonly bottoms: readonly Value[],
    /** What the values of the tops are called. */
    readonly names: readonly string[],
  ) {
    this.b = around.b;
  }

  fail(message: string): never {
    const cut = message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE)}...` : message;
    throw new OpError({ op: this.layer.type, name: this.layer.name }, cut);
  }

  /** The first bottom. Throws unless the layer has `count` of them. */
  x(count = 1): Value {
    if (this.bottoms.length !== count) this.fail(`it has ${this.bottoms.length} bottoms, but needs ${count}. ${CONTRADICTION}`);
    return this.bottoms[0]!;
  }

  /** All bottoms, one or more. */
  all(): readonly [Value, ...Value[]] {
    if (!this.bottoms.length) this.fail(`it has no bottom. ${CONTRADICTION}`);
    return this.bottoms as [Value, ...Value[]];
  }

  /** The layer's last ONNX node: its value is called as the top is. */
  last(op: string, inputs: readonly (Value | null)[], attrs: Attrs = {}, types?: readonly ValueType[]): Value {
    return this.b.node(op, inputs, attrs, { name: this.layer.name, outputNames: [this.names[0]!], ...(types ? { types } : {}) });
  }

  /** A node on the way. */
  step(step: string, op: string, inputs: readonly (Value | null)[], attrs: Attrs = {}): Value {
    return this.b.node(op, inputs, attrs, { name: `${this.layer.name}~${step}` });
  }

  /** Ops of one value and at most one number, one after the other. None leaves the value as it is. */
  chain(x: Value, ops: readonly (readonly [op: string, number?])[]): Value {
    return ops.reduce((value, [op, number], i) => {
      const inputs = number === undefined ? [value] : [value, this.b.scalar(number)];
      return i === ops.length - 1 ? this.last(op, inputs) : this.step(op.toLowerCase(), op, inputs);
    }, x);
  }

  /** The layer's next weight, which must have `shape`, in the equally large shape `as`. */
  tensor(shape: readonly number[], as = shape): Tensor {
    if (shape.some((d) => d < 1) || sizeOf(shape) > LARGEST)
      this.fail(`its weight ${this.#weight} would be [${shape}]. ${CONTRADICTION}`);
    return this.around.weights.tensor(this.layer.name, this.#weight++, shape, as);
  }

  hold(tensor: Tensor, what: string): Value {
    return this.b.constant(tensor, `${this.layer.name}/${what}`);
  }

  weight(what: string, shape: readonly number[], as = shape): Value {
    return this.hold(this.tensor(shape, as), what);
  }

  /** An axis of `rank` axes, negative ones counted from the end. */
  axis(axis: number, rank: number): number {
    const at = axis < 0 ? axis + rank : axis;
    return at >= 0 && at < rank ? at : this.fail(`axis ${axis}, but its bottom has ${rank} axes. ${CONTRADICTION}`);
  }

  /** Channels of a blob. Throws when it has no such axis. */
  channels({ shape }: Value): number {
    return shape[1] ?? this.fail(`its bottom [${shape}] has no channels. ${CONTRADICTION}`);
  }

  /** x [a, b, ...] with as many axes of 1 behind as to line up with `axis` and what follows in a value of `rank` axes. */
  spread(x: Value, axis: number, rank: number): Value {
    const missing = rank - axis - x.shape.length;
    if (missing < 0) this.fail(`[${x.shape}] from axis ${axis} on is more than ${rank} axes. ${CONTRADICTION}`);
    if (!missing) return x;
    const axes = Array.from({ length: missing }, (_, i) => x.shape.length + i);
    return this.step("spread", "Unsqueeze", [x, this.b.ints(axes)]);
  }
}
