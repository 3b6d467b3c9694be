/** The store's worker: builds the object, exposes it, nothing else. Its name is the page's address. */
import { expose } from "comlink";
import { holdLock } from "../src/engine/lifeline";
import { makeStore } from "../src/store/store";

expose(Object.assign(makeStore({ baseUrl: self.name || self.location.href }), { hold: holdLock }));
