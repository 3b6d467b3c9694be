/** ONNX Runtime's fused operators taken apart: against ONNX Runtime on the originals. Attention is also in ONNX's own cases. */
import { expect, test } from "vitest";
import { runGraph, runModelBytes } from "../../../test/runGraph";
import { randomTensor, relativeDifference, smallGraph } from "../../../test/smallGraph";
import { canonicalise } from "../canonicalise";
import type { Attrs, Tensor } from "../graph";
import { f32 } from "../tensor";
import { writeModel } from "../write";

const t = (seed: number, ...shape: number[]): Tensor => randomTensor(shape, seed);
const x3 = [2, 5, 8];

test.each<[op: string, x: number[], attrs: Attrs, rest: (Tensor | null)[], outputs?: number]>([
  ["FusedConv", [1, 3, 6, 6], { activation: "Relu", pads: [1, 1, 1, 1] }, [t(1, 4, 3, 3, 3), t(2, 4)]],
  ["FusedConv", [1, 3, 6, 6], { activation: "LeakyRelu", activation_params: [0.3] }, [t(1, 4, 3, 3, 3)]],
  ["FusedConv", [1, 3, 6, 6], { activation: "Clip", activation_params: [-0.5, 2] }, [t(1, 4, 3, 3, 3), t(2, 4)]],
  ["FusedConv", [1, 3, 6, 6], { activation: "HardSigmoid", activation_params: [0.1, 0.4] }, [t(1, 4, 3, 3, 3), t(2, 4)]],
  ["FusedConv", [1, 3, 6, 6], { activation: "Relu" }, [t(1, 4, 3, 3, 3), t(2, 4), t(3, 1, 4, 4, 4)]],
  ["FusedConv", [1, 3, 6, 6], {}, [t(1, 4, 3, 3, 3)]],
  ["FusedGemm", [4, 6], { activation: "Relu", transB: 1 }, [t(1, 5, 6), t(2, 5)]],
  ["FusedGemm", [4, 6], { activation: "LeakyRelu", activation_alpha: 0.2 }, [t(1, 6, 5)]],
  ["FusedMatMul", x3, { alpha: 0.5, transB: 1 }, [t(1, 7, 8)]],
  ["FusedMatMul", x3, { transA: 1 }, [t(1, 2, 5, 3)]],
  ["Gelu", x3, {}, []],
  ["BiasGelu", x3, {}, [t(1, 8)]],
  ["FastGelu", x3, {}, [t(1, 8)]],
  ["FastGelu", x3, {}, []],
  ["QuickGelu", x3, { alpha: 1.5 }, []],
  ["SkipLayerNormalization", x3, { epsilon: 1e-5 }, [t(1, ...x3), t(2, 8), t(3, 8), t(4, 8)], 4],
  ["SkipLayerNormalization", x3, { epsilon: 1e-5 }, [t(1, ...x3), t(2, 8)]],
  ["SkipSimplifiedLayerNormalization", x3, { epsilon: 1e-5 }, [t(1, ...x3), t(2, 8)]],
  ["Attention", x3, { num_heads: 2 }, [t(1, 8, 24), t(2, 24)]],
  ["Attention", x3, { num_heads: 2, unidirectional: 1 }, [t(1, 8, 24), t(2, 24)]],
  ["MultiHeadAttention", x3, { num_heads: 2 }, [t(1, 2, 6, 8), t(2, 2, 6, 8), t(3, 24)]],
  ["MultiHeadAttention", x3, { num_heads: 4, scale: 0.3 }, [t(1, 2, 6, 8), t(2, 2, 6, 8)]],
])("%s %j %j", async (op, shape, attrs, rest, outputs = 1) => {
  const names = Array.from({ length: outputs }, (_, i) => (outputs === 4 && (i === 1 || i === 2) ? "" : `y${i}`));
  const graph = smallGraph({
    inputs: { x: shape },
    constants: Object.fromEntries(rest.flatMap((c, i) => (c ? [[`c${i}`, c]] : []))),
    nodes: [{ op, domain: "com.microsoft", inputs: ["x", ...rest.map((c, i) => (c ? `c${i}` : ""))], outputs: names, attrs }],
    outputs: names.filter(Boolean),
  });
  const feeds = { x: randomTensor(shape, 9) };
  const wanted = await runModelBytes(writeModel(graph), feeds);
  const found = await runGraph(canonicalise(graph), feeds);
  for (const name of graph.outputs) expect(relativeDifference(found[name]!, wanted[name]!), name).toBeLessThan(2e-5);
});

test("a mask is refused by name", () => {
  const graph = smallGraph({
    inputs: { x: x3 },
    constants: { w: t(1, 8, 24), b: t(2, 24), mask: f32(1, [2, 5]) },
    nodes: [
      { op: "Attention", domain: "com.microsoft", inputs: ["x", "w", "b", "mask"], outputs: ["y"], attrs: { num_heads: 2 } },
    ],
    outputs: ["y"],
  });
  expect(() => canonicalise(graph)).toThrow(
    'Attention "y": its input 3 (mask, past or bias) is not supported. Choose an earlier layer.',
  );
});
