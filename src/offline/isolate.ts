/**
 * Headers that the host cannot or does not send: the service worker adds them to what it serves. They make the page cross-origin
 * isolated, and hold its workers, which a page's <meta> does not bind, to a policy of their own.
 *
 * `require-corp` and not `credentialless`, as every browser knows it and all that comes from elsewhere comes by CORS.
 * An isolated page starts only workers that carry the header too, so scripts always carry it; documents do while the choice is on.
 */
import type { WorkboxPlugin } from "workbox-core/types.js";

const COEP = "Cross-Origin-Embedder-Policy";
const COOP = "Cross-Origin-Opener-Policy";
const REQUIRED = "require-corp";

/** For workers: they read files from strangers, so what runs in them is this app's code and WebAssembly alone. */
export const WORKER_POLICY =
  // `http:` too: a page on https asks nothing of it anyway, and one on the reader's own machine may
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' https: http: data: blob:";
const CSP = "Content-Security-Policy";

/** Whether the host's own headers isolate this document. */
export const isolatedByHost = (document: Response): boolean => document.headers.has(COEP) && document.headers.has(COOP);

/** A document with the headers that isolate; as it is where the host sent its own, or where there is nothing to say (errors). */
export function isolated(document: Response): Response {
  if (!document.ok || document.headers.has(COEP)) return document;
  return withHeaders(document, { [COEP]: REQUIRED, [COOP]: "same-origin" });
}

/** A script or another part, fit for an isolated page and its workers. */
export function asPart(response: Response): Response {
  if (!response.ok) return response;
  const { headers } = response;
  return withHeaders(response, {
    [COEP]: headers.get(COEP) ?? REQUIRED,
    "Cross-Origin-Resource-Policy": headers.get("Cross-Origin-Resource-Policy") ?? "same-origin",
    [CSP]: headers.get(CSP) ?? WORKER_POLICY,
  });
}

function withHeaders(response: Response, added: Record<string, string>): Response {
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(added)) headers.set(name, value);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

/** For Workbox: documents isolate while `wanted` says so; everything else is always fit for that. */
export const isolating = (wanted: () => Promise<boolean>): WorkboxPlugin => ({
  async handlerWillRespond({ request, response }) {
    if (request.mode !== "navigate") return asPart(response);
    return (await wanted()) ? isolated(response) : response;
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
