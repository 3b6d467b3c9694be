/** The engine's worker: builds the object, exposes it. */
import * as Comlink from "comlink";
import { chooseDevice } from "../src/engine/device";
import { Engine } from "../src/engine/engine";
import { holdLock } from "../src/engine/lifeline";
import { webRuntime } from "../src/engine/ortWeb";
import { readModelBytes } from "../src/store/models";

const base = new URL(self.name || "./", self.location.href);

/** A model without its label file is worth having: class numbers stand in for names. */
async function readText(path: string): Promise<string> {
  const response = await fetch(new URL(path, new URL("models/", base))).catch(() => null);
  return response?.ok ? response.text() : "";
}

const engine = new Engine({
  readWeights: readModelBytes,
  readLabels: readText,
  makeRuntime: webRuntime,
  device: async (choice) => (await chooseDevice(choice)).info,
  transfer: (value, buffers) => Comlink.transfer(value, buffers),
  release: (callback) => (callback as Comlink.ProxyMethods)[Comlink.releaseProxy](),
});

Comlink.expose(Object.assign(engine, { hold: holdLock }));
