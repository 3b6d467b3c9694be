/** What people are told when the runtime fails. */
import type { DeviceInfo } from "../api/engine";

/** The runtime itself is in pieces (out of memory, or aborted): this worker cannot go on, a fresh one can. */
export class EngineBrokenError extends Error {
  override readonly name = "EngineBrokenError";
}

/** The runtime refused the graph: the picture cannot be made on this device, others can. */
export class RuntimeRefusedError extends Error {
  override readonly name = "RuntimeRefusedError";
}

/** Names that errors of JavaScript and of the runtime have; ours have others, and say what to do. */
const FOREIGN = new Set(["Error", "RangeError", "RuntimeError", "TypeError"]);
/** WASM out of memory, by any of the names that reach us. */
const OUT_OF_MEMORY = /bad_alloc|out of memory|memory allocation|allocation failed|Aborted\(/i;

/** What people are told of an error while making `what`. */
export function explained(error: unknown, { what, device }: { what: string; device: DeviceInfo }): unknown {
  if (error instanceof Error && !FOREIGN.has(error.name)) return error;
  const message = error instanceof Error ? error.message : String(error); // C++ exceptions arrive as bare numbers
  if (!(error instanceof Error) || error instanceof WebAssembly.RuntimeError || OUT_OF_MEMORY.test(message))
    return new EngineBrokenError(
      `the machine ran out of memory, or the runtime stopped, over ${what} on ${device.label} (${message}). ` +
        "Start again, with a smaller size or fewer pictures at once; the model is kept.",
      { cause: error },
    );
  return new RuntimeRefusedError(
    `${what} cannot be made on ${device.label}: ${message}. Try the other device, another size or another layer.`,
    { cause: error },
  );
}
