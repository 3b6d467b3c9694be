/** What the page says about working offline: whether all is there, whether a new version waits, who gives WASM its threads. */
import type { Backend } from "../../api/engine";
import { goOffline, type Isolation, type Offline } from "../../client/offline";

export class OfflineState {
  /** The app, and what it draws with, open without a network. */
  ready = $state(false);
  /** Lets the new version take over, while there is one. */
  renew = $state.raw<(() => void) | null>(null);
  isolation = $state.raw<Isolation | null>(null);
  /** Loading the page again would give WASM threads that it lacks, or take them as the reader asked. */
  reloadHelps = $derived.by(() => {
    if (this.isolation === "worker") return !crossOriginIsolated && (!this.#served || this.#switched) && window.top === window;
    return this.isolation === "off" && this.#switched && crossOriginIsolated;
  });

  #offline: Promise<Offline | null> | null = null;
  #switched = $state(false);
  /** Whether a service worker served this page: then its headers have had what effect they have. */
  readonly #served = Boolean((navigator.serviceWorker as ServiceWorkerContainer | undefined)?.controller);

  /** At the start: a page that came from the service worker looks for a new version before anything else can fail. */
  begin(): void {
    if (this.#served) void this.#start();
  }

  /** Once something is being drawn, so that storing does not compete with a first visit's downloads. */
  async keep(backend: Backend): Promise<void> {
    const offline = await this.#start();
    if (!offline) return;
    this.isolation = await offline.isolation();
    this.ready = await offline.keep(backend).then(
      () => true,
      () => false, // no room, or no network any more: the page works on, and does not claim it
    );
  }

  async isolate(on: boolean): Promise<void> {
    const offline = await this.#start();
    if (!offline) return;
    this.isolation = await offline.isolation(on);
    this.#switched = true;
  }

  /** Only builds have a service worker. */
  #start(): Promise<Offline | null> {
    if (!import.meta.env.PROD) return Promise.resolve(null);
    return (this.#offline ??= goOffline({ onUpdate: (renew) => (this.renew = renew) }));
  }
}
