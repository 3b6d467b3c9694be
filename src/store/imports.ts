/** A reader's own model: looked into, converted, stored. Nothing is listed before it is whole. */
import type { ImportChoices, ImportSource, Inspection } from "../api/import";
import { ownId } from "../api/own";
import type { StoredModel } from "../api/store";
import { fileName, type NamedBytes } from "../importers/files";
import { importModel, MissingFilesError, titleOf, type ImportedModel } from "../importers/importModel";
import { inspect } from "../models/inspect";
import { ownCard } from "../models/ownCard";
import { sizeOf, type Graph } from "../onnx/graph";
import { ModelStream, type StreamOptions } from "../onnx/stream";
import { allocate, computed } from "../onnx/tensor";
import { quantize, type Quantized, type WeightStorage } from "../quantize/quantize";
import { SmallModelStream } from "../quantize/stream";
import { keepModel } from "./keep";
import type { Exclusive } from "./locks";
import { meter } from "./progress";
import { filesOf, piecesOf, sorted, type FetchOptions } from "./sources";
import type { Vault } from "./vault";

/** Weights with more elements than this are not kept while a model is looked into: its shapes do not depend on them. */
const LOOKED_AT = 1 << 16;

/** Thrown by the watch over a download's nodes, to end it before the weights. */
class EndedEarly extends Error {
  constructor(
    readonly unsupported: Inspection["unsupported"],
    readonly format: Inspection["format"],
  ) {
    super("ended before the weights");
  }
}

export interface ImportContext extends Omit<FetchOptions, "onUnsupported"> {
  busy: (sha256: string) => Promise<boolean>;
  locks: Exclusive;
}

/** One download for a look and the imports after it: the last address, and what came from there. */
export class Imports {
  #last: { url: string; files: readonly File[] } | null = null;

  /** See StoreApi.inspect. */
  async inspect(source: ImportSource, context: ImportContext, evenSo: boolean): Promise<Inspection> {
    let files: readonly File[];
    try {
      files = await this.#files(source, context, evenSo);
    } catch (error) {
      if (!(error instanceof EndedEarly)) throw error;
      return {
        ...EMPTY,
        format: error.format,
        title: titleOf((source as { url: string }).url),
        unsupported: error.unsupported,
        ended: true,
      };
    }
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    const parts = await sorted(files);
    const title = titleOf(parts);
    try {
      const model = await looked(files, parts.format === "onnx" && files.length === 1, context);
      return {
        ...inspect(model),
        format: model.format,
        title,
        bytes,
        labels: model.labels,
        missing: [...model.missing],
        ended: false,
      };
    } catch (error) {
      if (!(error instanceof MissingFilesError)) throw error;
      return { ...EMPTY, format: parts.format, title, bytes, missing: [...error.missing] };
    }
  }

  /** See StoreApi.importModel. */
  async bring(vault: Vault, source: ImportSource, choices: ImportChoices, context: ImportContext): Promise<StoredModel> {
    const files = await this.#files(source, context, true);
    const { format } = await sorted(files);
    const progress = meter(null, context.onProgress);
    try {
      const { graph, report } = await converted(files, format === "onnx" && files.length === 1, choices.weights, context);
      return await keepModel(vault, graph, {
        id: choices.catalogId ?? ownId,
        weights: choices.weights,
        bytesBefore: files.reduce((sum, { size }) => sum + size, 0),
        report,
        ...(choices.catalogId ? {} : { card: (id: string) => ownCard(id, FORMATS[format], choices) }),
        signal: context.signal,
        busy: context.busy,
        locks: context.locks,
        onProgress: progress.keep,
      });
    } finally {
      progress.close();
    }
  }

  async #files(source: ImportSource, context: ImportContext, evenSo: boolean): Promise<readonly File[]> {
    if ("files" in source) return source.files;
    if (this.#last?.url === source.url) return this.#last.files;
    const files = await filesOf(source, {
      ...context,
      onUnsupported: (unsupported, format) => {
        if (!evenSo) throw new EndedEarly(unsupported, format);
      },
    });
    this.#last = { url: source.url, files };
    return files;
  }
}

const EMPTY: Omit<Inspection, "format" | "title"> = {
  bytes: null,
  inputs: [],
  preprocessing: null,
  guess: null,
  asksForSize: false,
  layers: [],
  unsupported: [],
  missing: [],
  labels: [],
  ended: false,
};

/** For the card. */
const FORMATS: Readonly<Record<Inspection["format"], string>> = {
  onnx: "ONNX",
  caffe: "Caffe",
  tflite: "TensorFlow Lite",
  tfjs: "TensorFlow.js",
};

/** The model without its large weights, where the format lets it be read without them. */
async function looked(files: readonly File[], alone: boolean, { signal, onProgress }: ImportContext): Promise<ImportedModel> {
  if (!alone) return importModel(await whole(files, signal), { inspecting: true });
  const [file] = files as [File];
  const skeleton: StreamOptions["onWeight"] = (_, tensor) =>
    sizeOf(tensor.shape) <= LOOKED_AT
      ? tensor
      : computed(tensor.dtype, tensor.shape, () => allocate(tensor.dtype, sizeOf(tensor.shape)));
  const stream = new ModelStream({ what: fileName(file.name), totalBytes: file.size, onWeight: skeleton });
  await pushed(file, stream, signal, onProgress);
  const graph = stream.end();
  return { format: "onnx", title: titleOf(file.name), graph, preprocessing: null, leftOut: [], missing: [], labels: [] };
}

/** The model with its weights as they are to be stored. */
async function converted(
  files: readonly File[],
  alone: boolean,
  storage: WeightStorage,
  { signal, onProgress }: ImportContext,
): Promise<Quantized> {
  if (!alone) return quantize(importModel(await whole(files, signal), { mayMove: true }).graph, storage);
  const [file] = files as [File];
  const stream = new SmallModelStream({ what: fileName(file.name), totalBytes: file.size, storage });
  await pushed(file, stream, signal, onProgress);
  return stream.end();
}

async function pushed(
  file: File,
  stream: { push(bytes: Uint8Array): void; end(): Graph | Quantized },
  signal: AbortSignal,
  onProgress: ImportContext["onProgress"],
): Promise<void> {
  const progress = meter(file.size, onProgress);
  let done = 0;
  try {
    for await (const piece of piecesOf(file.stream(), signal)) {
      stream.push(piece);
      progress.verify((done += piece.length));
    }
  } finally {
    progress.close();
  }
}

const whole = (files: readonly File[], signal: AbortSignal): Promise<NamedBytes[]> =>
  Promise.all(
    files.map(async (file) => {
      const bytes = new Uint8Array(await file.arrayBuffer());
      signal.throwIfAborted();
      return { name: file.name, bytes };
    }),
  );
