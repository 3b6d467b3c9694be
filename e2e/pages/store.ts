/** A page with the app's store worker and nothing else, driven by e2e/store.spec.ts. */
import type { Progress } from "../../src/api/engine";
import type { ModelFile } from "../../src/api/model";
import { connectStore } from "../../src/client/connect";
import { runJob } from "../../src/client/runJob";
import { readModelBytes } from "../../src/store/models";
import { indexedDbVault } from "../../src/store/vault";

const store = connectStore();

const page = {
  /** The outcome of one download: progress events, and the error's name and message when it failed. */
  async fetch(file: ModelFile) {
    const events: Progress[] = [];
    const report = { signal: new AbortController().signal, onProgress: (p: Progress) => void events.push(p) };
    const model = runJob(store, (api, job, onProgress) => api.fetch(job, "net", file, onProgress), report);
    return model.then(
      (stored) => ({ stored, events, error: null }),
      ({ name, message }: Error) => ({ stored: null, events, error: { name, message } }),
    );
  },
  list: () => store.api.list(),
  /** How many parts of a file, finished or not, lie in this browser. */
  parts: async (sha256: string) => (await indexedDbVault().parts(sha256)).length,
  notice: () => store.api.notice(),
  /** The stored file's own SHA-256, by the browser's crypto. */
  async digest(sha256: string) {
    const digest = await crypto.subtle.digest("SHA-256", await readModelBytes(sha256));
    return [...new Uint8Array(digest)].map((b) => b.toString(16).padStart(2, "0")).join("");
  },
};

declare global {
  interface Window {
    storePage: typeof page;
  }
}
window.storePage = page;
