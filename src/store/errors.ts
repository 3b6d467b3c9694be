/**
 * What can go wrong between a server and the browser's storage, each with a name of its own:
 * only name, message and stack survive the way out of a worker.
 */

/** The file could not be fetched; what has arrived is kept, so that a later try goes on from there. */
export class DownloadError extends Error {
  override readonly name = "DownloadError";
}

/** The bytes that came are not the ones that the catalogue promises; they have been deleted. */
export class DigestError extends Error {
  override readonly name = "DigestError";
}

/** The browser has no room; what this download had stored has been freed. */
export class QuotaError extends Error {
  override readonly name = "QuotaError";
}

/** A model was asked for that is not stored, or whose stored bytes are damaged. */
export class StoreError extends Error {
  override readonly name = "StoreError";
}

/** "28.0 MB (27994208 bytes)" would be noise in most messages: three significant digits, decimal units. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  const unit = bytes < 1e6 ? "kB" : bytes < 1e9 ? "MB" : "GB";
  const value = bytes / { kB: 1e3, MB: 1e6, GB: 1e9 }[unit];
  return `${value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0)} ${unit}`;
}

/** Any thrown thing as a short reason inside another message. */
export const reasonOf = (e: unknown): string => (e instanceof Error ? e.message || e.name : String(e));
