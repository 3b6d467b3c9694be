/** The engine's worker: builds the object, exposes it. */
import * as Comlink from "comlink";
import { chooseDevice } from "../src/engine/device";
import { Engine } from "../src/engine/engine";
import { holdLock } from "../src/engine/lifeline";
import { webRuntime } from "../src/engine/ortWeb";
import { readModelBytes } from "../src/store/models";

const base = new URL(self.name || "./", self.location.href);

const engine = new Engine({
  readWeights: readModelBytes,
  readLabels: async (path) => (await fetch(new URL(path, new URL("models/", base)))).text(),
  makeRuntime: webRuntime,
  device: async (choice) => (await chooseDevice(choice)).info,
  transfer: (value, buffers) => Comlink.transfer(value, buffers),
  release: (callback) => (callback as Comlink.ProxyMethods)[Comlink.releaseProxy](),
});

Comlink.expose(Object.assign(engine, { hold: holdLock }));
