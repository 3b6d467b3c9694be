/**
 * TensorFlow Lite (.tflite) -> Graph in ONNX ops, NCHW, in real numbers.
 *
 * The file's names of tensors stay the names of the values (of fused ones the first). As with TF.js, weights are permuted here, sizes
 * that the converter froze become relative where that is exact, so that pictures of another size than the declared one can be fed.
 * A quantised input says how it wants its pictures, so the preprocessing is known; a float input does not.
 */
import { GraphBuilder } from "../../onnx/builder";
import { ModelFormatError, OpError, type Dim, type Graph, type Value } from "../../onnx/graph";
import type { Preprocessing } from "../../onnx/preprocessing";
import { readTflite, type TfliteModel, type TfliteOperator, type TfliteTensor } from "./read";
import { tfliteRules } from "./rules";
import { TfliteSite, type HeldConstants, type TfliteOperand } from "./site";

export interface TfliteOptions {
  /** Names of tensors wanted as outputs; what comes after is left out. Default: the file's outputs. */
  until?: readonly string[];
}

export interface ImportedTflite {
  graph: Graph;
  /** How a quantised RGB input wants its pictures: 0..255 - zero point, times scale. Null where the file does not say. */
  preprocessing: Preprocessing | null;
  /** The picture input as the file has it, or null when no input has four axes. `scale` and `zeroPoint`: of bytes 0..255. */
  picture: {
    input: string;
    size: [height: number, width: number];
    channels: number;
    scale: number | null;
    zeroPoint: number;
  } | null;
}

/**
 * Imports a .tflite file; `what` names it in messages.
 * Throws ModelFormatError when the file is damaged, contradicts itself or holds an operator that is not understood; the message names
 * the operator and the tensor that it makes.
 */
export function importTflite(bytes: Uint8Array, what = "this file", { until }: TfliteOptions = {}): ImportedTflite {
  const model = readTflite(bytes, what);
  const { tensors } = model;
  const outputs = until?.map((name) => named(model, name, what)) ?? model.outputs;
  const operators = neededFor(model, outputs);
  const b = new GraphBuilder();
  b.reserve(tensors.filter((t) => !t.isConstant).map(({ name }) => name));
  const operands = new Map<number, TfliteOperand>();
  const declared = new Map<string, Dim[]>();
  for (const index of model.inputs) {
    const { shape, dims } = inputShape(tensors[index]!, what);
    const { name } = tensors[index]!;
    if (declared.has(name)) throw new ModelFormatError(`${what}: "${name}" is an input twice. The file is damaged.`);
    declared.set(name, dims);
    operands.set(index, { value: b.input(name, "float32", shape) });
  }
  const held: HeldConstants = new Map();
  for (const operator of operators) convert(b, model, operator, operands, held, what);
  const values = [...new Set(outputs)].map((index) => output(b, tensors[index]!, operands.get(index), what));
  const built = b.build(what.replace(/\.tflite$/, ""), values, { dropUnusedInputs: true });
  const inputs = built.inputs.map(({ name, dtype }) => ({ name, dtype, shape: declared.get(name)! }));
  const { name, opset, nodes, constants } = built;
  const graph = { name, opset, inputs, outputs: built.outputs, nodes, constants };
  const picture = pictureOf(model, graph);
  return { graph, picture, preprocessing: preprocessingOf(picture) };
}

/** An output's value, under its own name: where only its storage differs from another tensor's, an Identity tells them apart. */
function output(b: GraphBuilder, tensor: TfliteTensor, operand: TfliteOperand | undefined, what: string): Value {
  const { name } = tensor;
  if (operand && "value" in operand)
    return operand.value.name === name ? operand.value : b.node("Identity", [operand.value], {}, { name, outputNames: [name] });
  const found = operand || tensor.isConstant ? "a constant" : "made by no operator";
  throw new ModelFormatError(`${what}: output "${name}" is ${found}, so there is nothing to look at. Convert it again.`);
}

