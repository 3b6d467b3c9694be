/** What an objective is called: computed from the data, never stored. */
import type { Objective } from "./types";

/** More channels than this are counted, not listed. */
const LISTED = 4;

/**
 * In words: "mixed4c, channel 42", "class tabby", "DeepDream of mixed4c", "mixed4c, channel 42 - 0.5 x total variation".
 * `titleOf` says what people call a layer.
 */
export function labelOf(objective: Objective, titleOf: (layer: string) => string = (layer) => layer): string {
  const of = (part: Objective): string => labelOf(part, titleOf);
  const inLayer = (layer: string, text: string): string => [titleOf(layer), text].filter(Boolean).join(", ");
  const o = objective;
  switch (o.kind) {
    case "channel":
      return inLayer(o.layer, `channel ${o.channel}`);
    case "neuron":
      return inLayer(o.layer, `channel ${o.channel} at ${placeOf(o)}`);
    case "direction":
      return inLayer(o.layer, directionOf(o.vector) + (o.x === undefined && o.y === undefined ? "" : ` at ${placeOf(o)}`));
    case "group":
      return inLayer(o.layer, `${directionOf(o.vector)} over ${o.width} x ${o.height} positions at ${placeOf(o)}`);
    case "painting":
      return inLayer(o.layer, `channel ${o.channel} where painted`);
    case "tensor":
      return inLayer(o.layer, `a direction of ${o.shape.join(" x ")} numbers`);
    case "deepdream":
      return `DeepDream of ${titleOf(o.layer)}`;
    case "class":
      return `class ${o.class}`;
    case "inversion":
      return `${o.picture} as ${titleOf(o.layer)} sees it`;
    case "caricature":
      return `caricature of ${o.picture} by ${titleOf(o.layer)}`;
    case "diversity":
      return `likeness within the batch in ${titleOf(o.layer)}`;
    case "alignment":
      return `alignment of neighbours in ${titleOf(o.layer)}`;
    case "totalVariation":
      return "total variation";
    case "l1":
      return "L1";
    case "l2":
      return "L2";
    case "blurEachStep":
      return "blur at each step";
    case "boundary":
      return "complexity of the border";
    case "opacity":
      return "opacity";
    case "constant":
      return String(o.value);
    case "sum":
      return o.of.map((part, i) => (i === 0 ? of(part) : added(part, of))).join(" ");
    case "product":
      return o.of.map((part) => (part.kind === "sum" ? `(${of(part)})` : of(part))).join(" × ");
    case "scale":
      return o.by === -1 ? `negative of ${of(o.of)}` : `${o.by} × ${of(o.of)}`;
    case "each":
      return o.of.length > LISTED ? `${o.of.length} objectives` : o.of.map(of).join(" | ");
    case "interpolate":
      return `from ${of(o.from)} to ${of(o.to)}`;
  }
}

const added = (part: Objective, of: (part: Objective) => string): string => {
  if (part.kind !== "scale" || part.by >= 0) return `+ ${of(part)}`;
  return part.by === -1 ? `− ${of(part.of)}` : `− ${-part.by} × ${of(part.of)}`;
};

const placeOf = ({ x, y }: { x?: number; y?: number }): string =>
  x === undefined && y === undefined ? "the centre" : `(${x ?? "centre"}, ${y ?? "centre"})`;

function directionOf(vector: readonly number[]): string {
  const parts = vector.flatMap((weight, channel) => (weight ? [`${weight} x ${channel}`] : []));
  return parts.length > LISTED ? `a direction over ${parts.length} channels` : `channels ${parts.join(" + ")}`;
}
