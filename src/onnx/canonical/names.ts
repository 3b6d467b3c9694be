/** Finding a value by the name that a card, a link or a person gives it, whatever the exporter made of it. */
import type { Graph } from "../graph";

/** "inception_4c/output:0" -> "inception_4c_output" */
const plain = (name: string): string => name.replace(/:\d+$/, "").replace(/[/.]/g, "_").toLowerCase();
const bare = (name: string): string => plain(name).replace(/_\d+$/, "");

/** Number of edits between two names, for "did you mean". */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length]!;
}

/** Every value that the graph is fed or makes. */
const valuesOf = (graph: Graph): string[] => [
  ...graph.inputs.map((input) => input.name),
  ...graph.nodes.flatMap((node) => node.outputs.filter((o) => o !== "")),
];

/**
 * The graph's own name for the value that `name`, or else one of `aliases`, means. An exact match wins, then the name of the node
 * that makes it; then "/" and "." count as "_" and a trailing ":0" is ignored; then also a trailing "_1" on either side, if only
 * one value fits.
 */
export function valueNamed(graph: Graph, name: string, aliases: readonly string[] = []): string | undefined {
  const known = valuesOf(graph);
  const wanted = [name, ...aliases];
  const exact = new Set(known);
  for (const w of wanted) if (exact.has(w)) return w;
  for (const w of wanted) {
    const made = graph.nodes.find((node) => node.name === w)?.outputs[0];
    if (made) return made;
  }
  for (const key of [plain, bare]) {
    const byKey = new Map<string, string[]>();
    for (const k of known) {
      const alike = byKey.get(key(k));
      if (alike) alike.push(k);
      else byKey.set(key(k), [k]);
    }
    for (const w of wanted) {
      const hits = byKey.get(key(w)) ?? [];
      if (hits.length === 1) return hits[0]!;
    }
  }
  for (const w of wanted) {
    const hits = known.filter((k) => plain(k) === plain(w) || plain(k) === bare(w) || bare(k) === plain(w));
    if (hits.length === 1) return hits[0]!;
  }
  return undefined;
}

/** The same; throws Error with the nearest names when there is none. */
export function resolveValue(graph: Graph, name: string, aliases: readonly string[] = []): string {
  const found = valueNamed(graph, name, aliases);
  if (found !== undefined) return found;
  const near = valuesOf(graph)
    .map((k) => ({ k, d: distance(plain(k), plain(name)) }))
    .sort((a, b) => a.d - b.d)
    .slice(0, 3)
    .map(({ k }) => `"${k}"`);
  throw new Error(
    `Model "${graph.name}" has no value "${name}". The nearest names are ${near.join(", ") || "none: it has no nodes"}.`,
  );
}
