/** Which small pictures a look inside wants: of cells, of groups, of single units. */
import type { Cells } from "../../../attribution/inside/cells";
import type { Group } from "../../../api/attribution";
import type { Wish } from "./tiles.svelte";

/** How much the pictures are drawn to a vector's direction rather than to its length, as Lucid's grids do. */
const COSINE_POWER = 1;
/** Numbers of a vector, of length 1: enough digits for a direction. */
const vectorOf = (vector: Float32Array): number[] => {
  const length = Math.hypot(...vector) || 1;
  return Array.from(vector, (v) => Number((v / length).toPrecision(4)));
};

const direction = (key: string, layer: string, vector: Float32Array): Wish => ({
  key,
  kind: "direction",
  objective: { kind: "direction", layer, vector: vectorOf(vector), cosinePower: COSINE_POWER },
});

/** `place` names the activations: the weights, the layer and the photo. */
export const cellKey = (place: string, { rows, columns }: Pick<Cells, "rows" | "columns">, cell: number): string =>
  `${place} cell ${rows}x${columns} ${cell}`;
export const groupKey = (place: string, count: number, group: number): string => `${place} group ${count} ${group}`;
export const unitKey = (weights: string, layer: string, channel: number): string => `${weights} ${layer} unit ${channel}`;

/** The strongest cells first; none of silent ones. */
export function cellWishes(place: string, layer: string, cells: Cells): Wish[] {
  const order = cells.sizes.map((size, cell) => ({ size, cell })).filter(({ size }) => size > 0);
  order.sort((a, b) => b.size - a.size);
  return order.map(({ cell }) => direction(cellKey(place, cells, cell), layer, cells.vectors[cell]!));
}

export const groupWishes = (place: string, layer: string, groups: readonly Group[]): Wish[] =>
  groups.map(({ channels }, i) => direction(groupKey(place, groups.length, i), layer, channels));

export const unitWishes = (weights: string, layer: string, channels: readonly number[]): Wish[] =>
  channels.map((channel) => ({
    key: unitKey(weights, layer, channel),
    kind: "unit",
    objective: { kind: "channel", layer, channel },
  }));
