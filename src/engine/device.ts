/**
 * Which device a picture is made on. A real GPU over WebGPU where there is one, else WASM; a software adapter is slower than WASM
 * (measured: GoogLeNet's forward pass 6 s on SwiftShader, 0.1 s on WASM) and so counts as none, unless the reader insists.
 */
import type { Backend, DeviceChoice, DeviceInfo } from "../api/engine";

/** What is asked of the browser; tests pass their own. */
export interface DeviceSources {
  gpu: Pick<GPU, "requestAdapter"> | undefined;
  crossOriginIsolated: boolean;
  hardwareConcurrency: number;
}

export interface ChosenDevice {
  info: DeviceInfo;
  /** The adapter to run on; null on WASM. */
  adapter: GPUAdapter | null;
  /** WASM threads: also used by ORT's CPU nodes. */
  threads: number;
}

/** More than four threads gain little on these graphs and starve the page. */
const MOST_THREADS = 4;

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|microsoft basic render|software/i;

/** Asks the browser and decides. Never throws: what cannot be had becomes WASM with a reason. */
export async function chooseDevice(choice: DeviceChoice, sources: DeviceSources = browserSources()): Promise<ChosenDevice> {
  const threads = sources.crossOriginIsolated ? Math.max(1, Math.min(MOST_THREADS, sources.hardwareConcurrency)) : 1;
  const wasm = (reason: string | null): ChosenDevice => ({
    info: { backend: "wasm", label: wasmLabel(threads), reason },
    adapter: null,
    threads,
  });
  if (choice === "wasm") return wasm(null);
  if (!sources.gpu) return wasm("This browser has no WebGPU.");
  let adapter: GPUAdapter | null;
  try {
    adapter = await sources.gpu.requestAdapter({ powerPreference: "high-performance" });
  } catch (error) {
    return wasm(`WebGPU could not be started (${(error as Error).message}).`);
  }
  if (!adapter) return wasm("WebGPU found no graphics adapter.");
  const name = adapterName(adapter.info);
  const software = isSoftware(adapter);
  if (choice === "auto" && software) return wasm(`The only graphics adapter (${name}) is software, which is slower than WASM.`);
  const backend: Backend = "webgpu";
  return {
    info: { backend, label: `${name} (WebGPU)`, reason: software ? "A software adapter, as you asked: slower than WASM." : null },
    adapter,
    threads,
  };
}

const wasmLabel = (threads: number): string => `WASM, ${threads} ${threads === 1 ? "thread" : "threads"}`;

function isSoftware({ info }: GPUAdapter): boolean {
  return info.isFallbackAdapter || SOFTWARE.test([info.vendor, info.architecture, info.device, info.description].join(" "));
}

function adapterName({ description, vendor, architecture }: GPUAdapterInfo): string {
  return description || [vendor, architecture].filter(Boolean).join(" ") || "graphics adapter";
}

const browserSources = (): DeviceSources => ({
  gpu: navigator.gpu,
  crossOriginIsolated: globalThis.crossOriginIsolated,
  hardwareConcurrency: navigator.hardwareConcurrency,
});
