/**
 * How a network wants its pictures, where its file does not say: read off the first nodes, the names, the shapes.
 *
 * A guess is only where the reader's form starts from, and comes with its reason. Wrong preprocessing shows: pictures come out
 * pale or garish, and answers are poor.
 */
import { consumersOf } from "../onnx/canonical/cut";
import { canonicalise } from "../onnx/canonicalise";
import { OpError, type Graph, type GraphInput, type Tensor } from "../onnx/graph";
import { conventionFor, resizedTo, type Convention, type Preprocessing } from "../onnx/preprocessing";
import { numbers } from "../onnx/tensor";

export interface Guess {
  preprocessing: Preprocessing;
  /** For people. */
  reason: string;
}

interface Told {
  convention: Convention;
  reason: string;
}

/** Sides that networks are trained at, the commonest first; tried where the file leaves rows and columns open. */
const SIDES = [224, 227, 299, 256, 240, 192, 128, 96, 64, 32];

/** The input that takes pictures: the only one of four axes with 1 to 4 channels, or the first of them. */
export function pictureInput(graph: Graph): GraphInput | undefined {
  const pictures = graph.inputs.filter(({ shape }) => shape.length === 4);
  return pictures.find((input) => channelsOf(input) !== null) ?? pictures[0];
}

const few = (d: unknown): d is number => typeof d === "number" && d >= 1 && d <= 4;

function layoutOf({ shape }: GraphInput): "NCHW" | "NHWC" {
  return few(shape[3]) && !few(shape[1]) ? "NHWC" : "NCHW";
}

/** How many channels an input of four axes declares; null when it leaves them open or has more than a picture. */
export function channelsOf(input: GraphInput): number | null {
  const declared = input.shape[layoutOf(input) === "NHWC" ? 3 : 1];
  return few(declared) ? declared : null;
}

/** Rows and columns as the file declares them; null where it leaves them open. */
export function declaredSize(input: GraphInput): [height: number, width: number] | null {
  const from = layoutOf(input) === "NHWC" ? 1 : 2;
  const [height, width] = input.shape.slice(from, from + 2);
  return typeof height === "number" && typeof width === "number" ? [height, width] : null;
}

/** The likeliest preprocessing of a graph with a picture input. Null when no input can take a picture. */
export function guessPreprocessing(graph: Graph): Guess | null {
  const input = pictureInput(graph);
  if (!input) return null;
  const { convention, reason } = guessConvention(graph, input);
  const base: Preprocessing = {
    input: input.name,
    layout: layoutOf(input),
    ...conventionFor(convention, channelsOf(input) ?? 3),
    size: SIDES[0]!,
  };
  const declared = declaredSize(input);
  const preprocessing = declared ? resizedTo(base, declared) : fitted(graph, base);
  return { preprocessing, reason };
}

/** The first usual size at which the network's shapes agree; dense layers fit only the size they were trained at. */
function fitted(graph: Graph, base: Preprocessing): Preprocessing {
  for (const side of SIDES) {
    const preprocessing = resizedTo(base, [side, side]);
    try {
      canonicalise(graph, { preprocessing });
      return preprocessing;
    } catch (error) {
      if (!(error instanceof OpError)) return base; // another size is no cure
    }
  }
  return base;
}

function guessConvention(graph: Graph, input: GraphInput): Told {
  const inside = normalisedInside(graph, input);
  if (inside) return inside;
  const names = [input.name, ...graph.outputs, ...graph.nodes.map((node) => node.name)].join("\n");
  if (input.dtype === "uint8") return { convention: "bytes", reason: "The input takes bytes." };
  if (/\b(gluon|mxnet)|\d_(fwd|weight)\b|_fwd\b/i.test(names))
    return { convention: "torch", reason: "The names are MXNet's, whose models want ImageNet's mean and deviation." };
  if (/^data(_0)?$/.test(input.name) || /(^|\n)(inception_\d|conv\d_\d|fc[678]\b|loss\d)/i.test(names))
    return { convention: "caffe", reason: "The names are Caffe's, whose models want BGR bytes minus ImageNet's mean." };
  if (/mobilenet(v\d)?\/|keras|StatefulPartitionedCall|tf\./i.test(names))
    return { convention: "tf", reason: "The names are TensorFlow's, whose models mostly want −1 to 1." };
  return {
    convention: "torch",
    reason: "The file does not say; most models want ImageNet's mean and deviation, as PyTorch's do.",
  };
}

/** A network that begins by subtracting or scaling does its own preprocessing: the constants tell of which numbers. */
function normalisedInside(graph: Graph, input: GraphInput): Told | undefined {
  const consumers = consumersOf(graph.nodes);
  let name = input.name;
  for (let step = 0; step < 6; step++) {
    const readers = consumers.get(name) ?? [];
    const node = readers[0];
    if (readers.length !== 1 || !node) return undefined;
    const other = node.inputs.map((i) => graph.constants.get(i)).find((t) => t !== undefined);
    const by = node.op === "BatchNormalization" ? graph.constants.get(node.inputs[3] ?? "") : other;
    if (["Sub", "Add", "Mul", "Div", "BatchNormalization"].includes(node.op) && by) {
      const size = magnitude(by);
      // a mean near 0 is that of pictures which somebody else has normalised
      if (size === 0 || (node.op === "BatchNormalization" && size < 0.2)) return undefined;
      const wants = (node.op === "Mul" ? size < 0.1 : size > 2) ? "bytes" : "unit";
      const begins = `The network itself begins with ${node.op} by ${short(by)}`;
      return { convention: wants, reason: `${begins}: it wants ${wants === "bytes" ? "bytes, 0 to 255" : "0 to 1"}.` };
    }
    if (!["Transpose", "Cast", "Identity", "Reshape"].includes(node.op)) return undefined;
    name = node.outputs[0]!;
  }
  return undefined;
}

const magnitude = (t: Tensor): number => Math.max(...numbers(t).slice(0, 16).map(Math.abs));
const short = (t: Tensor): string =>
  numbers(t)
    .slice(0, 3)
    .map((x) => Number(x.toPrecision(3)))
    .join(", ");
