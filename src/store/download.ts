/**
 * One model file from its server into a vault: resumed, hashed as it comes, listed only when its SHA-256 is right. Where float32
 * weights are to be kept smaller, they are made so as they come, and what came is dropped once the smaller file is stored.
 *
 *   already listed            nothing to do
 *   parts of an earlier try   hashed first ("verify"), then the rest is fetched ("download")
 *   digest wrong              parts deleted; once more from the start if any came from an earlier try, else DigestError
 *   no room                   leftovers of other downloads freed and tried again, else this one's parts freed and QuotaError
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { Progress } from "../api/engine";
import type { ModelFile } from "../api/model";
import type { StoredModel } from "../api/store";
import type { WeightStorage } from "../quantize/quantize";
import type { Conversion } from "./conversion";
import { DigestError, formatBytes } from "./errors";
import type { Exclusive } from "./locks";
import { meter, type Meter } from "./progress";
import { checkRoom, forget, roomFor, type Claim } from "./room";
import { receive, type Patience } from "./transfer";
import { PART_BYTES, type Vault } from "./vault";

export interface DownloadRequest {
  /** Catalogue id: how messages name the file. */
  id: string;
  file: ModelFile;
  /** Absolute. */
  url: string;
  sameOrigin: boolean;
  patience: Patience;
  /** How the weights are to be kept: float32 ones may become smaller as they arrive. */
  keep: WeightStorage;
  /** Whether another download, in any tab, is using these parts just now. */
  busy: (sha256: string) => Promise<boolean>;
  locks: Exclusive;
  signal: AbortSignal;
  onProgress: (p: Progress) => void;
}

const claimOf = ({ id, file, busy }: DownloadRequest): Claim => ({ id, sha256: file.sha256, bytes: file.bytes, busy });

/** The stored model, whose every byte was checked. The caller holds the lock of this file. */
export async function download(vault: Vault, request: DownloadRequest): Promise<StoredModel> {
  const progress = meter(request.file.bytes, request.onProgress);
  try {
    return await brought(vault, request, progress);
  } finally {
    progress.close();
  }
}

async function brought(vault: Vault, request: DownloadRequest, progress: Meter): Promise<StoredModel> {
  const { file, signal, id, keep } = request;
  const stored = await findBrought(vault, file, keep);
  if (stored) {
    progress.download(file.bytes);
    return stored;
  }
  signal.throwIfAborted();
  const claim = claimOf(request);
  await checkRoom(vault, claim);
  let outcome = await attempt(vault, request, progress);
  if (outcome.digest !== file.sha256 && outcome.resumed) {
    progress.restart(); // the earlier try's bytes may be the wrong ones
    outcome = await attempt(vault, request, progress);
  }
  if (outcome.digest !== file.sha256)
    throw new DigestError(
      `${id}: the ${formatBytes(file.bytes)} from ${request.url} have SHA-256 ${outcome.digest}, but the catalogue says ` +
        `${file.sha256}. They were damaged on the way or changed on the server, and have been deleted. ` +
        "Try again; if it fails the same way, choose another model.",
    );
  if (outcome.conversion) {
    const { graph, report } = outcome.conversion.end();
    const { keepModel } = await import("./keep");
    const kept = await keepModel(vault, graph, {
      ...{
        id,
        weights: keep,
        from: file.sha256,
        bytesBefore: file.bytes,
        report,
        signal,
        busy: request.busy,
        locks: request.locks,
      },
      onProgress: progress.keep,
      makeRoom: () => vault.dropParts(file.sha256), // they are verified, but weigh more than a second download
    });
    await forget(vault, file.sha256);
    return kept;
  }
  const model: StoredModel = { sha256: file.sha256, id, bytes: file.bytes, storedAt: Date.now(), weights: file.weights };
  if (vault.keeps === "memory") model.volatile = true;
  await roomFor(vault, claim, () => vault.putModel(model));
  await vault.dropUnfinished(file.sha256);
  progress.download(file.bytes);
  return model;
}

