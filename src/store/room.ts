/** Room on the disk: asked for before a download, made by freeing what nobody finished, and said plainly when there is none. */
import { formatBytes, QuotaError } from "./errors";
import { isQuota, PART_BYTES, type Vault } from "./vault";

/** The address of what was not downloaded. */
export const MADE_HERE = "";
/** No import takes so long to be written. */
const ABANDONED_MS = 3_600_000;

/** Something that is being stored. */
export interface Claim {
  /** The file whose parts are being written. */
  sha256: string;
  /** How messages name it. */
  id: string;
  bytes: number;
  /** Whether another job, in any tab, is using these parts just now. */
  busy: (sha256: string) => Promise<boolean>;
}

/** Deletes what an unfinished file has left. */
export async function forget(vault: Vault, sha256: string): Promise<void> {
  await vault.dropParts(sha256);
  await vault.dropUnfinished(sha256);
}

/** Refuses before the first byte where the browser already says that it cannot fit. */
export async function checkRoom(vault: Vault, claim: Claim): Promise<void> {
  if (vault.keeps === "memory") return;
  const kept = (await vault.parts(claim.sha256)).length * PART_BYTES;
  const missing = Math.max(0, claim.bytes - kept);
  const fits = async () => ((await freeBytes()) ?? Infinity) >= missing;
  if (await fits()) return;
  await freeLeftovers(vault, claim);
  if (await fits()) return;
  throw await noRoom(vault, claim);
}

/** A write; when the browser has no room, once more after freeing leftovers, and then a QuotaError with nothing left half done. */
export async function roomFor(vault: Vault, claim: Claim, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (e) {
    if (!isQuota(e)) throw e;
    await freeLeftovers(vault, claim);
    try {
      await write();
    } catch (again) {
      if (!isQuota(again)) throw again;
      throw await noRoom(vault, claim);
    }
  }
}

/** Deletes other files that were never finished and that nobody is working on. */
async function freeLeftovers(vault: Vault, claim: Claim): Promise<void> {
  for (const { sha256 } of await vault.allUnfinished())
    if (sha256 !== claim.sha256 && !(await vault.model(sha256)) && !(await claim.busy(sha256))) await forget(vault, sha256);
}

async function noRoom(vault: Vault, claim: Claim): Promise<QuotaError> {
  const { sha256, bytes, id } = claim;
  await forget(vault, sha256);
  const free = await freeBytes();
  const allowed =
    free === null
      ? "this browser allows the page less than that"
      : free < bytes
        ? `this browser allows the page only ${formatBytes(free)} more`
        : `this browser refused to store more, though it claims ${formatBytes(free)} to be free`;
  return new QuotaError(
    `${id}: storing it needs ${formatBytes(bytes)}, but ${allowed}. What had arrived has been freed. ` +
      "Remove a stored model, free some space on the disk, or leave the private window, and try again.",
  );
}

/** What the browser still allows this origin; null where it does not say. */
async function freeBytes(): Promise<number | null> {
  if (typeof navigator === "undefined" || !navigator.storage) return null;
  const { usage, quota } = await navigator.storage.estimate().catch(() => ({ usage: undefined, quota: undefined }));
  return usage === undefined || quota === undefined ? null : Math.max(0, quota - usage);
}

/** What a tab that was closed while it stored a model of its own making left behind: nobody can go on with that. */
export async function dropAbandoned(vault: Vault, now = Date.now()): Promise<void> {
  for (const { sha256, url, touchedAt } of await vault.allUnfinished())
    if (url === MADE_HERE && now - touchedAt > ABANDONED_MS) await forget(vault, sha256);
}
