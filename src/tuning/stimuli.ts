/**
 * Stimuli as pure functions of a few numbers: the picture is drawn afresh from them, the same everywhere.
 *
 * Coordinates are pixels from the centre, x to the right and y up. Angles are in degrees counter-clockwise from the right, as in mathematics.
 * What is drawn has antialiased edges: a pixel's share that a shape covers, to first order, and gratings averaged over the pixel exactly.
 * Backgrounds are half grey. Brightness is in sRGB's own scale, as networks are fed it; colours are OKLCH (Ottosson 2020).
 */
import type { Tensor } from "../onnx/graph";
import { f32 } from "../onnx/tensor";
import { oklch, type Rgb } from "./oklch";

/** Every number that a stimulus has: its unit, its value when none is given, and after how much it repeats. */
export interface Parameter {
  unit: "degrees" | "cycles per picture" | "pixels" | "OKLCH lightness" | "OKLCH chroma" | "share";
  usual: number;
  least: number;
  most: number;
  /** Of angles: 180 where a half turn changes nothing, else 360. */
  period?: 180 | 360;
  /** For people. */
  says: string;
}

/** Brightness or colour at a point, in 0..1. */
type Painter = (x: number, y: number) => number | Rgb;

interface Kind {
  parameters: Readonly<Record<string, Parameter>>;
  /** `side` is the picture's shorter one. */
  paint: (p: Readonly<Record<string, number>>, side: number) => Painter;
}

const angle = (period: 180 | 360, says: string): Parameter => ({
  unit: "degrees",
  usual: 0,
  least: -360,
  most: 720,
  period,
  says,
});
const pixels = (usual: number, says: string): Parameter => ({ unit: "pixels", usual, least: 0, most: 4096, says });
const contrast: Parameter = { unit: "share", usual: 1, least: 0, most: 1, says: "1 is black to white" };
const polarity: Parameter = { unit: "share", usual: 1, least: -1, most: 1, says: "1 bright on grey, -1 dark on grey" };

/** How much of a pixel lies inside a shape whose edge is `d` pixels away; d < 0 inside. */
const coverage = (d: number): number => Math.min(1, Math.max(0, 0.5 - d));
const turned = (degrees: number): [cos: number, sin: number] => [
  Math.cos((Math.PI * degrees) / 180),
  Math.sin((Math.PI * degrees) / 180),
];
const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
const onGrey =
  (polarity: number, d: (x: number, y: number) => number): Painter =>
  (x, y) =>
    0.5 + 0.5 * polarity * coverage(d(x, y));

