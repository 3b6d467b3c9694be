/**
 * The service worker's rules: what it stores, what it answers, when it gives way to the next version. Workbox does the storing.
 *
 * A new version waits until a page tells it to take over, or until the last tab is closed: no tab changes under its reader's hands.
 */
import { clientsClaim } from "workbox-core/clientsClaim.js";
import { addPlugins, addRoute, cleanupOutdatedCaches, matchPrecache, precache } from "workbox-precaching";
import { registerRoute } from "workbox-routing";
import { CacheFirst, NetworkFirst, StaleWhileRevalidate } from "workbox-strategies";
import { Choice, isolatedByHost, isolating } from "./isolate";
import { choicesCache, runtimeCache, type Isolation, type ToServiceWorker } from "./messages";
import type { OfflinePlan } from "./precache";

/** Sets everything up; to be called while the worker's script first runs. */
export function serve(plan: OfflinePlan, self: ServiceWorkerGlobalScope): void {
  const { scope } = self.registration;
  const inScope = (path: string): string => new URL(path, scope).href;
  const isolation = new Choice(choicesCache(scope), inScope("isolation"));
  const isolate = isolating(() => isolation.read());
  const runtime = new Set(plan.runtime.map(inScope));

  precache(plan.precache);
  addPlugins([isolate]);
  addRoute({ directoryIndex: "index.html", cleanURLs: false, ignoreURLParametersMatching: [/./] });
  cleanupOutdatedCaches();
  clientsClaim();

  registerRoute(({ url }) => runtime.has(url.href), new CacheFirst({ cacheName: runtimeCache(scope), plugins: [isolate] }));
  registerRoute(
    ({ url }) => url.href.startsWith(inScope("models/stats/")),
    new StaleWhileRevalidate({ cacheName: `micrographia-stats-${scope}` }),
  );
  /** As 404.html does where there is a host to send it. */
  registerRoute(
    ({ url, request }) => request.mode === "navigate" && url.href.startsWith(inScope("models/")) && !url.pathname.includes("."),
    ({ url }) => Promise.resolve(Response.redirect(`${scope}#/${url.href.slice(scope.length)}`)),
  );
  /** Only a host with models of its own has this file, so offline its absence is the answer. */
  registerRoute(
    ({ url }) => url.href === inScope("models/hosted.json"),
    new NetworkFirst({
      cacheName: `micrographia-hosted-${scope}`,
      networkTimeoutSeconds: 3,
      plugins: [{ handlerDidError: () => Promise.resolve(new Response(null, { status: 404 })) }],
    }),
  );

  self.addEventListener("activate", (event) => event.waitUntil(dropOldRuntimes(runtimeCache(scope), runtime)));

  self.addEventListener("message", (event) => {
    const message = event.data as ToServiceWorker | undefined;
    if (message?.kind === "take-over") event.waitUntil(self.skipWaiting());
    else if (message?.kind === "isolation") event.waitUntil(answer(message.on, event.ports[0]));
  });

  async function answer(on: boolean | undefined, port: MessagePort | undefined): Promise<void> {
    if (on !== undefined) await isolation.write(on);
    const page = await matchPrecache(inScope("index.html"));
    const is: Isolation = page && isolatedByHost(page) ? "host" : (await isolation.read()) ? "worker" : "off";
    port?.postMessage(is);
  }
}

/** Binaries of versions before this one: nothing asks for them any more. */
async function dropOldRuntimes(name: string, current: ReadonlySet<string>): Promise<void> {
  const cache = await caches.open(name);
  for (const request of await cache.keys()) if (!current.has(request.url)) await cache.delete(request);
}
