/** A network of OpenAI Microscope's, as its canonical file has it but for the numbers in its weights. */
import type { Graph } from "../../src/onnx/graph";
import type { Preprocessing } from "../../src/onnx/preprocessing";

export interface Architecture {
  /** The model's id at Microscope. */
  id: string;
  build: () => Graph;
  preprocessing: Preprocessing;
  /** Bytes of the canonical file, all but a few of which are float32 weights. */
  fileBytes: number;
  /** How many nodes of each operator the canonical file has, where its zoo publishes that. */
  operators?: Readonly<Record<string, number>>;
  /** Value names with their documented [channels, height, width] at native size, or [classes]. */
  blocks: Readonly<Record<string, readonly number[]>>;
  /** The value whose gradient by the picture is compared with double precision, and the picture's side. */
  gradient: { of: string; size: number };
  /** A smaller part for 4 steps of a render. */
  render: { of: string; size: number };
}

export const preprocessing = (input: string, size: number, other: Partial<Preprocessing> = {}): Preprocessing => ({
  input,
  layout: "NCHW",
  channels: "RGB",
  range: 1,
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
  size,
  ...other,
});

/** BGR in 0..255 less a mean, as Caffe's networks take it. */
export const caffe = (input: string, size: number): Preprocessing =>
  preprocessing(input, size, { channels: "BGR", range: 255, mean: [104, 117, 123], std: [1, 1, 1] });