/** What an earlier download of `file` left, as it came or in the form that is wanted. */
async function findBrought(vault: Vault, file: ModelFile, keep: WeightStorage): Promise<StoredModel | null> {
  if (keep === file.weights) return findStored(vault, file.sha256);
  const made = (await vault.models()).find((model) => model.from === file.sha256 && model.weights === keep);
  return made ? findStored(vault, made.sha256) : null;
}

/** A listed model whose parts are all there; one that the browser has damaged is taken off the list. */
export async function findStored(vault: Vault, sha256: string): Promise<StoredModel | null> {
  const model = await vault.model(sha256);
  if (!model) return null;
  const parts = await vault.parts(sha256);
  if (parts.length === Math.ceil(model.bytes / PART_BYTES)) return model;
  await vault.dropModel(sha256);
  return null;
}

interface Outcome {
  digest: string;
  resumed: boolean;
  conversion: Conversion | null;
}

/** Fetches what is missing and hashes everything; on a wrong digest nothing is left behind. */
async function attempt(vault: Vault, request: DownloadRequest, progress: Meter): Promise<Outcome> {
  const { file, signal, url } = request;
  const before = await vault.unfinished(file.sha256);
  const other = request.keep === file.weights ? null : await import("./conversion"); // most files are kept as they come
  const begin = () => other && new other.Conversion(request.id, file.bytes, request.keep);
  let conversion = begin();
  let { hash, loaded } = await rehash(vault, file, progress, signal, conversion);
  if (loaded === 0) conversion = begin();
  const resumed = loaded > 0;
  const etag = before?.url === url ? before.etag : null;
  progress.download(loaded);

  const claim = claimOf(request);
  const part = new Uint8Array(PART_BYTES);
  let filled = 0;
  const keep = async () => {
    const index = Math.floor((loaded - 1) / PART_BYTES);
    await roomFor(vault, claim, () => vault.putPart(file.sha256, index, part.slice(0, filled)));
    filled = 0;
  };
  const { sameOrigin, patience } = request;
  const wanted = { what: request.id, url, bytes: file.bytes, from: loaded, etag, sameOrigin, patience, signal };
  for await (const arrival of receive(wanted)) {
    if (arrival.kind === "etag") {
      const state = { sha256: file.sha256, url, etag: arrival.etag, touchedAt: Date.now() };
      await roomFor(vault, claim, () => vault.putUnfinished(state));
    } else if (arrival.kind === "restart") {
      await vault.dropParts(file.sha256);
      hash = sha256.create();
      conversion = begin();
      loaded = filled = 0;
      progress.restart();
    } else {
      hash.update(arrival.bytes);
      conversion?.push(arrival.bytes);
      for (let rest = arrival.bytes; rest.length > 0;) {
        const taken = rest.subarray(0, PART_BYTES - filled);
        part.set(taken, filled);
        filled += taken.length;
        loaded += taken.length;
        rest = rest.subarray(taken.length);
        if (filled === PART_BYTES || loaded === file.bytes) await keep();
      }
      if (loaded < file.bytes) progress.download(loaded);
      signal.throwIfAborted();
    }
  }
  const digest = bytesToHex(hash.digest());
  if (digest !== file.sha256) await forget(vault, file.sha256);
  return { digest, resumed, conversion };
}

/** The hash of the unbroken run of whole parts that an earlier try left, and its length; other parts are dropped. */
async function rehash(vault: Vault, file: ModelFile, progress: Meter, signal: AbortSignal, conversion: Conversion | null) {
  const hash = sha256.create();
  let loaded = 0;
  const parts = await vault.parts(file.sha256);
  for (const [i, index] of parts.entries()) {
    signal.throwIfAborted();
    const bytes = index === i ? await vault.part(file.sha256, index) : undefined;
    if (bytes?.length !== Math.min(PART_BYTES, file.bytes - loaded)) {
      await vault.dropParts(file.sha256);
      return { hash: sha256.create(), loaded: 0 };
    }
    hash.update(bytes);
    conversion?.push(bytes);
    loaded += bytes.length;
    progress.verify(loaded);
  }
  return { hash, loaded };
}
