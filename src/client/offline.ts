/**
 * The page's half of working offline: registers the service worker, notices new versions, keeps the runtime's binary.
 *
 * Nothing here reloads the page unless the reader says so. Where there are no service workers (an insecure page, a private window, a
 * sandboxed frame) or they are refused, the app works as before and says nothing.
 */
import type { Backend } from "../api/engine";
import { ortFiles } from "../engine/ortFiles";
import { runtimeCache, type Isolation, type ToServiceWorker } from "../offline/messages";
import { scriptUrl } from "./scriptUrl";

export type { Isolation };

/** How often a tab that stays open asks for a new version; it also asks whenever it comes to the front. */
const ASK_MS = 60 * 60 * 1000;

export interface OfflineEvents {
  /** A newer version is stored and waits; `renew` lets it take over and reloads this tab. May come again. */
  onUpdate(renew: () => void): void;
}

export interface Offline {
  /**
   * Resolves when the app, its files and the runtime's binary for `backend` are on this machine. Rejects when they cannot be kept:
   * no room, or no network any more.
   */
  keep(backend: Backend): Promise<void>;
  /** Asks who isolates the page, and first sets whether the service worker does when `on` is given. */
  isolation(on?: boolean): Promise<Isolation>;
}

/** Registers `sw.js` beside the page. Resolves to null where that cannot be. */
export async function goOffline({ onUpdate }: OfflineEvents): Promise<Offline | null> {
  const container = navigator.serviceWorker as ServiceWorkerContainer | undefined;
  if (!container) return null;
  const hadController = container.controller !== null;
  try {
    const url = scriptUrl("sw.js", document.baseURI);
    const registration = await container.register(url, { updateViaCache: "none" });
    watchVersions(container, registration, hadController, onUpdate);
    return {
      async keep(backend) {
        await activated(container);
        await keepBinary(runtimeCache(registration.scope), ortFiles(backend).wasm);
      },
      isolation: async (on) => ask(await activated(container), { kind: "isolation", on }),
    };
  } catch {
    return null; // refused by the browser, or the host has no sw.js
  }
}

const activated = async (container: ServiceWorkerContainer): Promise<ServiceWorker> => (await container.ready).active!;

function watchVersions(
  container: ServiceWorkerContainer,
  registration: ServiceWorkerRegistration,
  hadController: boolean,
  onUpdate: OfflineEvents["onUpdate"],
): void {
  let first = !hadController;
  let asked = false;
  const reload = (): void => location.reload();
  const offer = (worker: ServiceWorker): void =>
    onUpdate(() => {
      asked = true;
      if (worker.state === "installed") tell(worker, { kind: "take-over" });
      else reload(); // it has taken over meanwhile
    });
  const follow = (worker: ServiceWorker | null): void =>
    worker?.addEventListener("statechange", () => {
      if (worker.state === "installed" && container.controller) offer(worker);
    });

  if (registration.waiting && container.controller) offer(registration.waiting);
  follow(registration.installing);
  registration.addEventListener("updatefound", () => follow(registration.installing));
  container.addEventListener("controllerchange", () => {
    if (first)
      first = false; // this tab's first service worker, of the version that it shows
    else if (asked) reload();
    else onUpdate(reload); // another tab let the new version take over
  });
  /** A part of this version that is nowhere any more: only a newer one can help. */
  addEventListener("vite:preloadError", () => onUpdate(reload));

  const look = (): void => void registration.update().catch(() => {}); // offline: the next time will do
  setInterval(look, ASK_MS);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && look());
}

const tell = (worker: ServiceWorker, message: ToServiceWorker): void => worker.postMessage(message);

function ask(worker: ServiceWorker, message: ToServiceWorker): Promise<Isolation> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = ({ data }: MessageEvent<Isolation>) => {
      port1.close();
      resolve(data);
    };
    worker.postMessage(message, [port2]);
  });
}

/** The engine's worker has most often just loaded it: then this reads the browser's own cache, whatever its age, not the network. */
async function keepBinary(name: string, url: string): Promise<void> {
  const cache = await caches.open(name);
  if (await cache.match(url)) return;
  const response = await fetch(url, { cache: "force-cache", priority: "low" });
  if (!response.ok)
    throw new Error(`${url} answered ${response.status} ${response.statusText}; it could not be kept for offline use.`);
  await cache.put(url, response);
}
