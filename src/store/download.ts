/**
 * One model file from its server into a vault: resumed, hashed as it comes, listed only when its SHA-256 is right.
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
import { DigestError, formatBytes, QuotaError } from "./errors";
import { meter, type Meter } from "./progress";
import { receive, type Patience } from "./transfer";
import { isQuota, PART_BYTES, type Vault } from "./vault";

export interface DownloadRequest {
  /** Catalogue id: how messages name the file. */
  id: string;
  file: ModelFile;
  /** Absolute. */
  url: string;
  sameOrigin: boolean;
  patience: Patience;
  /** Whether another download, in any tab, is using these parts just now. */
  busy: (sha256: string) => Promise<boolean>;
  signal: AbortSignal;
  onProgress: (p: Progress) => void;
}

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
  const { file, signal } = request;
  const stored = await findStored(vault, file.sha256);
  if (stored) {
    progress.download(file.bytes);
    return stored;
  }
  signal.throwIfAborted();
  await checkRoom(vault, request);
  let outcome = await attempt(vault, request, progress);
  if (outcome.digest !== file.sha256 && outcome.resumed) {
    progress.restart(); // the earlier try's bytes may be the wrong ones
    outcome = await attempt(vault, request, progress);
  }
  if (outcome.digest !== file.sha256)
    throw new DigestError(
      `${request.id}: the ${formatBytes(file.bytes)} from ${request.url} have SHA-256 ${outcome.digest}, but the catalogue says ` +
        `${file.sha256}. They were damaged on the way or changed on the server, and have been deleted. ` +
        "Try again; if it fails the same way, choose another model.",
    );
  const model: StoredModel = { sha256: file.sha256, id: request.id, bytes: file.bytes, storedAt: Date.now() };
  if (vault.keeps === "memory") model.volatile = true;
  await roomFor(vault, request, () => vault.putModel(model));
  await vault.dropUnfinished(file.sha256);
  progress.download(file.bytes);
  return model;
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

/** Fetches what is missing and hashes everything; on a wrong digest nothing is left behind. */
async function attempt(vault: Vault, request: DownloadRequest, progress: Meter): Promise<{ digest: string; resumed: boolean }> {
  const { file, signal, url } = request;
  const before = await vault.unfinished(file.sha256);
  let { hash, loaded } = await rehash(vault, file, progress, signal);
  const resumed = loaded > 0;
  const etag = before?.url === url ? before.etag : null;
  progress.download(loaded);

  const part = new Uint8Array(PART_BYTES);
  let filled = 0;
  const keep = async () => {
    const index = Math.floor((loaded - 1) / PART_BYTES);
    await roomFor(vault, request, () => vault.putPart(file.sha256, index, part.slice(0, filled)));
    filled = 0;
  };
  const { sameOrigin, patience } = request;
  const wanted = { what: request.id, url, bytes: file.bytes, from: loaded, etag, sameOrigin, patience, signal };
  for await (const arrival of receive(wanted)) {
    if (arrival.kind === "etag") {
      const state = { sha256: file.sha256, url, etag: arrival.etag, touchedAt: Date.now() };
      await roomFor(vault, request, () => vault.putUnfinished(state));
    } else if (arrival.kind === "restart") {
      await vault.dropParts(file.sha256);
      hash = sha256.create();
      loaded = filled = 0;
      progress.restart();
    } else {
      hash.update(arrival.bytes);
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
  return { digest, resumed };
}

/** The hash of the unbroken run of whole parts that an earlier try left, and its length; other parts are dropped. */
async function rehash(vault: Vault, file: ModelFile, progress: Meter, signal: AbortSignal) {
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
    loaded += bytes.length;
    progress.verify(loaded);
  }
  return { hash, loaded };
}

/** Deletes what an unfinished download has left. */
async function forget(vault: Vault, sha256: string): Promise<void> {
  await vault.dropParts(sha256);
  await vault.dropUnfinished(sha256);
}

/** Refuses before the first byte where the browser already says that the file cannot fit. */
async function checkRoom(vault: Vault, request: DownloadRequest): Promise<void> {
  if (vault.keeps === "memory") return;
  const kept = (await vault.parts(request.file.sha256)).length * PART_BYTES;
  const missing = Math.max(0, request.file.bytes - kept);
  const fits = async () => ((await freeBytes()) ?? Infinity) >= missing;
  if (await fits()) return;
  await freeLeftovers(vault, request);
  if (await fits()) return;
  throw await noRoom(vault, request);
}

/** A write; when the browser has no room, once more after freeing leftovers, and then a QuotaError with nothing left half done. */
async function roomFor(vault: Vault, request: DownloadRequest, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (e) {
    if (!isQuota(e)) throw e;
    await freeLeftovers(vault, request);
    try {
      await write();
    } catch (again) {
      if (!isQuota(again)) throw again;
      throw await noRoom(vault, request);
    }
  }
}

/** Deletes other downloads that were never finished and that nobody is working on. */
async function freeLeftovers(vault: Vault, request: DownloadRequest): Promise<void> {
  for (const { sha256 } of await vault.allUnfinished())
    if (sha256 !== request.file.sha256 && !(await vault.model(sha256)) && !(await request.busy(sha256)))
      await forget(vault, sha256);
}

async function noRoom(vault: Vault, request: DownloadRequest): Promise<QuotaError> {
  const { file, id } = request;
  await forget(vault, file.sha256);
  const free = await freeBytes();
  const allowed =
    free === null
      ? "this browser allows the page less than that"
      : free < file.bytes
        ? `this browser allows the page only ${formatBytes(free)} more`
        : `this browser refused to store more, though it claims ${formatBytes(free)} to be free`;
  return new QuotaError(
    `${id}: storing it needs ${formatBytes(file.bytes)}, but ${allowed}. What had arrived has been freed. ` +
      "Remove a stored model, free some space on the disk, or leave the private window, and try again.",
  );
}

/** What the browser still allows this origin; null where it does not say. */
async function freeBytes(): Promise<number | null> {
  if (typeof navigator === "undefined" || !navigator.storage) return null;
  const { usage, quota } = await navigator.storage.estimate().catch(() => ({ usage: undefined, quota: undefined }));
  return usage === undefined || quota === undefined ? null : Math.max(0, quota - usage);
}
