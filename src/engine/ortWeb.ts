/**
 * The runtimes of a browser: onnxruntime-web's WebGPU build or its plain WASM build, whichever the device calls for.
 *
 * The builds are separate downloads (asyncify 27 MB, JSPI 17 MB, plain WASM 14 MB, before compression), so each is imported only
 * when it is needed, and JSPI's where the browser has it. Their .wasm files are this app's own assets: no request leaves the host.
 */
import asyncifyMjs from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url";
import asyncifyWasm from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url";
import jspiMjs from "onnxruntime-web/ort-wasm-simd-threaded.jspi.mjs?url";
import jspiWasm from "onnxruntime-web/ort-wasm-simd-threaded.jspi.wasm?url";
import plainMjs from "onnxruntime-web/ort-wasm-simd-threaded.mjs?url";
import plainWasm from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import type { DeviceChoice } from "../api/engine";
import { chooseDevice, type ChosenDevice } from "./device";
import { ortRuntime, type OrtBuild, type OrtRuntimeOptions } from "./ort";
import type { Runtime } from "./runtime";

/** JavaScript Promise Integration: lets WASM wait for the GPU without the asyncify transform. */
const hasJspi = (): boolean => "Suspending" in WebAssembly;

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
  const files = (mjs: string, wasm: string) => ({ mjs: absolute(mjs), wasm: absolute(wasm) });
  if (!adapter) {
    const ort = await import("onnxruntime-web/wasm");
    ort.env.wasm.wasmPaths = files(plainMjs, plainWasm);
    return ort;
  }
  const ort = hasJspi() ? await import("onnxruntime-web/jspi") : await import("onnxruntime-web/webgpu");
  ort.env.wasm.wasmPaths = hasJspi() ? files(jspiMjs, jspiWasm) : files(asyncifyMjs, asyncifyWasm);
  return ort;
}

/** Assets come as paths from the site's root or relative to this module; ORT wants whole addresses. */
const absolute = (url: string): string => new URL(url, import.meta.url).href;

/** Typed as a promise, and promised before the first session; it is the device itself after it, and undefined before. */
const currentDevice = (ort: OrtBuild): GPUDevice | undefined => ort.env.webgpu.device as unknown as GPUDevice | undefined;
