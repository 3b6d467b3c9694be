/** Who gets the real numbers of a quantised value, and who its levels: see quantisation.ts. */
import type { GraphBuilder } from "../builder";
import type { DType, Node, Value } from "../graph";
import { f32, numbers } from "../tensor";
import { AUX, type Grid } from "./site";

/**
 * Operators that move numbers or pick the largest do to real numbers what they do to levels, as the one grows with the other; so does
 * what takes means with weights of sum 1.
 */
const KEEPS_GRID = new Set(
  `Identity Dropout Reshape Flatten Squeeze Unsqueeze Transpose Expand Tile Concat Slice Split Gather GatherElements GatherND
   DepthToSpace SpaceToDepth MaxPool GlobalMaxPool Max Min ReduceMax ReduceMin Where Resize Upsample`.split(/\s+/),
);

/** Types that levels have in a file. */
const SMALL_INTEGERS: ReadonlySet<DType> = new Set(["int8", "uint8", "int16", "uint16"] as const);

const sameGrid = (a: Grid | undefined, b: Grid): boolean => a?.scale === b.scale && a.zero === b.zero;

export class Levels {
  readonly #b: GraphBuilder;
  readonly #made = new Map<string, Value>();
  /** Of the file's quantised values, those that are real numbers in the canonical graph. */
  readonly grids = new Map<string, Grid>();
  /** Values of which levels are wanted, should they be quantised. */
  readonly wanted: ReadonlySet<string>;

  constructor(b: GraphBuilder, wanted: readonly string[]) {
    this.#b = b;
    this.wanted = new Set(wanted);
  }

  /** A node's `inputs` as its rule wants them; `knows`: it is one that takes real numbers and asks for their grids. */
  inputsOf(node: Node, inputs: readonly (Value | undefined)[], knows: boolean): readonly (Value | undefined)[] {
    if (knows) return inputs;
    const own = node.inputs.map((name) => this.grids.get(name));
    const grid = own.find(Boolean);
    const fits = (v: Value | undefined, i: number) =>
      v === undefined ||
      (v.dtype === "float32" ? this.#b.constantOf(v) !== undefined || sameGrid(own[i], grid!) : !SMALL_INTEGERS.has(v.dtype));
    if (grid && KEEPS_GRID.has(node.op) && inputs.every(fits) && !node.outputs.some((name) => this.wanted.has(name))) {
      for (const output of node.outputs) this.grids.set(output, grid);
      return inputs;
    }
    const levels = inputs.map((v, i) => (v && own[i] ? this.#of(node.inputs[i]!, v, own[i]) : v));
    if (!levels.some((v) => v?.dtype === "float32")) return levels;
    // constants beside levels that are floats here
    return levels.map((v) => {
      const tensor = v && SMALL_INTEGERS.has(v.dtype) ? this.#b.constantOf(v) : undefined;
      return tensor ? this.#b.constant(f32(numbers(tensor), tensor.shape), `${v!.name}${AUX}levels`) : v;
    });
  }

  /** What stands for the file's value `name` among the outputs. */
  asOutput(name: string, value: Value): Value {
    const grid = this.wanted.has(name) ? this.grids.get(name) : undefined;
    return grid ? this.#of(name, value, grid) : value;
  }

  /** The levels of a quantised value as floats. */
  #of(name: string, real: Value, { scale, zero }: Grid): Value {
    const known = this.#made.get(name);
    if (known) return known;
    const named = (step: string) => ({ name: `${name}${AUX}${step}` });
    const scaled = this.#b.node("Mul", [real, this.#b.scalar(1 / scale)], {}, named("scaled"));
    const made = zero === 0 ? scaled : this.#b.node("Add", [scaled, this.#b.scalar(zero)], {}, named("levels"));
    this.#made.set(name, made);
    return made;
  }
}
