/**
 * Cross-origin isolation where the host cannot send headers: the service worker adds them to what it serves.
 *
 * `require-corp` and not `credentialless`, as every browser knows it and all that comes from elsewhere comes by CORS.
 * An isolated page starts only workers that carry the header too, so scripts always carry it; documents do while the choice is on.
 */
import type { WorkboxPlugin } from "workbox-core/types.js";

const COEP = "Cross-Origin-Embedder-Policy";
const COOP = "Cross-Origin-Opener-Policy";

/** Whether the host's own headers isolate this document. */
export const isolatedByHost = (document: Response): boolean => document.headers.has(COEP) && document.headers.has(COOP);

/** `response` with the headers that isolate; as it is where the host sent its own, or where there is nothing to say (errors, opaque). */
export function isolated(response: Response, asDocument: boolean): Response {
  if (!response.ok || response.headers.has(COEP)) return response;
  const headers = new Headers(response.headers);
  headers.set(COEP, "require-corp");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  if (asDocument) headers.set(COOP, "same-origin");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

/** For Workbox: adds the headers to documents while `wanted` says so, and to everything else. */
export const isolating = (wanted: () => Promise<boolean>): WorkboxPlugin => ({
  async handlerWillRespond({ request, response }) {
    const asDocument = request.mode === "navigate";
    return asDocument && !(await wanted()) ? response : isolated(response, asDocument);
  },
});

/** The reader's choice, kept in a cache of its own: a service worker has no localStorage. On unless turned off. */
export class Choice {
  constructor(
    readonly cache: string,
    readonly key: string,
  ) {}

  async read(): Promise<boolean> {
    const kept = await (await caches.open(this.cache)).match(this.key).catch(() => undefined);
    return (await kept?.text()) !== "off";
  }

  async write(on: boolean): Promise<void> {
    await (await caches.open(this.cache)).put(this.key, new Response(on ? "on" : "off"));
  }
}
