/** Where a reader's model comes from: files that were dropped, or an address. Either becomes files that can be read in pieces. */
import type { ImportSource, Inspection } from "../api/import";
import type { Progress } from "../api/engine";
import { sortFiles, type ModelFiles, type ModelFormat, type NamedBytes } from "../importers/files";
import { inspectTfjs } from "../importers/tfjs/import";
import { unsupportedNodes } from "../models/inspect";
import { ModelFormatError } from "../onnx/graph";
import { sniff } from "../onnx/sniff";
import { ModelStream } from "../onnx/stream";
import { abortable } from "./abort";
import { DownloadError, reasonOf } from "./errors";
import { meter } from "./progress";
import { receive, type Patience } from "./transfer";

/** Enough of a file to tell its format by; JSON is read whole. */
const HEAD = 1 << 20;
/** A server that does not say in this time how long a file is has not said it. */
const HEAD_MS = 10_000;
/** Arrived bytes are handed to the browser in blobs of this size, which it may move out of memory. */
const BLOB = 16 << 20;

export interface FetchOptions {
  signal: AbortSignal;
  onProgress: (p: Progress) => void;
  patience: Patience;
  /** Called with what no rule is known for, before the weights come where the format allows that; what it throws ends the download. */
  onUnsupported?: (found: Inspection["unsupported"], format: ModelFormat) => void;
}

/** The files of `source`. Rejects with DownloadError, ModelFormatError, the signal's reason, or what onNodes throws. */
export async function filesOf(source: ImportSource, options: FetchOptions): Promise<readonly File[]> {
  if ("files" in source) return source.files;
  const main = await fetched(source.url, options);
  if (sniff(await head(main, 512)) !== "json") return [main];
  const { shards, unsupported } = inspectTfjs(parsed(await main.text(), main.name), main.name);
  if (unsupported.length) options.onUnsupported?.(unsupported, "tfjs");
  const files = [main];
  for (const path of shards) files.push(await fetched(new URL(path, source.url).href, options, path));
  return files;
}

/** The first bytes of a file. Throws ModelFormatError where the machine does not let it be read. */
async function head(file: File, bytes: number): Promise<Uint8Array> {
  try {
    return new Uint8Array(await file.slice(0, bytes).arrayBuffer());
  } catch (error) {
    throw new ModelFormatError(
      `${file.name} cannot be read: ${reasonOf(error)}. It is a folder, or was moved or changed since it was chosen; choose the model's files again.`,
    );
  }
}

/** Which file is what, from their beginnings. Throws ModelFormatError as sortFiles does. */
export async function sorted(files: readonly File[]): Promise<ModelFiles> {
  const heads: NamedBytes[] = [];
  for (const file of files) {
    const bytes = await head(file, HEAD);
    heads.push({ name: file.name, bytes: sniff(bytes) === "json" && file.size > HEAD ? await head(file, file.size) : bytes });
  }
  return sortFiles(heads);
}

/** Reads a body in the pieces that the browser gives. */
export async function* piecesOf(stream: ReadableStream<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await abortable(reader.read(), signal);
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {}); // read to its end, or given up
  }
}

function parsed(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ModelFormatError(`${what} is no valid JSON: ${reasonOf(error)}. It is cut short or damaged; download it again.`);
  }
}

/** One file from an address, with progress; what it is called is the address's last part, or `name`. */
async function fetched(address: string, options: FetchOptions, name?: string): Promise<File> {
  const { signal, onProgress, onUnsupported } = options;
  const url = addressOf(address);
  const what = name ?? (decoded(url.pathname.split("/").at(-1)!) || url.host);
  const totalBytes = await lengthOf(url, signal);
  const progress = meter(totalBytes, onProgress);
  const watch = onUnsupported && nodesWatch(what, totalBytes, onUnsupported);
  const blobs: Blob[] = [];
  let pending: Uint8Array<ArrayBuffer>[] = [];
  let [loaded, waiting] = [0, 0];
  try {
    for await (const piece of arriving(url, what, totalBytes, options)) {
      if (loaded === 0 && sniff(piece) === "html")
        throw new DownloadError(
          `${url.href} is a web page, not a model file. Use the address of the file itself (on a model's page, often behind "download" or "raw"), or drop the file here.`,
        );
      watch?.(piece);
      pending.push(piece.slice());
      loaded += piece.length;
      waiting += piece.length;
      if (waiting >= BLOB) {
        blobs.push(new Blob(pending));
        pending = [];
        waiting = 0;
      }
      progress.download(loaded);
    }
  } finally {
    progress.close();
  }
  onProgress({ phase: "download", loadedBytes: loaded, totalBytes: loaded });
  return new File([...blobs, ...pending], what);
}

/** A part of an address as it is read; as it is written where its per cent signs mean nothing. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function addressOf(address: string): URL {
  try {
    const url = new URL(address);
    if (/^https?:$/.test(url.protocol)) return url;
  } catch {
    // said below
  }
  throw new DownloadError(`"${address}" is no web address. It must begin with https:// and lead to the model file itself.`);
}

/** Tells what no rule is known for as soon as the nodes of an ONNX file are there. Once they are told, or the file is seen to be another, it looks no more. */
function nodesWatch(what: string, totalBytes: number | null, onUnsupported: NonNullable<FetchOptions["onUnsupported"]>) {
  let told = false;
  let verdict: unknown;
  let stream: ModelStream | null = new ModelStream({
    what,
    totalBytes,
    onNodes: (nodes) => {
      told = true;
      try {
        const unsupported = unsupportedNodes(nodes);
        if (unsupported.length) onUnsupported(unsupported, "onnx");
      } catch (error) {
        verdict = error;
      }
    },
    onWeight: (_, tensor) => tensor,
  });
  return (piece: Uint8Array): void => {
    try {
      stream?.push(piece);
    } catch {
      stream = null; // no ONNX: what is wrong with it, if anything is, the import says
    }
    if (told) stream = null;
    if (verdict) throw verdict;
  };
}

/** Bytes to come; null where the server does not say. */
async function lengthOf(url: URL, signal: AbortSignal): Promise<number | null> {
  const soon = AbortSignal.any([signal, AbortSignal.timeout(HEAD_MS)]);
  const response = await fetch(url, { method: "HEAD", signal: soon, ...PRIVATELY }).catch(() => null);
  signal.throwIfAborted();
  const length = Number(response?.ok && !response.headers.get("content-encoding") && response.headers.get("content-length"));
  return length > 0 ? length : null;
}

const PRIVATELY: RequestInit = { cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer" };

/** The file's bytes: resumed where its length is known, over one connection where it is not. */
async function* arriving(
  url: URL,
  what: string,
  bytes: number | null,
  { signal, patience }: FetchOptions,
): AsyncGenerator<Uint8Array> {
  if (bytes !== null) {
    const wanted = { what, url: url.href, bytes, from: 0, etag: null, sameOrigin: false, patience, signal };
    for await (const arrival of receive(wanted)) if (arrival.kind === "bytes") yield arrival.bytes;
    return;
  }
  let response: Response;
  try {
    response = await fetch(url, { signal, ...PRIVATELY });
  } catch (error) {
    signal.throwIfAborted();
    throw new DownloadError(
      `${url.host} could not be reached, or does not let this page read ${url.href} (CORS): ${reasonOf(error)}. ` +
        "Download the file yourself and drop it here.",
    );
  }
  if (!response.ok || !response.body)
    throw new DownloadError(
      `${url.href} answered ${response.status} ${response.statusText}, where the model file should be. Check the address, or download the file yourself and drop it here.`,
    );
  yield* piecesOf(response.body, signal);
}
