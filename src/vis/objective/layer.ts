/** Terms of one layer: linear forms of its activation, their products with cosines, and DeepDream. */
import {
  cosineFactor,
  lengthOf,
  positionsOf,
  scalarInput,
  type ActShape,
  type LayerShape,
  type Term,
  type TermInput,
} from "./term";
import { ObjectiveError, type LayerObjective } from "./types";

type Of<K extends LayerObjective["kind"]> = Extract<LayerObjective, { kind: K }>;
/** A direction [C] and a mask [H * W] over one grid, of a layer whose shape is known. */
interface Form {
  layer: string;
  direction: (shape: LayerShape) => Float32Array;
  mask: (shape: LayerShape) => Float32Array;
}

/** Shown the same grid `copies` times, each with its share. */
function tiled(row: Float32Array, copies: number): Float32Array {
  return copies === 1 ? row : Float32Array.from({ length: copies * row.length }, (_, i) => row[i % row.length]! / copies);
}

const formInputs = ({ layer, direction, mask }: Form): TermInput[] => [
  { dims: (shapes) => [shapes(layer).channels], data: (shapes) => direction(shapes(layer)) },
  { dims: (shapes) => [positionsOf(shapes(layer))], data: (shapes) => tiled(mask(shapes(layer)), shapes(layer).copies) },
];

/** sum over c, p of act[c, p] direction[c] mask[p]. */
const linear = (form: Form): Term => ({
  structure: `linear ${JSON.stringify(form.layer)}`,
  layer: form.layer,
  inputs: formInputs(form),
  of: [],
  emit: ({ b, batch, act }, { inputs: [direction, mask] }) => {
    const [, channels, positions] = act(form.layer).shape as [number, number, number];
    const summed = b.matmul(act(form.layer), b.reshape(mask!, [batch, positions, 1]));
    return b.reduceSum(b.mul(summed, b.reshape(direction!, [batch, channels, 1])), [1, 2], false);
  },
});

/** sum over p of mask[p] dot[p] max(0.1, cos[p])^power, dot and cos of act[:, p] with the direction. */
const cosine = (form: Form, power: number): Term => ({
  structure: `cosine ${JSON.stringify(form.layer)}`,
  layer: form.layer,
  inputs: [...formInputs(form), scalarInput(power)],
  of: [],
  emit: ({ b, batch, act }, { inputs: [direction, mask, exponent] }) => {
    const a = act(form.layer);
    const [, channels, positions] = a.shape as [number, number, number];
    const along = b.reshape(direction!, [batch, 1, channels]);
    const dot = b.matmul(along, a);
    const cos = b.div(dot, b.mul(lengthOf(b, a, [1]), lengthOf(b, along, [2])));
    const factor = cosineFactor(b, cos, b.reshape(exponent!, [batch, 1, 1]));
    return b.reduceSum(b.mul(b.mul(dot, factor), b.reshape(mask!, [batch, 1, positions])), [1, 2], false);
  },
});

function tensor(o: Of<"tensor">): Term {
  const { layer, shape } = o;
  const placed = (fill: (c: number, i: number) => number) => (s: ActShape) => placedTensor(o, s, fill);
  const weights: TermInput = {
    dims: (shapes) => [shapes(layer).channels, positionsOf(shapes(layer))],
    data: (shapes) => placed((c, i) => o.tensor[c * shape[1] * shape[2] + i]!)(shapes(layer)),
  };
  if (!o.cosinePower)
    return {
      structure: `tensor ${JSON.stringify(layer)}`,
      layer,
      inputs: [weights],
      of: [],
      emit: ({ b, act }, { inputs: [w] }) => b.reduceSum(b.mul(act(layer), w!), [1, 2], false),
    };
  const covered: TermInput = { dims: weights.dims, data: (shapes) => placed(() => shapes(layer).copies)(shapes(layer)) };
  return {
    structure: `tensor cosine ${JSON.stringify(layer)}`,
    layer,
    inputs: [weights, covered, scalarInput(o.cosinePower)],
    of: [],
    emit: ({ b, act }, { inputs: [w, cover, power] }) => {
      const dot = b.reduceSum(b.mul(act(layer), w!), [1, 2], false);
      const lengths = b.mul(lengthOf(b, b.mul(act(layer), cover!), [1, 2]), lengthOf(b, w!, [1, 2]));
      return b.mul(dot, cosineFactor(b, b.div(dot, b.reshape(lengths, dot.shape)), power!));
    },
  };
}

/** A tensor [C, h, w] about the centre of a layer's grid; zero elsewhere. [C, P] */
function placedTensor({ layer, shape, tensor }: Of<"tensor">, s: ActShape, fill: (c: number, i: number) => number): Float32Array {
  const [channels, height, width] = shape;
  if (tensor.length !== channels * height * width)
    throw new ObjectiveError(
      `the tensor has ${tensor.length} numbers, but its shape [${shape.join(", ")}] needs ${channels * height * width}.`,
    );
  if (channels !== s.channels || height > s.height || width > s.width)
    throw new ObjectiveError(
      `the tensor's shape is [${shape.join(", ")}], but layer "${layer}" is [${s.channels}, ${s.height}, ${s.width}] at this size; it must have as many channels and fit its grid.`,
    );
  const [top, left] = [Math.floor((s.height - height) / 2), Math.floor((s.width - width) / 2)];
  const plane = s.height * s.width;
  const out = new Float32Array(channels * s.copies * plane);
  for (let c = 0; c < channels; c++)
    for (let k = 0; k < s.copies; k++)
      for (let i = 0; i < height * width; i++) {
        const at = (top + Math.floor(i / width)) * s.width + left + (i % width);
        out[(c * s.copies + k) * plane + at] = fill(c, i) / s.copies;
      }
  return out;
}

