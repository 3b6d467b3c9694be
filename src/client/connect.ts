/** The app's two workers, not started until first used. */
import type { EngineApi } from "../api/engine";
import type { StoreApi } from "../api/store";
import engineUrl from "../../workers/engine.worker.ts?worker&url";
import storeUrl from "../../workers/store.worker.ts?worker&url";
import { Connection } from "./connection";
import { scriptUrl } from "./scriptUrl";

/** Workers learn the page's address through their name: relative model addresses are resolved against it. */
const pageBase = (): string => new URL("./", document.baseURI).href;

const start = (url: string): Worker => new Worker(scriptUrl(url), { type: "module", name: pageBase() });

export const connectEngine = (): Connection<EngineApi> => new Connection("The engine", () => start(engineUrl));

export const connectStore = (): Connection<StoreApi> => new Connection("The store", () => start(storeUrl));
