/**
 * Colours for maps: from dark to light, or the other way round, in steps that look even, for maps without sign; from a pale middle both ways,
 * even to both sides, for maps with one. Viridis, magma, inferno and cividis are those of matplotlib, through d3-scale-chromatic; the others are walked
 * in OKLab (Ottosson 2020).
 */
import { interpolateCividis, interpolateInferno, interpolateMagma, interpolateViridis } from "d3-scale-chromatic";
import { diverging, sequential, type Rgb } from "./heatmap";

/** Colours from the lowest value to the highest; of an odd number where zero is in the middle. */
export type Ramp = readonly Rgb[];

export interface Colours {
  id: string;
  title: string;
  signed: boolean;
  ramp: Ramp;
}

const STEPS = 256;
const ramp = (from: number, steps: number, colour: (t: number) => Rgb): Ramp =>
  Array.from({ length: steps }, (_, i) => colour(from + ((1 - from) * i) / (steps - 1)));
const ofD3 = (interpolate: (t: number) => string): Ramp => ramp(0, STEPS, (t) => rgbOf(interpolate(t)));

export const COLOURS: readonly Colours[] = [
  { id: "ember", title: "Ember", signed: false, ramp: ramp(0, STEPS, sequential) },
  { id: "viridis", title: "Viridis", signed: false, ramp: ofD3(interpolateViridis) },
  { id: "magma", title: "Magma", signed: false, ramp: ofD3(interpolateMagma) },
  { id: "inferno", title: "Inferno", signed: false, ramp: ofD3(interpolateInferno) },
  { id: "cividis", title: "Cividis", signed: false, ramp: ofD3(interpolateCividis) },
  { id: "redBlue", title: "Red and blue", signed: true, ramp: ramp(-1, 2 * STEPS + 1, (t) => diverging(t)) },
  { id: "orangeTeal", title: "Orange and teal", signed: true, ramp: ramp(-1, 2 * STEPS + 1, (t) => diverging(t, [195, 55])) },
];

/** The named colours where they fit a map of this sign, else the first that do. */
export const coloursOf = (id: string, signed: boolean): Colours =>
  COLOURS.find((colours) => colours.id === id && colours.signed === signed) ??
  COLOURS.find((colours) => colours.signed === signed)!;

/** "#440154" or "rgb(0, 32, 81)". */
function rgbOf(text: string): Rgb {
  const hex = /^#(..)(..)(..)$/.exec(text);
  const parts = hex ? hex.slice(1).map((h) => parseInt(h, 16)) : (text.match(/\d+/g) ?? []).map(Number);
  return [parts[0]!, parts[1]!, parts[2]!];
}
