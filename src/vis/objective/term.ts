/**
 * What an objective comes to for one picture of a batch: a tree of terms, each of which says what it is fed and what it emits.
 * Terms of equal structure share a compiled graph; only the numbers that they are fed differ, and may change from step to step.
 */
import type { GraphBuilder } from "../../onnx/builder";
import type { Value } from "../../onnx/graph";

/** The name of the layer that is the picture itself, as the network sees it. */
export const INPUT_LAYER = "input";

/** A layer's activation for one picture: channels, and its grid of positions. */
export interface LayerShape {
  channels: number;
  height: number;
  width: number;
}

/** A layer in a batch: `copies` crops of every picture see the network, and their grids count as one long list of positions. */
export interface ActShape extends LayerShape {
  copies: number;
}
export type ShapeOf = (layer: string) => ActShape;

/** C and P = copies x height x width. */
export const positionsOf = ({ copies, height, width }: ActShape): number => copies * height * width;

/** Numbers fed for one picture: they follow its objective, and are stacked along the batch. */
export interface TermInput {
  /** Without the batch. */
  dims: (shapes: ShapeOf) => readonly number[];
  data: (shapes: ShapeOf) => Float32Array;
}

/** What terms are built from. */
export interface EmitContext {
  b: GraphBuilder;
  batch: number;
  /** A layer's activation [N, C, P]. */
  act: (layer: string) => Value;
  /** Colours [N, 3, S, S] in 0..1, before transforms. */
  picture: Value;
  /** [N, 1, S, S] in 0..1; null where the picture is opaque. */
  alpha: Value | null;
}

export interface TermOperands {
  /** In the order of `inputs`, [N, ...dims] each. */
  inputs: readonly Value[];
  /** What the terms of `of` come to, [N] each. */
  parts: readonly Value[];
  /** The target picture's activation [N, C, P]. */
  target: Value | null;
}

export interface Term {
  /** What kind of term, with everything that is built into its graph. */
  structure: string;
  layer?: string;
  /** The picture whose activation of `layer` the term is fed. */
  target?: string;
  inputs: readonly TermInput[];
  of: readonly Term[];
  /** Couples the pictures of a batch: they must be transformed alike. */
  coupled?: boolean;
  /** The term's value for every picture [N]. */
  emit: (c: EmitContext, operands: TermOperands) => Value;
}

/** A single number for each picture. */
export const scalarInput = (value: number): TermInput => ({ dims: () => [], data: () => Float32Array.of(value) });

/** max(0.1, cosine)^power, any shape; the power broadcasts (Lucid's objectives.py, _dot_cossim). */
export function cosineFactor(b: GraphBuilder, cosine: Value, power: Value): Value {
  const floored = b.add(b.relu(b.sub(cosine, 0.1)), 0.1);
  return b.exp(b.mul(power, b.node("Log", [floored])));
}

/** Length of a value along `axes`, kept as axes of 1; never quite 0, so that it can be divided by. */
export const lengthOf = (b: GraphBuilder, value: Value, axes: readonly number[]): Value =>
  b.sqrt(b.add(b.reduceSum(b.mul(value, value), axes), 1e-8));
