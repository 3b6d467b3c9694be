/** What a caller of the importer chooses, and the shapes of inputs that follow from it: for both kinds of model. */
import type { Dim, Graph } from "../../onnx/graph";
import { CHANNELS_LAST, type AxisOrder } from "./site";

export interface TfjsOptions {
  /** Names of nodes or layers wanted as outputs; what comes after is left out. Default: the model's own outputs. */
  until?: readonly string[];
  /** Rows and columns of the picture where the file leaves them open; default 224 x 224. */
  size?: readonly [height: number, width: number];
  /** Leaves rows and columns open in the graph even where the file says at which size the network was trained. */
  anySize?: boolean;
  /** Names the file in messages. */
  what?: string;
}

export interface InputShape {
  /** While importing, NCHW. */
  shape: number[];
  /** As the graph declares it: the batch stays open, and what the file leaves open. */
  declared: Dim[];
}

/** Sizes that the file leaves open are null. */
export function pictureInput(
  sizes: readonly (number | null)[],
  { size, anySize }: TfjsOptions,
  order: AxisOrder = CHANNELS_LAST,
): InputShape {
  const [batch, given, rows, columns] = order.stored.map((axis) => sizes[axis] ?? null);
  const [height, width] = size ?? [224, 224];
  const channels = given ?? 3;
  const shape = [batch ?? 1, channels, rows ?? height, columns ?? width];
  const sides = anySize ? [null, null] : [rows, columns];
  return { shape, declared: ["N", channels, sides[0] ?? "height", sides[1] ?? "width"] };
}

/** An input that is no picture: only its batch is open. */
export function closed(sizes: readonly (number | null)[]): InputShape {
  const shape = sizes.map((d) => d ?? 1);
  return { shape, declared: shape.map((d, i) => (i === 0 ? "N" : d)) };
}

/** The graph with its inputs declared as the file has them, without the types that held at the size it was imported at. */
export function opened(
  { name, opset, inputs, outputs, nodes, constants }: Graph,
  declared: ReadonlyMap<string, readonly Dim[]>,
): Graph {
  const open = inputs.map((input) => ({ name: input.name, dtype: input.dtype, shape: declared.get(input.name)! }));
  return { name, opset, inputs: open, outputs, nodes, constants };
}
