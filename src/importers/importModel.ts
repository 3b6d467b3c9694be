/** One door for every format: the files of a model in, one ONNX graph out. */
import { cut } from "../onnx/canonical/cut";
import { resolveValue } from "../onnx/canonical/names";
import { MissingFilesError } from "../onnx/external";
import { ModelFormatError, type Graph } from "../onnx/graph";
import type { Preprocessing } from "../onnx/preprocessing";
import { readModel } from "../onnx/read";
import { importCaffe, type ImportedCaffe } from "./caffe/import";
import { fileName, sortFiles, type ModelFiles, type ModelFormat, type NamedBytes } from "./files";
import { importTfjs, inspectTfjs } from "./tfjs/import";
import { importTflite } from "./tflite/import";

export { MissingFilesError };

export interface ImportedModel {
  format: ModelFormat;
  /** For people: the main file's name without its ending. */
  title: string;
  graph: Graph;
  /** How pictures become the input, where the files say so. */
  preprocessing: Preprocessing | null;
  /** Nodes that the importer has no rule for: what depends on them is not in the graph. */
  leftOut: readonly { node: string; op: string }[];
  /** Files that only hold weights and were not given: the graph can be inspected, not run. */
  missing: readonly string[];
  /** Class names that came along, or []. */
  labels: readonly string[];
}

export interface ImportModelOptions {
  /** Values wanted as outputs; what comes after them is left out. Default: the model's own outputs. */
  until?: readonly string[];
  /** The model is only to be looked into: where its format allows that, the files with the weights may be missing. */
  inspecting?: boolean;
  /** The bytes are nobody else's and may be changed, which saves copies of large weights. */
  mayMove?: boolean;
}

/**
 * Reads the files of one model, whatever its format: told by content. Throws MissingFilesError when parts of it are not there,
 * ModelFormatError or OpError when it cannot be read; the message names the file, the place and the cure.
 */
export function importModel(files: readonly NamedBytes[], options: ImportModelOptions = {}): ImportedModel {
  const { until } = options;
  const sorted = sortFiles(files);
  const title = titleOf(sorted);
  const rest = { title, labels: sorted.labels, missing: [] };
  switch (sorted.format) {
    case "onnx": {
      const graph = readModel(
        sorted.main.bytes,
        fileName(sorted.main.name),
        new Map(sorted.beside.map(({ name, bytes }) => [name, bytes])),
      );
      return { format: "onnx", ...rest, preprocessing: null, leftOut: [], graph: until ? upTo(graph, until) : graph };
    }
    case "tflite": {
      const { bytes, name } = sorted.main;
      const { graph, preprocessing } = importTflite(bytes, fileName(name), until ? { until } : {});
      return { format: "tflite", ...rest, preprocessing, leftOut: [], graph };
    }
    case "tfjs": {
      const what = fileName(sorted.main.name);
      const { unsupported, outputs, shards } = inspectTfjs(sorted.json, what);
      const graph = importTfjs(sorted.json, shardsOf(shards, sorted.beside, what), { what, until: until ?? outputs });
      return { format: "tfjs", ...rest, preprocessing: null, leftOut: until ? [] : unsupported, graph };
    }
    case "caffe":
      return { format: "caffe", ...rest, ...caffe(sorted, options) };
  }
}

/** A network's text and its weights; the weights' file also holds the network, as it was trained. */
function caffe(
  { prototxt, caffemodel }: Extract<ModelFiles, { format: "caffe" }>,
  { until, inspecting, mayMove }: ImportModelOptions,
): Pick<ImportedModel, "graph" | "preprocessing" | "leftOut" | "missing"> {
  const what = prototxt ? fileName(prototxt.name) : undefined;
  const weightsWhat = caffemodel ? fileName(caffemodel.name) : undefined;
  const text = prototxt && new TextDecoder().decode(prototxt.bytes);
  let imported: ImportedCaffe;
  try {
    imported = importCaffe({ prototxt: text, caffemodel: caffemodel && caffemodel.bytes, mayMove, what, weightsWhat });
  } catch (error) {
    if (what || !weightsWhat || !(error instanceof ModelFormatError)) throw error;
    throw new MissingFilesError(weightsWhat, ["its .prototxt"]); // as it was trained, it cannot stand alone
  }
  const { graph, missing, ...rest } = imported;
  if (what && missing.length && !inspecting) throw new MissingFilesError(what, missing);
  return { ...rest, missing, graph: until ? upTo(graph, until) : graph };
}

/** What a model may be called, from the name of its main file; "model.json" says nothing: then the folder's name does, where there is one. */
export function titleOf(files: ModelFiles | string): string {
  const name =
    typeof files === "string" ? files : files.format === "caffe" ? (files.prototxt ?? files.caffemodel)!.name : files.main.name;
  const parts = name.split(/[?#]/)[0]!.split(/[\\/]/);
  const own = parts.at(-1)!.replace(/\.(onnx|tflite|json|prototxt|caffemodel|pb|bin)$/i, "");
  return (/^(model|index)$/i.test(own) && parts.at(-2)) || own || "model";
}

/** The weight files by the paths in the manifest; those that were given are found by their last part. */
function shardsOf(paths: readonly string[], beside: readonly NamedBytes[], what: string): Map<string, Uint8Array> {
  const given = new Map(beside.map(({ name, bytes }) => [fileName(name), bytes]));
  const missing = paths.filter((path) => !given.has(fileName(path)));
  if (missing.length) throw new MissingFilesError(what, missing.map(fileName));
  return new Map(paths.map((path) => [path, given.get(fileName(path))!]));
}

/** The part of a graph that makes `names`. */
function upTo(graph: Graph, names: readonly string[]): Graph {
  const outputs = names.map((name) => resolveValue(graph, name));
  const { nodes, needed } = cut(graph, outputs);
  const inputs = graph.inputs.filter(({ name }) => needed.has(name));
  const constants = new Map([...graph.constants].filter(([name]) => needed.has(name)));
  return { ...graph, inputs, outputs, nodes, constants };
}
