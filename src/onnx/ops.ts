/**
 * The operators a canonical graph may hold (canonicalise.ts makes no other), by what a gradient does at them.
 * The rule table of src/autodiff is typed by these names: an operator added here without a rule breaks the build.
 */

/** A gradient flows through these. */
export const DIFFERENTIABLE_OPS = [
  ...(["Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cosh", "Sinh", "Tan"] as const),
  ...(["CumSum", "GatherElements", "GatherND", "Mod", "ReduceProd", "ScatterElements", "ScatterND", "TopK"] as const),
  ...(["Identity", "Shrink", "ThresholdedRelu"] as const),
  ...([
    "Abs",
    "Add",
    "AveragePool",
    "Cast",
    "Clip",
    "Concat",
    "Conv",
    "ConvTranspose",
    "Cos",
    "DepthToSpace",
    "Div",
    "Einsum",
    "Elu",
  ] as const),
  ...([
    "Erf",
    "Exp",
    "Expand",
    "Gather",
    "Gelu",
    "GridSample",
    "HardSigmoid",
    "HardSwish",
    "InstanceNormalization",
    "LayerNormalization",
  ] as const),
  ...(["LeakyRelu", "Log", "LogSoftmax", "MatMul", "Max", "MaxPool", "Min", "Mul", "Neg", "PRelu", "Pad", "Pow"] as const),
  ...([
    "Reciprocal",
    "ReduceL2",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceSum",
    "ReduceSumSquare",
    "Relu",
    "Reshape",
    "Resize",
  ] as const),
  ...([
    "Sigmoid",
    "Sin",
    "Slice",
    "Softmax",
    "Softplus",
    "SpaceToDepth",
    "Sqrt",
    "Sub",
    "Tanh",
    "Tile",
    "Transpose",
    "Where",
  ] as const),
] as const;

/** Piecewise constant: their derivative is zero wherever it exists, so a gradient ends here without loss. */
export const CONSTANT_OPS = [
  ...([
    "ArgMax",
    "ArgMin",
    "Ceil",
    "Equal",
    "Floor",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "And",
    "Or",
    "Xor",
  ] as const),
  ...(["Not", "IsNaN", "IsInf", "OneHot", "Round", "Sign", "Shape", "Size"] as const),
] as const;

export type DifferentiableOp = (typeof DIFFERENTIABLE_OPS)[number];
export type ConstantOp = (typeof CONSTANT_OPS)[number];
