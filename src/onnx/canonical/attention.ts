/**
 * Attention as what it is made of:
 *
 *   Y = softmax(scale Q K^T + mask) V      for each head; Q [B, heads, S, D]  K [B, heads, T, D]  V [B, heads, T, E]
 *
 * Also from [B, S, heads * D], and with fewer heads of keys and values than of queries, each of which then serves several.
 * Caches of earlier tokens, which only text models have, are not supported.
 */
import type { Value } from "../graph";
import { computed } from "../tensor";
import type { CanonicalRule, CanonicalTable, Site } from "./site";

/** What masked places get before the softmax: far below any score, and finite, so that a fully masked row stays finite too. */
const MASKED = -1e30;

export interface Attention {
  Q: Value;
  K: Value;
  V: Value;
  heads: number;
  /** Heads of K and V; default: as many. */
  groups?: number;
  /** Default: 1 / sqrt(D). */
  scale?: number | undefined;
  causal?: boolean;
  /** Added to the scores, or true where a query may look at a key. */
  mask?: Value | undefined;
  softcap?: number;
}

/** [B, S, heads * D] -> [B, heads, S, D]; [B, heads, S, D] as it is. */
function byHead(s: Site, x: Value, heads: number, step: string): Value {
  if (x.shape.length === 4) return x;
  const [batch, tokens, features] = x.shape as [number, number, number];
  if (x.shape.length !== 3 || features % heads)
    s.fail(`${step} [${x.shape.join(", ")}] does not divide into ${heads} heads. The file contradicts itself; export it again.`);
  const split = s.step(`${step}_heads`, "Reshape", [x, s.b.ints([batch, tokens, heads, features / heads])]);
  return s.step(`${step}_byhead`, "Transpose", [split], { perm: [0, 2, 1, 3] });
}

/** Each head as often as queries use it. */
function repeated(s: Site, x: Value, times: number, step: string): Value {
  if (times === 1) return x;
  const [batch, heads, tokens, features] = x.shape as [number, number, number, number];
  const apart = s.step(`${step}_apart`, "Reshape", [x, s.b.ints([batch, heads, 1, tokens, features])]);
  const wide = s.step(`${step}_wide`, "Expand", [apart, s.b.ints([batch, heads, times, tokens, features])]);
  return s.step(`${step}_repeated`, "Reshape", [wide, s.b.ints([batch, heads * times, tokens, features])]);
}

/** Emits attention as the node's first output, in Q's layout. */
export function attend(s: Site, { Q, K, V, heads, groups = heads, scale, causal, mask, softcap = 0 }: Attention): Value {
  const flat = Q.shape.length === 3;
  const q = byHead(s, Q, heads, "Q");
  const [k, v] = [[K, "K"] as const, [V, "V"] as const].map(([x, step]) => {
    const own = byHead(s, x, groups, step);
    const times = q.shape[1]! / own.shape[1]!;
    if (!Number.isInteger(times))
      s.fail(`${q.shape[1]} heads of queries, but ${own.shape[1]} of ${step}. The file contradicts itself; export it again.`);
    return repeated(s, own, times, step);
  }) as [Value, Value];
  const turned = s.step("K_turned", "Transpose", [k], { perm: [0, 1, 3, 2] });
  const factor = s.b.scalar(scale ?? 1 / Math.sqrt(q.shape[3]!));
  let scores = s.step("scores", "MatMul", [s.step("Q_scaled", "Mul", [q, factor]), turned]);
  if (softcap > 0) {
    const small = s.step("small", "Div", [scores, s.b.scalar(softcap)]);
    scores = s.step("capped", "Mul", [s.step("cap", "Tanh", [small]), s.b.scalar(softcap)]);
  }
  const [rows, columns] = [q.shape[2]!, k.shape[2]!];
  if (causal) {
    const later = (_: unknown, i: number) => (i % columns > Math.floor(i / columns) ? MASKED : 0);
    const added = computed("float32", [rows, columns], () => Float32Array.from({ length: rows * columns }, later));
    scores = s.step("causal", "Add", [scores, s.hold("later", added)]);
  }
  if (mask?.dtype === "bool") {
    const added = s.step("mask", "Where", [mask, s.b.scalar(0), s.b.scalar(MASKED)]);
    scores = s.step("masked", "Add", [scores, added]);
  } else if (mask) scores = s.step("masked", "Add", [scores, mask]);
  const weights = s.step("weights", "Softmax", [scores], { axis: 3 });
  if (!flat) return s.last("MatMul", [weights, v]);
  const mixed = s.step("mixed", "MatMul", [weights, v]);
  const together = s.step("tokens", "Transpose", [mixed], { perm: [0, 2, 1, 3] });
  const [batch, tokens, all, features] = together.shape as [number, number, number, number];
  return s.last("Reshape", [together, s.b.ints([batch, tokens, all * features])]);
}

/** ONNX's own, from opset 23. */
const rule: CanonicalRule = (s) => {
  if (s.inputs.slice(4).some(Boolean))
    s.fail("reads a cache of earlier tokens, which is not supported. Choose an earlier layer.");
  const window = Object.entries(s.node.attrs).find(
    ([name, value]) => name.includes("window") && typeof value === "number" && value >= 0,
  );
  if (window) s.fail(`its ${window[0]} ${String(window[1])} is not supported. Choose an earlier layer.`);
  const [Q, K, V] = [s.rankAtLeast(0, 3), s.rankAtLeast(1, 3), s.rankAtLeast(2, 3)];
  const heads = Q.shape.length === 3 ? s.int("q_num_heads", 1) : Q.shape[1]!;
  const groups = K.shape.length === 3 ? s.int("kv_num_heads", heads) : K.shape[1]!;
  if (heads < 1 || groups < 1)
    s.fail(`${heads} heads of queries and ${groups} of keys. The file contradicts itself; export it again.`);
  const scale = typeof s.node.attrs.scale === "number" ? s.node.attrs.scale : undefined;
  return [
    attend(s, {
      Q,
      K,
      V,
      heads,
      groups,
      scale,
      causal: s.int("is_causal", 0) === 1,
      mask: s.inputs[3],
      softcap: s.float("softcap", 0),
    }),
  ];
};

export const attention: CanonicalTable = { Attention: rule };
