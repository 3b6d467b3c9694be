/** Types of ops that work element by element, with numpy broadcasting. */
import type { DType } from "../graph";
import { DTYPES_BY_CODE } from "../dtype";
import { CONTRADICTION, type InferRule, type InferTable, type NodeView } from "./nodeView";

const same: InferRule = (v) => [v.input(0)];

/** Throws OpError unless all given inputs from `first` on have one dtype. */
function oneDtype(v: NodeView, first = 0): DType {
  const { dtype } = v.input(first);
  for (let i = first + 1; i < v.inputs.length; i++) {
    const other = v.inputs[i];
    if (other && other.dtype !== dtype)
      v.fail(`input ${first} is ${dtype}, but input ${i} is ${other.dtype}; both must have one type. ${CONTRADICTION}`);
  }
  return dtype;
}

const shapesOf = (v: NodeView) => v.inputs.map((_, i) => v.input(i).shape);

const broadcast: InferRule = (v) => [{ dtype: oneDtype(v), shape: v.broadcast(...shapesOf(v)) }];

const binary: InferRule = (v) => {
  v.input(1);
  return broadcast(v);
};

const predicate: InferRule = (v) => {
  oneDtype(v);
  return [{ dtype: "bool", shape: v.broadcast(v.input(0).shape, v.input(1).shape) }];
};

const test: InferRule = (v) => [{ dtype: "bool", shape: v.input(0).shape }];

const sameAs = (ops: string, rule: InferRule): InferTable => Object.fromEntries(ops.split(/\s+/).map((op) => [op, rule]));

export const elementwise: InferTable = {
  ...sameAs(
    `Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Ceil Celu Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity
     LeakyRelu Log Mish Neg Not Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Tan Tanh ThresholdedRelu`,
    same,
  ),
  ...sameAs("Add Sub Mul Div Mod And Or Xor BitwiseAnd BitwiseOr BitwiseXor BitShift", binary),
  ...sameAs("Sum Mean Max Min", broadcast),
  ...sameAs("Equal Greater GreaterOrEqual Less LessOrEqual", predicate),
  ...sameAs("IsNaN IsInf", test),
  /** The exponent may have another dtype. */
  Pow: (v) => [{ dtype: v.input(0).dtype, shape: v.broadcast(v.input(0).shape, v.input(1).shape) }],
  Where: (v) => {
    const condition = v.input(0);
    if (condition.dtype !== "bool") v.fail(`its condition is ${condition.dtype}, but must be bool. ${CONTRADICTION}`);
    return [{ dtype: oneDtype(v, 1), shape: v.broadcast(condition.shape, v.input(1).shape, v.input(2).shape) }];
  },
  Cast: (v) => {
    const code = v.int("to", 0);
    const dtype = DTYPES_BY_CODE[code] ?? v.fail(`casts to data type ${code}, which is not supported.`);
    return [{ dtype, shape: v.input(0).shape }];
  },
  CastLike: (v) => [{ dtype: v.input(1).dtype, shape: v.input(0).shape }],
  Clip: (v) => {
    oneDtype(v);
    return [v.input(0)];
  },
  PRelu: (v) => {
    const { dtype, shape } = v.input(0);
    const slope = v.input(1).shape;
    if (v.broadcast(shape, slope).join() !== shape.join())
      v.fail(`the slope [${slope.join(", ")}] does not broadcast to its input [${shape.join(", ")}]. ${CONTRADICTION}`);
    return [{ dtype, shape }];
  },
};
