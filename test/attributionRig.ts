/** Small networks of three numbers, or of small pictures, asked by attribution's methods over ONNX Runtime's WASM build. */
import { methodOf } from "../src/attribution/methods";
import type { MethodResult } from "../src/attribution/probe";
import type { AttributionMethod } from "../src/attribution/types";
import { nodeRuntime } from "../src/engine/ortNode";
import { RuntimeProbe, type Compiled } from "../src/engine/probe";
import type { Graph, Tensor } from "../src/onnx/graph";
import { conventionFor, type Preprocessing } from "../src/onnx/preprocessing";
import { f32 } from "../src/onnx/tensor";
import type { Objective } from "../src/vis/objective/types";
import { smallGraph, type GraphSpec } from "./smallGraph";

export const runtime = nodeRuntime(1);

/** Pictures in 0..1, RGB, as they are. */
export const asTheyAre = (size: readonly [number, number]): Preprocessing => ({
  input: "x",
  layout: "NCHW",
  size,
  ...conventionFor("unit", 3),
});

/** A network from pictures "x" [N, 3, ...size] to "y". */
export const network = (
  size: readonly [number, number],
  nodes: GraphSpec["nodes"],
  constants: GraphSpec["constants"] = {},
): Graph => smallGraph({ inputs: { x: ["N", 3, ...size] }, nodes, outputs: ["y"], constants });

/** One channel of "y". */
export const channelOfY = (channel = 0): Objective => ({ kind: "channel", layer: "y", channel });

export function probeOf(graph: Graph, objective: Objective, preprocessing: Preprocessing): RuntimeProbe {
  const programs = new Map<string, Promise<Compiled>>();
  return new RuntimeProbe(runtime, {
    graph,
    preprocessing,
    objective,
    cache: (key, make) => programs.get(key) ?? programs.set(key, make()).get(key)!,
  });
}

/** A method's answer for a picture [1, 3, H, W]. */
export const answer = (probe: RuntimeProbe, method: AttributionMethod, picture: Tensor): Promise<MethodResult> =>
  methodOf(method)({ probe, picture, pictures: {} }, method);

/** Three numbers as a picture of one pixel. */
export const three = (...values: [number, number, number]): Tensor => f32(values, [1, 3, 1, 1]);

export const sumOf = (map: Tensor): number => (map.data as Float32Array).reduce((a, b) => a + b, 0);
export const listOf = (map: Tensor): number[] => Array.from(map.data as Float32Array);
