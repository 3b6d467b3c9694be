/** How a reader's own model, or one from the catalogue, comes in: what the page asks for and what it is told. Types only. */
import type { ModelFormat } from "../importers/files";
import type { DType, Dim } from "../onnx/graph";
import type { Preprocessing } from "../onnx/preprocessing";
import type { LogitsChange } from "../quantize/compare";
import type { WeightReport, WeightStorage } from "../quantize/quantize";
import type { LayerInfo } from "./model";

/** Where the files of one model are: dropped ones, or addresses (the weight files that a first one names are found beside it). */
export type ImportSource = { files: readonly File[] } | { url: string };

/** What a model is, read from its graph alone wherever its format allows that. */
export interface Inspection {
  format: ModelFormat;
  /** For people, from the file's name or the file itself. */
  title: string;
  /** Of all files, as far as it is known. */
  bytes: number | null;
  /** What the network is fed; the sizes that the file leaves open are symbols or null. */
  inputs: { name: string; dtype: DType; shape: readonly Dim[] }[];
  /** How pictures become the input: as the file says, or null where it does not say and the reader has to. */
  preprocessing: Preprocessing | null;
  /** The likeliest preprocessing where the file does not say, with the reason in words; the form starts from it. */
  guess: { preprocessing: Preprocessing; reason: string } | null;
  /** The file leaves rows and columns open: the reader says at which size the network is to be used. */
  asksForSize: boolean;
  /** At the declared or guessed size. */
  layers: LayerInfo[];
  /** Ops that no gradient goes through, by node. Layers before them can be looked at. */
  unsupported: { node: string; op: string }[];
  /** Files that this model also needs (weight shards, external data, the other half of a Caffe model), and are not there yet. */
  missing: string[];
  /** Class names that came along, or []. */
  labels: readonly string[];
  /** The download was ended before the weights, because of `unsupported`: only format, title and that list are known. */
  ended: boolean;
}

/** What the reader decides before the weights are read. */
export interface ImportChoices {
  title: string;
  /** Layers to put first, by name; see Inspection.layers. */
  significant: readonly string[];
  preprocessing: Preprocessing;
  weights: WeightStorage;
  labels?: readonly string[];
  /** Set where these are the files of a model of the catalogue: its card is used, and what else is chosen here is not. */
  catalogId?: string;
}

/** What smaller weights lost. */
export interface ImportReport {
  weights: WeightReport[];
  /** How the answers changed, where that was measured. */
  answers?: LogitsChange;
  bytesBefore: number;
  bytesAfter: number;
}
