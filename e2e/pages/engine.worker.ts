/** The engine's worker with the tiny network in place of stored models, and ways to go wrong on demand. */
import * as Comlink from "comlink";
import { chooseDevice } from "../../src/engine/device";
import { Engine } from "../../src/engine/engine";
import { holdLock } from "../../src/engine/lifeline";
import { webRuntime } from "../../src/engine/ortWeb";
import { tinyModel } from "../../test/tinyModel";

const devices: GPUDevice[] = [];
if ("GPUAdapter" in globalThis) {
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (descriptor) {
    const device = await requestDevice.call(this, descriptor);
    devices.push(device);
    return device;
  };
}

const engine = new Engine({
  readWeights: async () => tinyModel(),
  readLabels: async () => "",
  makeRuntime: webRuntime,
  device: async (choice) => (await chooseDevice(choice)).info,
  transfer: (value, buffers) => Comlink.transfer(value, buffers),
  release: (callback) => (callback as Comlink.ProxyMethods)[Comlink.releaseProxy](),
});

const faults = {
  hold: holdLock,
  /** As a driver reset does. */
  loseDevice: () => devices.at(-1)!.destroy(),
  /** Ends without an error event, as a worker that the browser kills does. */
  vanish: () => self.close(),
  crash: () => void setTimeout(() => { throw new Error("boom"); }), // prettier-ignore
  /** Never yields again, as a stuck shader does on WASM. */
  hang: () => void setTimeout(() => { for (;;); }), // prettier-ignore
};
export type FaultyEngine = typeof engine & typeof faults;
Comlink.expose(Object.assign(engine, faults));
