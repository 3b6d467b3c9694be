/** A model made on this machine (converted, imported) into a vault: hashed, written in parts, listed last. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { ModelCard } from "../api/model";
import type { StoredModel } from "../api/store";
import type { Graph } from "../onnx/graph";
import { modelParts } from "../onnx/write";
import type { WeightReport, WeightStorage } from "../quantize/quantize";
import { findStored } from "./download";
import type { Exclusive } from "./locks";
import { forget, MADE_HERE, roomFor } from "./room";
import { isQuota, PART_BYTES, type Vault } from "./vault";

export interface KeepRequest {
  /** Catalogue id or that of the reader's own model, which its SHA-256 completes: see ownId in src/models. */
  id: string | ((sha256: string) => string);
  weights: WeightStorage;
  /** SHA-256 of the file that it was made from, where there is one. */
  from?: string;
  /** Of the files that it was made from. */
  bytesBefore: number;
  report: readonly WeightReport[];
  /** Of the reader's own model, once its id is known. */
  card?: (id: string) => ModelCard;
  signal: AbortSignal;
  /** One job at a time writes a file, over all tabs. */
  locks: Exclusive;
  busy: (sha256: string) => Promise<boolean>;
  onProgress: (doneBytes: number, totalBytes: number) => void;
  /** Frees what this very job can do without when the browser has no room. */
  makeRoom?: () => Promise<void>;
}

/** Stores `graph` as an ONNX file. Throws QuotaError, or the signal's reason; nothing half done is left. */
export async function keepModel(vault: Vault, graph: Graph, request: KeepRequest): Promise<StoredModel> {
  const { weights, from, bytesBefore, report } = request;
  const hash = sha256.create();
  let bytes = 0;
  for (const part of modelParts(graph)) {
    hash.update(part);
    bytes += part.length;
  }
  const digest = bytesToHex(hash.digest());
  const id = typeof request.id === "string" ? request.id : request.id(digest);
  const model: StoredModel = {
    ...{ sha256: digest, id, bytes, storedAt: Date.now(), weights },
    ...(from ? { from } : {}),
    ...(report.length ? { report: { weights: [...report], bytesBefore, bytesAfter: bytes } } : {}),
    ...(request.card ? { card: request.card(id) } : {}),
    ...(vault.keeps === "memory" ? { volatile: true as const } : {}),
  };
  return request.locks(digest, request.signal, () => written(vault, graph, model, request));
}

async function written(vault: Vault, graph: Graph, model: StoredModel, request: KeepRequest): Promise<StoredModel> {
  const { sha256: digest, bytes, id } = model;
  const { signal } = request;
  const claim = { id, sha256: digest, bytes, busy: request.busy };
  const write = (work: () => Promise<void>) => roomFor(vault, claim, () => retried(work, request.makeRoom));
  if (!(await findStored(vault, digest))) {
    try {
      await write(() => vault.putUnfinished({ sha256: digest, url: MADE_HERE, etag: null, touchedAt: Date.now() }));
      let index = 0;
      for (const part of inParts(graph)) {
        signal.throwIfAborted();
        await write(() => vault.putPart(digest, index, part));
        index++;
        request.onProgress(Math.min(index * PART_BYTES, bytes), bytes);
      }
      signal.throwIfAborted();
    } catch (error) {
      await forget(vault, digest);
      throw error;
    }
  }
  await write(() => vault.putModel(model));
  await vault.dropUnfinished(digest);
  return model;
}

async function retried(work: () => Promise<void>, makeRoom: (() => Promise<void>) | undefined): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!makeRoom || !isQuota(error)) throw error;
    await makeRoom();
    await work();
  }
}

/** A graph's file in parts of PART_BYTES; each is valid until the next is asked for. */
function* inParts(graph: Graph): Generator<Uint8Array> {
  const part = new Uint8Array(PART_BYTES);
  let filled = 0;
  for (const piece of modelParts(graph))
    for (let rest = piece; rest.length > 0;) {
      const taken = rest.subarray(0, PART_BYTES - filled);
      part.set(taken, filled);
      filled += taken.length;
      rest = rest.subarray(taken.length);
      if (filled === PART_BYTES) {
        yield part.slice();
        filled = 0;
      }
    }
  if (filled) yield part.slice(0, filled);
}