function convert(
  b: GraphBuilder,
  { tensors, constant }: TfliteModel,
  operator: TfliteOperator,
  operands: Map<number, TfliteOperand>,
  held: HeldConstants,
  what: string,
): void {
  const outputs = operator.outputs.map((i) => tensors[i]!);
  const where = `${what}: ${operator.op} "${outputs[0]?.name ?? "?"}"`;
  const inputs = operator.inputs.map((index): TfliteOperand | undefined => {
    if (index === -1) return undefined;
    const tensor = tensors[index]!;
    const known = operands.get(index);
    if (known) return known;
    if (tensor.isConstant) return { constant: constant(index), name: tensor.name, quantisation: tensor.quantisation };
    throw new ModelFormatError(
      `${where} reads "${tensor.name}", which nothing before it makes. The file contradicts itself; convert it again.`,
    );
  });
  if (!outputs.length || operator.outputs.includes(-1)) throw new ModelFormatError(`${where} lacks an output. It is damaged.`);
  const twice = operator.outputs.find((index) => operands.has(index) || tensors[index]!.isConstant);
  if (twice !== undefined)
    throw new ModelFormatError(`${where} makes "${tensors[twice]!.name}", which is there already. The file contradicts itself.`);
  const rule = Object.hasOwn(tfliteRules, operator.op) ? tfliteRules[operator.op] : undefined;
  if (!rule)
    throw new ModelFormatError(
      `${where}: this TensorFlow Lite operator is not supported. Name an earlier tensor as the output and what follows is left out.`,
    );
  const made = guarded(where, () => rule(new TfliteSite(b, operator, inputs, outputs, held)));
  if ("constant" in made) operands.set(operator.outputs[0]!, { name: outputs[0]!.name, ...made });
  else
    (Array.isArray(made) ? (made as Value[]) : [made as Value]).forEach((value, i) =>
      operands.set(operator.outputs[i]!, { value }),
    );
}

/** What a rule or shape inference refuses is the file's fault, and is said as such. */
function guarded<T>(where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof ModelFormatError || error instanceof TypeError || !(error instanceof Error)) throw error;
    const message = error instanceof OpError ? error.message.replace(/^\S+ ".*?": /, "") : error.message;
    throw new ModelFormatError(`${where}: ${message}`, { cause: error });
  }
}

function named({ tensors }: TfliteModel, name: string, what: string): number {
  const index = tensors.findIndex((tensor) => tensor.name === name && !tensor.isConstant);
  if (index !== -1) return index;
  throw new ModelFormatError(`${what} has no tensor "${name}" that an operator makes.`);
}

/** The operators that `outputs` need, in the file's order, which is the order of execution. */
function neededFor({ operators }: TfliteModel, outputs: readonly number[]): TfliteOperator[] {
  const needed = new Set(outputs);
  const kept: TfliteOperator[] = [];
  for (const operator of operators.toReversed()) {
    if (!operator.outputs.some((index) => needed.has(index))) continue;
    kept.push(operator);
    for (const index of operator.inputs) needed.add(index);
  }
  return kept.reverse();
}

/** An input's shape while importing, NCHW, and as the graph declares it: only the batch stays open. */
function inputShape(tensor: TfliteTensor, what: string): { shape: number[]; dims: Dim[] } {
  const { name, shape, dtype, quantisation, typeName } = tensor;
  if (tensor.isConstant || shape.some((d) => d < 1))
    throw new ModelFormatError(
      `${what}: input "${name}" [${shape}] has no shape to feed. The file is damaged; convert it again.`,
    );
  if (!dtype?.startsWith("float") && dtype !== "uint8" && !quantisation)
    throw new ModelFormatError(`${what}: input "${name}" takes ${typeName}; only pictures and other real numbers are supported.`);
  if (shape.length !== 4) return { shape, dims: shape.map((d, i) => (i === 0 ? "N" : d)) };
  const [n, height, width, channels] = shape as [number, number, number, number];
  return { shape: [n, channels, height, width], dims: ["N", channels, height, width] };
}

function pictureOf({ tensors, inputs }: TfliteModel, graph: Graph): ImportedTflite["picture"] {
  const pictures = inputs.map((index) => tensors[index]!).filter(({ shape }) => shape.length === 4);
  const picture = pictures.find(({ name }) => graph.inputs.some((input) => input.name === name));
  if (!picture) return null;
  const { name, shape, dtype, quantisation: q } = picture;
  const bytes = (dtype === "uint8" || dtype === "int8") && (q === null || q.scale.length === 1);
  return {
    input: name,
    size: [shape[1]!, shape[2]!],
    channels: shape[3]!,
    scale: bytes ? (q?.scale[0] ?? 1) : null,
    zeroPoint: bytes ? (q?.zeroPoint[0] ?? 0) + (dtype === "int8" ? 128 : 0) : 0,
  };
}

/** real = scale * (byte - zeroPoint) = (byte - zeroPoint) / (1 / scale) */
function preprocessingOf(picture: ImportedTflite["picture"]): Preprocessing | null {
  if (!picture || picture.channels !== 3 || !picture.scale) return null;
  const three = (x: number) => [x, x, x];
  return {
    input: picture.input,
    layout: "NCHW",
    channels: "RGB",
    range: 255,
    mean: three(picture.zeroPoint),
    std: three(1 / picture.scale),
    size: picture.size[0],
  };
}
