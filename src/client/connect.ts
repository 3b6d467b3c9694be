/** The app's two workers, not started until first used. */
import type { EngineApi } from "../api/engine";
import type { StoreApi } from "../api/store";
import { Connection } from "./connection";

/** Workers learn the page's address through their name: relative model addresses are resolved against it. */
const pageBase = (): string => new URL("./", document.baseURI).href;

export const connectEngine = (): Connection<EngineApi> =>
  new Connection(
    "The engine",
    () => new Worker(new URL("../../workers/engine.worker.ts", import.meta.url), { type: "module", name: pageBase() }),
  );

export const connectStore = (): Connection<StoreApi> =>
  new Connection(
    "The store",
    () => new Worker(new URL("../../workers/store.worker.ts", import.meta.url), { type: "module", name: pageBase() }),
  );
