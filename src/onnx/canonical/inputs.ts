/** Run-time inputs with every size known: from the caller, from the file, from the model card, in this order. */
import { sizeOf, type Graph, type GraphInput } from "../graph";
import { MAX_ELEMENTS } from "../infer";
import { channelCount, sidesOf, type Preprocessing } from "../preprocessing";

export interface SizeOptions {
  /** Whole shapes by input name. */
  shapes?: Readonly<Record<string, readonly number[]>>;
  /** Rows and columns of the picture input. */
  size?: readonly [height: number, width: number];
  batch?: number;
  preprocessing?: Preprocessing;
}

export interface SizedInputs {
  shapes: Map<string, readonly number[]>;
  /** The picture input, when the model has one that can be told. */
  picture: GraphInput | undefined;
  /** Batch size that the file declares for the picture (null: open), and the one chosen. */
  batch: { declared: number | null; wanted: number };
}

const text = (input: GraphInput) => `"${input.name}" [${input.shape.map((d) => d ?? "?").join(", ")}]`;

/** The one input that takes pictures: the card's, or the only one of four axes. */
function pictureOf(
  graph: Graph,
  inputs: readonly GraphInput[],
  preprocessing: Preprocessing | undefined,
): GraphInput | undefined {
  const named = preprocessing && inputs.find((input) => input.name === preprocessing.input);
  if (named) return named;
  const pictures = inputs.filter((input) => input.shape.length === 4 && input.dtype !== "int64");
  if (pictures.length === 1) return pictures[0];
  if (preprocessing)
    throw new Error(
      `Model "${graph.name}" has no picture input "${preprocessing.input}"; its inputs are ${inputs.map(text).join(", ")}. Correct the model's card.`,
    );
  return undefined;
}

const isNhwc = (input: GraphInput, preprocessing: Preprocessing | undefined) =>
  preprocessing ? preprocessing.layout === "NHWC" : input.shape[3] === 3 && input.shape[1] !== 3;

/**
 * A shape for each of `inputs`. Throws Error when a size stays open, naming the input and what to give.
 */
export function sizedInputs(graph: Graph, inputs: readonly GraphInput[], options: SizeOptions): SizedInputs {
  const picture = pictureOf(graph, inputs, options.preprocessing);
  const size = options.size ?? (options.preprocessing && sidesOf(options.preprocessing));
  const channels = options.preprocessing ? channelCount(options.preprocessing.channels) : 3;
  const symbols = new Map<string, number>();
  const shapes = new Map<string, readonly number[]>();
  const ordered = picture ? [picture, ...inputs.filter((input) => input !== picture)] : inputs;
  for (const input of ordered) {
    const given = options.shapes?.[input.name];
    if (given && (given.length !== input.shape.length || given.some((d) => !Number.isInteger(d) || d < 1)))
      throw new Error(
        `Input ${text(input)}: the shape [${given.join(", ")}] was asked for. Give ${input.shape.length} sizes of 1 or more.`,
      );
    const rows = isNhwc(input, options.preprocessing) ? 1 : 2;
    const shape = input.shape.map((declared, axis) => {
      if (given) return given[axis]!;
      if (axis === 0 && options.batch !== undefined && (input === picture || typeof declared !== "number")) return options.batch;
      const spatial = input === picture && (axis === rows || axis === rows + 1);
      if (spatial && options.size) return options.size[axis - rows]!;
      if (typeof declared === "number") return declared;
      if (typeof declared === "string" && symbols.has(declared)) return symbols.get(declared)!;
      if (spatial && size) return size[axis - rows]!;
      if (axis === 0) return 1;
      if (input === picture && axis === (rows === 1 ? 3 : 1)) return channels;
      const example = input.shape.map((d, i) => (typeof d === "number" ? d : i === 0 ? 1 : 224)).join(",");
      throw new Error(
        `Input ${text(input)}: size ${declared ? `"${declared}"` : axis} is open in the file. Give a size, for example ${input.name}=${example}.`,
      );
    });
    input.shape.forEach(
      (declared, axis) => typeof declared === "string" && !symbols.has(declared) && symbols.set(declared, shape[axis]!),
    );
    if (sizeOf(shape) > MAX_ELEMENTS)
      throw new Error(
        `Input ${text(input)}: [${shape.join(", ")}] would have ${sizeOf(shape)} elements, more than ${MAX_ELEMENTS}. Give a smaller size.`,
      );
    shapes.set(input.name, shape);
  }
  const declared = picture?.shape[0];
  return {
    shapes,
    picture,
    batch: { declared: typeof declared === "number" ? declared : null, wanted: (picture && shapes.get(picture.name)?.[0]) ?? 1 },
  };
}
