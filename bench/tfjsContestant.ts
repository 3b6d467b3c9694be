/** TF.js's side of the bench: the same network from the same weights, forward and gradient, on any of its backends. */
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-webgpu";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import plainWasm from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url";
import simdWasm from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url";
import threadedWasm from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url";
import type { Graph } from "../src/onnx/graph";
import { LAYER, PREPROCESSING } from "./googlenet";
import type { Contestant } from "./measure";
import { tfjsNetwork } from "./tfjs";

export type TfjsBackend = "webgpu" | "webgl" | "wasm" | "cpu";

/** Starts a backend. Throws with TF.js's reason when it is not to be had. */
export async function startTfjs(backend: TfjsBackend): Promise<string> {
  setWasmPaths({
    "tfjs-backend-wasm.wasm": plainWasm,
    "tfjs-backend-wasm-simd.wasm": simdWasm,
    "tfjs-backend-wasm-threaded-simd.wasm": threadedWasm,
  });
  if (!(await tf.setBackend(backend))) throw new Error(`TF.js could not start its ${backend} backend here`);
  await tf.ready();
  return `TF.js ${tf.version.tfjs} ${backend}`;
}

/** A contestant on a started backend. Both sides return one number: the mean of the layer, and of the picture's gradient. */
export async function tfjs(graph: Graph, size: number, backend: TfjsBackend): Promise<Contestant> {
  await tf.setBackend(backend);
  const network = tfjsNetwork(tf, graph, LAYER, PREPROCESSING);
  const image = tf.randomUniform<tf.Rank.R4>([1, 3, size, size], 0, 1, "float32", 1);
  const [, channels, height, width] = network.forward(image).shape;
  const positions = height * width;
  const cotangent = tf.tensor4d(
    Float32Array.from({ length: channels * positions }, (_, i) => (Math.floor(i / positions) === 1 ? 1 / positions : 0)),
    [1, channels, height, width],
  );
  const read = async (make: () => tf.Tensor) => {
    await tf.setBackend(backend);
    const mean = tf.tidy(() => tf.mean(make()));
    await mean.data();
    mean.dispose();
  };
  return {
    engine: "tfjs",
    backend,
    forward: () => read(() => network.forward(image)),
    step: () => read(() => network.gradient(image, cotangent)),
    dispose: async () => {
      await tf.setBackend(backend);
      network.dispose();
      image.dispose();
      cotangent.dispose();
    },
  };
}
