/**
 * The runtimes of a browser: onnxruntime-web's WebGPU build or its plain WASM build, whichever the device calls for.
 *
 * The builds are separate downloads (asyncify 27 MB, JSPI 17 MB, plain WASM 14 MB, before compression), so each is imported only
 * when it is needed, and JSPI's where the browser has it. Their .wasm files are this app's own assets: no request leaves the host.
 */
import type { DeviceChoice } from "../api/engine";
import { chooseDevice, type ChosenDevice } from "./device";
import { ortRuntime, type OrtBuild, type OrtRuntimeOptions } from "./ort";
import { hasJspi, ortFiles } from "./ortFiles";
import type { Runtime } from "./runtime";

/** Starts the runtime for a choice. */
export async function webRuntime(choice: DeviceChoice, session?: OrtRuntimeOptions["session"]): Promise<Runtime> {
  const device = await chooseDevice(choice);
  const ort = await loadBuild(device);
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = device.threads;
  ort.env.wasm.proxy = false;
  return ortRuntime(ort, { info: device.info, device: () => currentDevice(ort), session });
}

async function loadBuild({ adapter }: ChosenDevice): Promise<OrtBuild> {
  if (!adapter) {
    const ort = await import("onnxruntime-web/wasm");
    ort.env.wasm.wasmPaths = ortFiles("wasm");
    return ort;
  }
  const ort = hasJspi() ? await import("onnxruntime-web/jspi") : await import("onnxruntime-web/webgpu");
  ort.env.wasm.wasmPaths = ortFiles("webgpu");
  return ort;
}

/** Typed as a promise, and promised before the first session; it is the device itself after it, and undefined before. */
const currentDevice = (ort: OrtBuild): GPUDevice | undefined => ort.env.webgpu.device as unknown as GPUDevice | undefined;
