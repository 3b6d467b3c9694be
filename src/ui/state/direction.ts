/** A direction in a layer's space of channels, as people type it: "42:1, 7:-0.5". */

/** What is wrong with a typed direction, in words for the person who typed it. */
export class DirectionError extends Error {
  override readonly name = "DirectionError";
}

/** "42:1, 7:-0.5" of a vector [channels]; at most `most` channels, the strongest first where there are more. */
export function writeDirection(vector: readonly number[], most = Infinity): string {
  const weights = vector.map((weight, channel) => ({ weight, channel })).filter(({ weight }) => weight !== 0);
  const shown =
    weights.length > most ? weights.toSorted((a, b) => Math.abs(b.weight) - Math.abs(a.weight)).slice(0, most) : weights;
  const text = shown.map(({ weight, channel }) => `${channel}:${weight}`).join(", ");
  return shown.length < weights.length ? `${text} and ${weights.length - shown.length} more` : text;
}

/** The vector [channels] that `text` spells; a channel without a weight counts 1, one named twice adds up. Throws DirectionError. */
export function parseDirection(text: string, channels: number): number[] {
  const terms = text.split(/[,;\s]+/).filter(Boolean);
  if (terms.length === 0) throw new DirectionError('Name some channels and their weights, like "42:1, 7:-0.5".');
  const vector = new Array<number>(channels).fill(0);
  for (const term of terms) {
    const match = /^(\d+)(?::([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?))?$/i.exec(term);
    if (!match) throw new DirectionError(`"${term}" is not channel:weight, like "42:1" or "7:-0.5".`);
    const channel = Number(match[1]);
    if (channel >= channels)
      throw new DirectionError(`Channel ${channel} is not in this layer, which has ${channels}, numbered 0 to ${channels - 1}.`);
    vector[channel] = (vector[channel] ?? 0) + Number(match[2] ?? 1);
  }
  if (vector.every((weight) => weight === 0))
    throw new DirectionError("The weights cancel out: a direction needs one that is not zero.");
  return vector;
}
