/** What a hidden layer says at one position of a picture: its vector there, and the units that it says most with (Olah et al. 2018). */

export interface UnitValue {
  channel: number;
  value: number;
}

/** A layer's activations at one position [C], of activations [C, positions]; `position` counts rows from the top left. */
export function vectorAt(activations: Float32Array, positions: number, position: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: activations.length / positions }, (_, c) => activations[c * positions + position]!);
}

/** The units that fire most there, strongest first: the position's entry in the semantic dictionary. Silent ones are left out. */
export function dictionaryAt(activations: Float32Array, positions: number, position: number, count: number): UnitValue[] {
  return strongest(vectorAt(activations, positions, position), count).filter(({ value }) => value > 0);
}

/** The `count` largest values with their channels. */
export const strongest = (values: Float32Array, count: number): UnitValue[] =>
  listed(values)
    .sort((a, b) => b.value - a.value)
    .slice(0, count);

/** The `count` values that are largest in size, whatever their sign. */
export const weightiest = (values: Float32Array, count: number): UnitValue[] =>
  listed(values)
    .sort((a, b) => Math.abs(b.value) - Math.abs(a.value))
    .slice(0, count);

const listed = (values: Float32Array): UnitValue[] => Array.from(values, (value, channel) => ({ channel, value }));

/** Length of the layer's vector at every position [positions]: how large the cells of an activation grid are drawn. */
export function magnitudes(activations: Float32Array, positions: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(positions);
  activations.forEach((v, i) => (out[i % positions]! += v * v));
  return out.map(Math.sqrt);
}
