/** The store's one object: what its worker exposes. Jobs, locks, the choice of vault; the work itself is in download.ts. */
import { releaseProxy } from "comlink";
import type { JobId, Progress } from "../api/engine";
import type { ModelFile } from "../api/model";
import type { StoreApi, StoredModel } from "../api/store";
import type { WeightStorage } from "../quantize/quantize";
import { abortable } from "./abort";
import { download, findStored } from "./download";
import { DownloadError, reasonOf, StoreError } from "./errors";
import type { Imports } from "./imports";
import { exclusive, type Exclusive } from "./locks";
import { shareMemory } from "./memoryShare";
import { meter } from "./progress";
import { dropAbandoned } from "./room";
import { patience, type Patience } from "./transfer";
import { isQuota, memoryNotice, memoryVault, openVault, PART_BYTES, type Opened, type Vault } from "./vault";

/** How often a tab that waits for another's download looks how far that is. */
const WATCH_MS = 500;

export interface StoreOptions {
  /** The page's address, absolute: hosted files lie under models/ beside it. */
  baseUrl: string;
  patience?: Partial<Patience>;
  locks?: Exclusive;
  open?: () => Promise<Opened>;
}

/** A store over this browser's IndexedDB, or over memory where that does not work. Nothing is opened before it is asked for. */
export function makeStore(options: StoreOptions): StoreApi {
  const limits = { ...patience, ...options.patience };
  const locks = options.locks ?? exclusive();
  const jobs = new Map<JobId, AbortController>();
  const active = new Set<string>();
  let opening: Promise<Opened> | undefined;

  const opened = () =>
    (opening ??= (options.open ?? openVault)().then(async (o) => {
      if (o.vault.keeps === "memory") shareMemory(o.vault);
      else await dropAbandoned(o.vault).catch(() => {}); // only tidiness
      return o;
    }));

  /** IndexedDB broke under us: the rest of this visit goes on in memory. */
  const toMemory = (why: unknown) => {
    const vault = memoryVault();
    shareMemory(vault);
    opening = Promise.resolve({ vault, notice: memoryNotice(why) });
  };

  /** The cache layer never throws: a list that cannot be read is empty. */
  const calmly = async <T>(work: (vault: Vault) => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await work((await opened()).vault);
    } catch {
      return otherwise;
    }
  };

  async function fetchFile(
    id: string,
    file: ModelFile,
    signal: AbortSignal,
    onProgress: (p: Progress) => void,
    wish: WeightStorage,
  ) {
    const { url, sameOrigin } = resolve(id, file, options.baseUrl);
    const keep = file.weights === "float32" ? wish : file.weights; // what is small already stays as it is
    const request = { id, file, url, sameOrigin, keep, patience: limits, signal, onProgress, busy: isBusy, locks };
    const stopWatching = watchOther(file, onProgress);
    return locks(file.sha256, signal, async () => {
      stopWatching();
      active.add(file.sha256);
      try {
        const { vault } = await opened();
        try {
          return await download(vault, request);
        } catch (e) {
          if (vault.keeps === "memory" || !isVaultFailure(e, signal)) throw e;
          toMemory(e);
          onProgress({ phase: "download", loadedBytes: 0, totalBytes: file.bytes }); // from the start, into memory
          return await download((await opened()).vault, request);
        }
      } finally {
        active.delete(file.sha256);
      }
    }).finally(stopWatching);
  }

  /** While another tab downloads the same file: how far it is, now and then. */
  function watchOther(file: ModelFile, onProgress: (p: Progress) => void): () => void {
    const progress = meter(file.bytes, onProgress);
    const timer = setInterval(() => {
      void calmly((vault) => vault.parts(file.sha256), []).then((parts) => {
        const kept = Math.min(parts.length * PART_BYTES, file.bytes);
        if (watching && kept < file.bytes) progress.download(kept);
      });
    }, WATCH_MS);
    let watching = true;
    return () => {
      watching = false;
      progress.close();
      clearInterval(timer);
    };
  }

  async function isBusy(sha256: string): Promise<boolean> {
    if (active.has(sha256)) return true;
    if (typeof navigator === "undefined" || !navigator.locks) return false;
    const { held = [] } = await navigator.locks.query();
    return held.some(({ name }) => name?.endsWith(sha256));
  }

  async function asJob<T>(job: JobId, onProgress: unknown, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    jobs.set(job, controller);
    try {
      return await abortable(work(controller.signal), controller.signal);
    } finally {
      jobs.delete(job);
      (onProgress as { [releaseProxy]?: () => void })[releaseProxy]?.();
    }
  }

  /** Readers of every format are a larger download than all else here, so they come when a model is brought in. */
  let imports: Promise<Imports> | undefined;
  const importing = (): Promise<Imports> =>
    (imports ??= import("./imports").then(
      ({ Imports }) => new Imports(),
      (error: unknown) => {
        imports = undefined;
        throw new StoreError(`The part of this app that reads model files could not be loaded (${reasonOf(error)}). Try again.`);
      },
    ));
  const importContext = (signal: AbortSignal, onProgress: (p: Progress) => void) => ({
    signal,
    onProgress,
    patience: limits,
    busy: isBusy,
    locks,
  });

  return {
    fetch: (job, id, file, onProgress, keep = file.weights) =>
      asJob(job, onProgress, (signal) => fetchFile(id, file, signal, onProgress, keep)),
    inspect: (job, source, onProgress, evenSo = false) =>
      asJob(job, onProgress, async (signal) => (await importing()).inspect(source, importContext(signal, onProgress), evenSo)),
    importModel: (job, source, choices, onProgress) =>
      asJob(job, onProgress, async (signal) => {
        const imports = await importing();
        const { vault } = await opened();
        const context = importContext(signal, onProgress);
        try {
          return await imports.bring(vault, source, choices, context);
        } catch (e) {
          if (vault.keeps === "memory" || !isVaultFailure(e, signal)) throw e;
          toMemory(e);
          return await imports.bring((await opened()).vault, source, choices, context);
        }
      }),
    async noteAnswers(sha256, answers) {
      const { vault } = await opened();
      const model = await vault.model(sha256);
      if (model?.report) await vault.putModel({ ...model, report: { ...model.report, answers } });
    },
    list: () => calmly(listed, []),
    async remove(sha256) {
      if (await isBusy(sha256))
        throw new StoreError("This model is being downloaded. Cancel the download first, then remove it.");
      await calmly(async (vault) => {
        await vault.dropModel(sha256); // first, so that it is never listed without its bytes
        await vault.dropUnfinished(sha256);
        await vault.dropParts(sha256);
      }, undefined);
    },
    async quota() {
      if (typeof navigator === "undefined" || !navigator.storage) return null;
      try {
        const [{ usage, quota }, persisted] = await Promise.all([navigator.storage.estimate(), navigator.storage.persisted()]);
        return usage === undefined || quota === undefined ? null : { usage, quota, persisted };
      } catch {
        return null;
      }
    },
    notice: async () => (await opened()).notice,
    cancel(job) {
      jobs.get(job)?.abort();
    },
  };
}

/** Verified models with all their parts, the newest first. */
async function listed(vault: Vault): Promise<StoredModel[]> {
  const models = await vault.models();
  const whole = await Promise.all(models.map((model) => findStored(vault, model.sha256)));
  return whole.filter((model) => model !== null).sort((a, b) => b.storedAt - a.storedAt);
}

/** Hosted files are relative to the page's models/; canonical ones are absolute. */
function resolve(id: string, file: ModelFile, baseUrl: string): { url: string; sameOrigin: boolean } {
  try {
    const url = new URL(file.url, new URL("models/", baseUrl));
    if (!/^https?:$/.test(url.protocol)) throw new Error(`its protocol is ${url.protocol}`);
    return { url: url.href, sameOrigin: url.origin === new URL(baseUrl).origin };
  } catch (e) {
    throw new DownloadError(
      `${id}: "${file.url}" against "${baseUrl}" is no http(s) address (${reasonOf(e)}). The catalogue is wrong; correct its entry.`,
    );
  }
}

/** IndexedDB's own failures are DOMExceptions, or null out of idb-keyval; a full disk and an abort have their own ways. */
const isVaultFailure = (e: unknown, signal: AbortSignal): boolean => e instanceof DOMException && !signal.aborted && !isQuota(e);