export const KINDS = {
  grating: {
    parameters: {
      orientation: angle(180, "the stripes run this way: 0 level, 90 upright"),
      frequency: { unit: "cycles per picture", usual: 12, least: 0, most: 2048, says: "across the shorter side" },
      phase: angle(360, "0 has a bright stripe in the centre"),
      contrast,
    },
    paint: ({ orientation, frequency, phase, contrast }, side) => {
      const [cos, sin] = turned(orientation!);
      const perPixel = frequency! / side;
      const seen = sinc(perPixel * sin) * sinc(perPixel * cos); // a wave averaged over the pixel
      const shift = (Math.PI * phase!) / 180;
      return (x, y) => 0.5 + 0.5 * contrast! * seen * Math.cos(2 * Math.PI * perPixel * (y * cos - x * sin) + shift);
    },
  },
  edge: {
    parameters: {
      orientation: angle(360, "the edge runs this way, bright on its left: 0 bright above, 90 bright on the left"),
      contrast,
    },
    paint: ({ orientation, contrast }) => {
      const [cos, sin] = turned(orientation!);
      return (x, y) => 0.5 + contrast! * (coverage(x * sin - y * cos) - 0.5);
    },
  },
  bar: {
    parameters: {
      orientation: angle(180, "the bar runs this way"),
      width: pixels(8, "across"),
      length: pixels(0, "0 goes through the whole picture"),
      polarity,
    },
    paint: ({ orientation, width, length, polarity }) => {
      const [cos, sin] = turned(orientation!);
      return (x, y) => {
        const across = coverage(Math.abs(y * cos - x * sin) - width! / 2) - coverage(Math.abs(y * cos - x * sin) + width! / 2);
        const along = length! > 0 ? coverage(Math.abs(x * cos + y * sin) - length! / 2) : 1;
        return 0.5 + 0.5 * polarity! * across * along;
      };
    },
  },
  blob: {
    parameters: { diameter: pixels(16, "of a disc"), polarity },
    paint: ({ diameter, polarity }) => onGrey(polarity!, (x, y) => Math.hypot(x, y) - diameter! / 2),
  },
  curve: {
    parameters: {
      orientation: angle(360, "it bulges this way: 0 is a closing bracket, 90 an arch"),
      radius: pixels(30, "of the circle that it is part of"),
      width: pixels(4, "of the line"),
      arc: { unit: "degrees", usual: 120, least: 1, most: 360, says: "how much of the circle" },
      polarity,
    },
    paint: ({ orientation, radius, width, arc, polarity }) => {
      const [cos, sin] = turned(orientation!);
      const [endCos, endSin] = turned(arc! / 2);
      return onGrey(polarity!, (x, y) => {
        const [u, v] = [x * cos + y * sin + radius!, Math.abs(y * cos - x * sin)]; // from the circle's centre, halves folded together
        const beyond = v * endCos - u * endSin > 0 && arc! < 360;
        const off = beyond ? Math.hypot(u - radius! * endCos, v - radius! * endSin) : Math.abs(Math.hypot(u, v) - radius!);
        return off - width! / 2;
      });
    },
  },
  lineEnd: {
    parameters: {
      orientation: angle(360, "the line comes from behind and ends in the centre, pointing this way"),
      width: pixels(6, "of the line"),
      polarity,
    },
    paint: ({ orientation, width, polarity }) => {
      const [cos, sin] = turned(orientation!);
      return (x, y) => 0.5 + 0.5 * polarity! * coverage(x * cos + y * sin) * coverage(Math.abs(y * cos - x * sin) - width! / 2);
    },
  },
  colour: {
    parameters: {
      hue: {
        unit: "degrees",
        usual: 30,
        least: -360,
        most: 720,
        period: 360,
        says: "OKLCH: 30 red, 110 yellow, 142 green, 264 blue",
      },
      lightness: { unit: "OKLCH lightness", usual: 0.65, least: 0, most: 1, says: "as eyes see it" },
      chroma: { unit: "OKLCH chroma", usual: 0.12, least: 0, most: 0.4, says: "less where sRGB has no such colour" },
      diameter: pixels(0, "of a disc on grey; 0 fills the picture"),
    },
    paint: ({ hue, lightness, chroma, diameter }) => {
      const colour = oklch(lightness!, chroma!, hue!);
      if (diameter === 0) return () => colour;
      return (x, y) => {
        const inside = coverage(Math.hypot(x, y) - diameter! / 2);
        return colour.map((v) => 0.5 + inside * (v - 0.5)) as unknown as Rgb;
      };
    },
  },
} as const satisfies Record<string, Kind>;

export type StimulusKind = keyof typeof KINDS;

/** A stimulus in JSON: what is left out is as usual. */
export interface Stimulus {
  kind: StimulusKind;
  /** By the names in KINDS[kind].parameters. */
  parameters: Readonly<Record<string, number>>;
  /** Pixels by which all of it is moved, to the right and up. */
  shift?: readonly [x: number, y: number];
}

export const parametersOf = (kind: StimulusKind): Readonly<Record<string, Parameter>> => KINDS[kind].parameters;

/** The stimulus [1, 3, H, W], RGB in 0..1. Its numbers are taken as they are: checkSweep judges them. */
export function drawStimulus({ kind, parameters, shift = [0, 0] }: Stimulus, [height, width]: readonly [number, number]): Tensor {
  const usual = Object.fromEntries(Object.entries(parametersOf(kind)).map(([name, parameter]) => [name, parameter.usual]));
  const paint = (KINDS[kind] as Kind).paint({ ...usual, ...parameters }, Math.min(height, width));
  const plane = height * width;
  const data = new Float32Array(3 * plane);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const value = paint(column + 0.5 - width / 2 - shift[0], height / 2 - row - 0.5 - shift[1]);
      for (let c = 0; c < 3; c++) data[c * plane + row * width + column] = typeof value === "number" ? value : value[c]!;
    }
  return f32(data, [1, 3, height, width]);
}
