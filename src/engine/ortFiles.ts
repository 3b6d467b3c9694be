/** Where ONNX Runtime's loaders and binaries lie: assets of this app, each emitted once, none fetched before it is used. */
import asyncifyMjs from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url";
import asyncifyWasm from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url";
import jspiMjs from "onnxruntime-web/ort-wasm-simd-threaded.jspi.mjs?url";
import jspiWasm from "onnxruntime-web/ort-wasm-simd-threaded.jspi.wasm?url";
import plainMjs from "onnxruntime-web/ort-wasm-simd-threaded.mjs?url";
import plainWasm from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import type { Backend } from "../api/engine";

/** JavaScript Promise Integration: lets WASM wait for the GPU without the asyncify transform. */
export const hasJspi = (): boolean => "Suspending" in WebAssembly;

/** The loader and the binary that this browser uses for `backend`, as whole addresses. */
export function ortFiles(backend: Backend): { mjs: string; wasm: string } {
  if (backend === "wasm") return files(plainMjs, plainWasm);
  return hasJspi() ? files(jspiMjs, jspiWasm) : files(asyncifyMjs, asyncifyWasm);
}

const files = (mjs: string, wasm: string) => ({ mjs: absolute(mjs), wasm: absolute(wasm) });

/** Assets come as paths from the site's root or relative to this module; ORT wants whole addresses. */
const absolute = (url: string): string => new URL(url, import.meta.url).href;
