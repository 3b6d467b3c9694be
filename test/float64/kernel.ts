/** What an operator in double precision is: its inputs' numbers and its output's shape in, its output's numbers out. */
import type { Node } from "../../src/onnx/graph";

/** Large weights stay float32, as the file has them: reading them as they are is exact. */
export interface Doubles {
  shape: readonly number[];
  data: Float64Array | Float32Array;
}

/** An absent optional input is undefined. */
export type Kernel = (node: Node, inputs: readonly (Doubles | undefined)[], shape: readonly number[]) => Float64Array;
