/** What the page knows of a model: its card in the catalogue, and what the engine found inside it. Types only. */
import type { Find } from "../onnx/locate";
import type { Preprocessing } from "../onnx/preprocessing";

/** One entry of public/models/catalog.json. */
export interface ModelCard {
  /** Short, in URLs: "googlenet". */
  id: string;
  title: string;
  architecture: string;
  trainedOn: string;
  year: number;
  /** SPDX id or a short phrase. */
  licence: string;
  citation: string;
  /** The people's page about it, not the file. */
  homepage: string;
  preprocessing: Preprocessing;
  /** Label file under models/, one class per line; null when the model names no classes. */
  labels: string | null;
  /** The class names themselves, of a reader's own model. */
  classNames?: string[];
  /** Weights in the network, for "how large is it". */
  parameters?: number;
  /** About how many bytes stay on this machine once the weights are int8. */
  keptBytes?: number;
  /** What OpenAI Microscope calls this network, and whether these are the weights that it showed: then unit numbers match. */
  microscope?: { model: string; sameWeights: boolean };
  /** The values worth looking at, in order. */
  layers: CardLayer[];
  /** The unit that is drawn when the reader has chosen none: a layer of `layers`, and a channel that shows well. */
  start?: { layer: string; channel: number };
  /** The named recipe (vis/recipes.ts) that its pictures are made with; Lucid's when left out. */
  recipe?: string;
  /** Where its bytes come from. The first that works is taken: `hosted` beside the app, then the canonical source. */
  files: ModelFile[];
  /** For a model that no page may fetch: the reader brings the files. */
  download?: DropIn;
  /** Other files that hold the same network, by name: "npm run models -- --from DIR" converts them where they lie. */
  originals?: Original[];
  /** Shown under the pictures where the architecture is known to be a hard case. */
  note?: string;
}

export interface CardLayer {
  /** The graph's value. */
  name: string;
  /** Its names in other files. */
  aliases?: string[];
  /** Microscope's full name for it, as in its addresses before "/" became "_": no file is searched for it. */
  microscope?: string;
  /** Where it stands on the network's trunk, for files that know none of these names. */
  find?: Find;
  /** Units. A value with more or fewer is not this layer. */
  channels?: number;
  /** What people call it: Microscope's name where it has one. */
  title: string;
  significant: boolean;
}

/** What to get by hand, and where. */
export interface DropIn {
  /** A page for people, which says more about the files. */
  page: string;
  /** All are needed. `link` is for people to follow: the app never asks for it. */
  files: { name: string; link: string }[];
}

export interface ModelFile {
  /** Relative to models/ for "hosted", absolute for "canonical". */
  url: string;
  origin: "hosted" | "canonical";
  bytes: number;
  /** Lower-case hex. */
  sha256: string;
  format: "onnx";
  /** How the weights are kept in this file. */
  weights: "int8" | "float16" | "float32";
}

export interface Original {
  /** File name without its folder. */
  name: string;
  bytes: number;
  /** Lower-case hex. */
  sha256: string;
}

/** public/models/hosted.json, which "npm run models" writes: what this host serves beyond catalog.json. Absent on most. */
export interface Hosted {
  version: 1;
  files: (ModelFile & {
    /** The card's id. */
    id: string;
    /** SHA-256 of the original that it was converted from. */
    from: string;
  })[];
}

export interface Catalog {
  version: 1;
  /** The card opened first when nothing else was chosen; it must have a hosted file. */
  default: string;
  models: ModelCard[];
}

/** A layer that can be looked at, at the model's own input size. */
export interface LayerInfo {
  /** The graph's value name: what an Objective names. */
  name: string;
  /** What people call it. */
  title: string;
  /** The card's and Microscope's names for it, so that a link by one of them leads here. */
  aliases?: readonly string[];
  channels: number;
  /** Rows and columns of its grid at the network's own input size; [1, 1] for a dense layer. */
  grid: [height: number, width: number];
  significant: boolean;
  /** Set when the gradient cannot reach the input from here: the message lists the ops by node name. */
  unsupported: string | null;
}

export interface ModelSummary {
  card: ModelCard;
  layers: LayerInfo[];
  /** Class names, or [] when there are none. */
  labels: string[];
  /** Titles of the card's layers that this file does not have. */
  missing: readonly string[];
  /** Nodes that are not understood: layers that depend on them are left out, or say so themselves. */
  inTheWay: readonly { node: string; op: string }[];
}
