/**
 * Which files of a build are there offline, and from when. Pure, over a list of files: the build calls it (scripts/vite/pwa.ts).
 *
 * Stored when the service worker is installed: the page, its scripts and styles, the lists of models and labels, the model that comes
 * with the app. ONNX Runtime's binaries (14 to 27 MB each) are kept once one of them has been used, so that each reader stores one.
 * Other models lie in the store (src/store) as soon as they have been opened.
 */

/** A file of the build: its path from the build's folder, with `/`; a digest of its bytes. */
export interface BuiltFile {
  path: string;
  digest: string;
}

/** As Workbox takes it: a file whose name holds its own hash needs no revision. */
export interface PrecacheEntry {
  url: string;
  revision: string | null;
}

export interface OfflinePlan {
  precache: PrecacheEntry[];
  /** Paths of the binaries that are kept when first used. */
  runtime: string[];
}

const HASHED = /^assets\/.+-[\w-]{8}\.\w+$/;
/** The system takes the larger icons itself when the app is installed. */
const LEFT_OUT = /^(sw\.js|404\.html|recipe\.schema\.json|models\/labels\/SOURCES\.txt|icons\/.+-(512|icon)\.png)$|\.map$/;

/** Sorts a build's files; `embedded` is the id of the model that comes with the app. */
export function offlinePlan(files: readonly BuiltFile[], embedded: string): OfflinePlan {
  const runtime = files.filter(({ path }) => path.endsWith(".wasm")).map(({ path }) => path);
  const own = new Set([`models/${embedded}.onnx`, `models/stats/${embedded}.json`]);
  const kept = ({ path }: BuiltFile): boolean => {
    if (LEFT_OUT.test(path) || path.endsWith(".wasm")) return false;
    return own.has(path) || !/^models\/(stats\/|[^/]+\.onnx$)/.test(path);
  };
  const precache = files
    .filter(kept)
    .map(({ path, digest }) => ({ url: path, revision: HASHED.test(path) ? null : digest }))
    .toSorted((a, b) => (a.url < b.url ? -1 : 1));
  return { precache, runtime: runtime.toSorted() };
}
