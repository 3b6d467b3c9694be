/** Running a graph once in Node, over ONNX Runtime's WASM build: what tests compare against. */
import * as ort from "onnxruntime-web";
import { lower } from "../src/autodiff/lower";
import type { DType, StaticGraph, Tensor } from "../src/onnx/graph";
import { writeModel } from "../src/onnx/write";

ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

/** Feeds in, all outputs out. The session is released before the promise resolves. */
export async function runModelBytes(model: Uint8Array, feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"], logSeverityLevel: 3 });
  try {
    const results = await session.run(
      Object.fromEntries(
        Object.entries(feeds).map(([k, t]) => [k, new ort.Tensor(t.dtype as "float32", t.data as Float32Array, t.shape)]),
      ),
    );
    return Object.fromEntries(
      Object.entries(results).map(([k, t]) => [k, { dtype: t.type as DType, shape: t.dims, data: t.data as Float32Array }]),
    );
  } finally {
    await session.release();
  }
}

/** Lowers for WASM, writes, and runs a static graph. */
export const runGraph = (graph: StaticGraph, feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> =>
  runModelBytes(writeModel(lower(graph, "wasm")), feeds);
