/**
 * Where a graph runs: one interface over onnxruntime-web on WebGPU, on WASM in a browser, and on WASM in Node,
 * so that the render loop, the command line, the tests and the bench are the same code everywhere.
 */
import type { DeviceInfo } from "../api/engine";
import type { StaticGraph, Tensor } from "../onnx/graph";

/** A tensor that stays where the backend computes: a GPU buffer, or WASM memory. Its owner disposes of it. */
export interface Resident {
  readonly shape: readonly number[];
  dispose(): void;
}

export interface Program {
  /**
   * One run. Values named in `fetch` come back, in the place that `compile` fixed for them: resident, or read to the host.
   * Inputs may be either kind.
   */
  run(feeds: Record<string, Tensor | Resident>, fetch: readonly string[]): Promise<Record<string, Tensor | Resident>>;
  dispose(): Promise<void>;
}

export interface Runtime {
  readonly info: DeviceInfo;
  /** Lowers, writes and loads a static graph. Outputs named in `resident` stay on the device; the others are read back. */
  compile(graph: StaticGraph, options: { resident: readonly string[] }): Promise<Program>;
  /** Rejects when the device is lost (WebGPU); never settles otherwise. */
  readonly lost: Promise<never>;
  dispose(): Promise<void>;
}