const deepdream = ({ layer }: Of<"deepdream">): Term => ({
  structure: `deepdream ${JSON.stringify(layer)}`,
  layer,
  inputs: [],
  of: [],
  emit: ({ b, act }) => b.reduceMean(b.mul(act(layer), act(layer)), [1, 2], false),
});

export const layerTerms: { [K in Exclude<LayerObjective["kind"], "class">]: (o: Of<K>) => Term } = {
  channel: (o) => linear({ layer: o.layer, direction: (s) => oneHot(o, s), mask: everywhere }),
  neuron: (o) => linear({ layer: o.layer, direction: (s) => oneHot(o, s), mask: (s) => window(o, s) }),
  direction: (o) => {
    const somewhere = o.x !== undefined || o.y !== undefined;
    const form: Form = {
      layer: o.layer,
      direction: (s) => vectorOf(o, s),
      mask: somewhere ? (s) => window(o, s) : everywhere,
    };
    return o.cosinePower ? cosine(form, o.cosinePower) : linear(form);
  },
  group: (o) => linear({ layer: o.layer, direction: (s) => vectorOf(o, s), mask: (s) => window(o, s) }),
  painting: (o) => linear({ layer: o.layer, direction: (s) => oneHot(o, s), mask: (s) => paintedMask(o, s) }),
  tensor,
  deepdream,
};

const everywhere = ({ height, width }: LayerShape): Float32Array => new Float32Array(height * width).fill(1 / (height * width));

const within = (i: number, size: number): boolean => Number.isInteger(i) && i >= 0 && i < size;

function oneHot({ layer, channel }: { layer: string; channel: number }, { channels }: LayerShape): Float32Array {
  if (!within(channel, channels))
    throw new ObjectiveError(
      `layer "${layer}" has ${channels} channels, numbered 0 to ${channels - 1}; ${channel} is not one of them.`,
    );
  const direction = new Float32Array(channels);
  direction[channel] = 1;
  return direction;
}

function vectorOf({ layer, vector }: { layer: string; vector: readonly number[] }, { channels }: LayerShape): Float32Array {
  if (vector.length !== channels)
    throw new ObjectiveError(`the direction has ${vector.length} numbers, but layer "${layer}" has ${channels} channels.`);
  if (!vector.every(Number.isFinite) || vector.every((v) => v === 0))
    throw new ObjectiveError(`the direction for layer "${layer}" must hold finite numbers, not all zero.`);
  return Float32Array.from(vector);
}

interface Window {
  layer: string;
  x?: number;
  y?: number;
  width?: number;
  height?: number;
}

/** The mean over a window of positions, one by default; about the centre where no corner is given. */
function window({ layer, x, y, width = 1, height = 1 }: Window, s: LayerShape): Float32Array {
  const axes = [
    { axis: "x", at: x ?? Math.floor((s.width - width + 1) / 2), extent: width, size: s.width },
    { axis: "y", at: y ?? Math.floor((s.height - height + 1) / 2), extent: height, size: s.height },
  ] as const;
  for (const { axis, at, extent, size } of axes)
    if (!within(at, size) || !within(at + extent - 1, size))
      throw new ObjectiveError(
        `position ${axis} = ${at}${extent > 1 ? ` and the ${extent - 1} after it are` : " is"} outside layer "${layer}", ` +
          `whose grid is ${s.width} x ${s.height} at this size; choose 0 to ${size - extent}.`,
      );
  const mask = new Float32Array(s.height * s.width);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++)
      mask[(axes[1].at + row) * s.width + axes[0].at + column] = 1 / (width * height);
  return mask;
}

/** A painted mask on the layer's own grid, its sum 1: each position takes the mean of the paint that lies over it. */
function paintedMask({ layer, mask, grid: [rows, columns] }: Of<"painting">, { height, width }: LayerShape): Float32Array {
  if (mask.length !== rows * columns)
    throw new ObjectiveError(
      `the painted mask has ${mask.length} numbers, but its grid is ${columns} x ${rows} = ${rows * columns}.`,
    );
  const down = overlaps(rows, height);
  const across = overlaps(columns, width);
  const out = new Float32Array(height * width);
  down.forEach((ys, y) =>
    across.forEach((xs, x) => {
      for (const [row, share] of ys)
        for (const [column, part] of xs) out[y * width + x]! += share * part * mask[row * columns + column]!;
    }),
  );
  const total = out.reduce((sum, v) => sum + Math.abs(v), 0);
  if (!(total > 0) || !Number.isFinite(total))
    throw new ObjectiveError(`the painted mask for layer "${layer}" is empty: paint where the unit should fire.`);
  return out.map((v) => v / total);
}

/** For every cell of a line of `to`, the cells of a line of `from` that lie under it, and how much of it each covers. */
function overlaps(from: number, to: number): [cell: number, share: number][][] {
  const scale = from / to;
  return Array.from({ length: to }, (_, i) => {
    const [start, end] = [i * scale, (i + 1) * scale];
    const cells: [number, number][] = [];
    for (let cell = Math.floor(start); cell < Math.min(from, Math.ceil(end)); cell++) {
      const covered = Math.min(end, cell + 1) - Math.max(start, cell);
      if (covered > 1e-9) cells.push([cell, covered / scale]);
    }
    return cells;
  });
}
