/** What the page knows of a model: its card in the catalogue, and what the engine found inside it. Types only. */
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
  /** The values worth looking at, in order: `name` is the graph's value (`aliases`: its names in other files), `title` what people call it. */
  layers: { name: string; aliases?: string[]; title: string; significant: boolean }[];
  /** The unit that is drawn when the reader has chosen none: a layer of `layers`, and a channel that shows well. */
  start?: { layer: string; channel: number };
  /** The named recipe (vis/recipes.ts) that its pictures are made with; Lucid's when left out. */
  recipe?: string;
  /** Where its bytes come from. The first that works is taken: `hosted` beside the app, then the canonical source. */
  files: ModelFile[];
  /** Other files that hold the same network, by name: "npm run models -- --from DIR" converts them where they lie. */
  originals?: Original[];
  /** Shown under the pictures where the architecture is known to be a hard case. */
  note?: string;
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
}
