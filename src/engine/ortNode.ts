/** The runtime of the command line, the tests and the bench in Node: onnxruntime-web's WASM build. */
import { availableParallelism } from "node:os";
import * as ort from "onnxruntime-web";
import { ortRuntime } from "./ort";
import type { Runtime } from "./runtime";

/** Starts WASM with `threads` threads (default: one per core, at most 4); ORT takes the number of its first start in a process. */
export function nodeRuntime(threads = Math.min(4, availableParallelism())): Runtime {
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "error";
  const label = `WASM in Node, ${threads} ${threads === 1 ? "thread" : "threads"}`;
  return ortRuntime(ort, { info: { backend: "wasm", label, reason: null } });
}
