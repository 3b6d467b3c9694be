/** One node of a file on its way into the canonical graph: what a canonical rule reads, and how it emits. */
import type { GraphBuilder } from "../builder";
import { OPSET, sizeOf, type Attrs, type Node, type Tensor, type Value } from "../graph";
import { fold } from "../fold";
import { NodeView } from "../infer/nodeView";
import { numbers } from "../tensor";

/**
 * A rule takes a node in any opset's form and emits canonical nodes; it returns the values of the node's outputs
 * (null or absent: an output that must not be used).
 */
export type CanonicalRule = (s: Site) => readonly (Value | null)[];
export type CanonicalTable = Readonly<Record<string, CanonicalRule>>;

/** Between a value's name and what canonicalisation made on the way to it; no file's own name has it in practice. */
export const AUX = "~";

/** What the levels of a quantised value mean: real = (level - zero) * scale. */
export interface Grid {
  readonly scale: number;
  readonly zero: number;
}

/** What rules may know of the graph around their node. */
export interface Surroundings {
  readonly opset: number;
  /** The only node that reads `name`, unless it is wanted as output or read by several. */
  soleConsumer(name: string): Node | undefined;
  /** The constant behind a name of the file, also when it is not emitted yet. */
  constantNamed(name: string): Tensor | undefined;
  /** Declares that a later node is already done: its first output is `value`. */
  settle(node: Node, value: Value): void;
  /** Of the file's quantised values, those that are real numbers here; see quantisation.ts. */
  readonly grids: Map<string, Grid>;
  /** The file's own outputs, of which levels are given where the file says levels. */
  readonly wantsLevels: ReadonlySet<string>;
  /** Of the file's values, those that are sequences of tensors. */
  readonly sequences: Map<string, readonly Value[]>;
  /** Elements that folding may still read and make: what is beyond is left to the run time. */
  readonly folding: { left: number };
  /** The rule of one of ONNX's own operators. */
  rule(op: string): CanonicalRule;
  /** The Transpose that made a value, if one did. */
  readonly transposes: Map<string, { from: Value; perm: readonly number[] }>;
  /** How the picture stands to the value that the first Conv reads, when that Conv is to absorb the difference. */
  readonly absorb: ReadonlyMap<Node, Affine>;
  /** Batch size that the file was written for, and the one wanted. */
  readonly batch: { readonly declared: number | null; readonly wanted: number };
}

/** Network channel c = picture channel source[c] * scale[c] + shift[c]. */
export interface Affine {
  readonly source: readonly number[];
  readonly scale: readonly number[];
  readonly shift: readonly number[];
}

export class Site extends NodeView<Value> {
  constructor(
    readonly b: GraphBuilder,
    node: Node,
    inputs: readonly (Value | undefined)[],
    readonly around: Surroundings,
  ) {
    super(node, inputs, (i) => (inputs[i] ? b.constantOf(inputs[i]) : undefined));
  }

  get opset(): number {
    return this.around.opset;
  }

  float(name: string, fallback: number): number {
    return this.int(name, fallback);
  }

  /** Attribute `name` (older opsets) or constant input `i` (newer ones) as whole numbers. */
  intsFrom(name: string, i: number): number[] | undefined {
    return this.ints(name)?.slice() ?? this.optionalInts(i, name);
  }

  /** Input `i` as a constant. Throws OpError when it is computed at run time. */
  needConstant(i: number, what: string): Tensor {
    this.input(i);
    return this.constant(i) ?? this.fail(`input ${i} (${what}) must be known beforehand, but is computed while the model runs.`);
  }

  /** Emits the node that makes output 0, under the name that the file gave it. */
  last(op: string, inputs: readonly (Value | null)[], attrs: Attrs = {}, output = 0): Value {
    return this.emit(op, inputs, attrs, this.node.outputs[output]!);
  }

  /** Emits a node on the way to it; `step` says in its name what it is for. */
  step(step: string, op: string, inputs: readonly (Value | null)[], attrs: Attrs = {}): Value {
    return this.emit(op, inputs, attrs, undefined, `${this.node.outputs[0]}${AUX}${step}`);
  }

  /** What the rule of another operator, in its newest form, makes of given values; "" as `step`: it is the node's output. */
  as(step: string, op: string, inputs: readonly (Value | null)[], attrs: Attrs = {}): Value {
    const output = `${this.node.outputs[0]!}${step && AUX}${step}`;
    const node = { op, name: this.node.name, domain: "", inputs: inputs.map((v) => v?.name ?? ""), outputs: [output], attrs };
    const given = inputs.map((v) => v ?? undefined);
    return this.around.rule(op)(new Site(this.b, node, given, { ...this.around, opset: OPSET }))[0]!;
  }

  /** A float32 or other constant on the way to the output. */
  hold(step: string, tensor: Tensor): Value {
    return this.b.constant(tensor, `${this.node.outputs[0]}${AUX}${step}`);
  }

  /** Appends a node with one output, or its value when all inputs are constants and the op can be folded. */
  private emit(op: string, inputs: readonly (Value | null)[], attrs: Attrs, exact: string | undefined, base = exact): Value {
    const folded = this.foldOne(op, inputs, attrs);
    if (folded) return this.b.constant(folded, base, exact !== undefined);
    return this.b.node(op, inputs, attrs, { name: base, outputNames: exact === undefined ? undefined : [exact] });
  }

  private foldOne(op: string, inputs: readonly (Value | null)[], attrs: Attrs): Tensor | undefined {
    const tensors: (Tensor | undefined)[] = [];
    const cost = inputs.reduce((sum, v) => sum + (v ? sizeOf(v.shape) : 0), 0);
    const { folding } = this.around;
    if (cost > folding.left) return undefined;
    for (const input of inputs) {
      const tensor = input ? this.b.constantOf(input) : undefined;
      if (input && !tensor) return undefined;
      tensors.push(tensor);
    }
    const names = inputs.map((v) => v?.name ?? "");
    folding.left -= cost;
    const folded = fold(
      { op, name: this.node.name, domain: "", inputs: names, outputs: [this.node.outputs[0] ?? ""], attrs },
      tensors,
    )?.[0];
    if (folded) folding.left -= sizeOf(folded.shape);
    return folded;
  }
}

/** The single number of a constant, as Clip's bounds and quantisation scales have it. */
export const scalarOf = (tensor: Tensor): number => numbers(tensor)[0] ?? Number.NaN;
