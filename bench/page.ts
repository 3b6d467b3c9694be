/**
 * The bench's browser side: every engine and backend in one page, in interleaved rounds. run.ts opens it and calls `bench`.
 * A backend that cannot do it is reported with its reason, not left out in silence.
 */
import { webRuntime } from "../src/engine/ortWeb";
import type { Graph } from "../src/onnx/graph";
import { readModel } from "../src/onnx/read";
import { randomGoogLeNet } from "./googlenet";
import { measure, type Contestant, type Measured } from "./measure";
import { ours } from "./ours";
import { startTfjs, tfjs, type TfjsBackend } from "./tfjsContestant";

export interface BenchRequest {
  /** Address of an ONNX file of GoogLeNet; null for random weights. */
  model: string | null;
  size: number;
  rounds: number;
  /** A contestant that has taken this long sits out the rest, once it has one time. */
  budgetMs: number;
  contestants: { engine: "micrographia" | "tfjs"; backend: string }[];
}

export type BenchAnswer = (Measured & { engine: string; backend: string; device: string })[];

async function contestant(graph: Graph, size: number, { engine, backend }: BenchRequest["contestants"][number]) {
  if (engine === "micrographia") {
    const runtime = await webRuntime(backend as "wasm" | "webgpu");
    if (runtime.info.backend !== backend) throw new Error(runtime.info.reason ?? `no ${backend} here`);
    return { device: runtime.info.label, it: await ours(runtime, graph, size) };
  }
  const device = await startTfjs(backend as TfjsBackend);
  return { device, it: await tfjs(graph, size, backend as TfjsBackend) };
}

async function bench(request: BenchRequest): Promise<BenchAnswer> {
  const graph = request.model ? readModel(new Uint8Array(await (await fetch(request.model)).arrayBuffer())) : randomGoogLeNet();
  const ready: { device: string; it: Contestant }[] = [];
  const failed: BenchAnswer = [];
  for (const wanted of request.contestants) {
    console.log(`preparing ${wanted.engine} on ${wanted.backend}`);
    try {
      ready.push(await contestant(graph, request.size, wanted));
    } catch (error) {
      failed.push({ ...wanted, device: "", forward_ms: NaN, step_ms: NaN, error: (error as Error).message });
    }
  }
  const times = await measure(
    ready.map((r) => r.it),
    request.rounds,
    request.budgetMs,
    (round, { engine, backend }) =>
      console.log(`${round ? `round ${round} of ${request.rounds}` : "warming up"}: ${engine} on ${backend}`),
  );
  const rows = ready.map(({ device, it }, i) => ({ engine: it.engine, backend: it.backend, device, ...times[i]! }));
  for (const { it } of ready) await it.dispose();
  return [...rows, ...failed];
}

declare global {
  interface Window {
    bench: typeof bench;
  }
}
window.bench = bench;
