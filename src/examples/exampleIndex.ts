/**
 * The index of dataset examples: what the reader's own pictures tell of every unit of some layers, picture after picture, in memory that
 * does not grow with their number. It can be put away and taken up again after any picture, and indexes of parts can be joined.
 *
 *   const index = new ExampleIndex({ weights, layers, by: "max" });
 *   for each batch: index.add(numbers, await engine.examine(...));      // numbers: which pictures these are, by the caller's list
 *   index.unit("mixed4c", 397)  ->  highest, lowest, spread, quantiles, histogram
 */
import { quantilesOf, QUANTILES, type Quantiles, type Response } from "../api/stats";
import type { Examined } from "../api/units";
import { fill, pack, unpack, type PackedArray } from "./bytes";
import { Extremes, type Example } from "./extremes";
import { Histograms, type Histogram } from "./histogram";
import { Sample } from "./sample";

export interface IndexOptions {
  /** SHA-256 of the model's stored file. */
  weights: string;
  /** What the pictures are, such as a folder's name and number of files: indexes of different collections are not joined by mistake. */
  collection: string;
  /** By which answer pictures are ranked and counted; positions are always the maximum's. */
  by: Response;
  /** Pictures kept at either end of every unit. */
  k?: number;
  /** Pictures sampled for quantiles. */
  sample?: number;
  seed?: number;
}

/** What the pictures tell of one unit. */
export interface UnitExamples {
  /** The largest answers, best first. */
  highest: Example[];
  /** The smallest. For "max" these are the pictures in which the unit fires least wherever it looks. */
  lowest: Example[];
  /** A picture at each of QUANTILES between the ends, of the sample. */
  spread: { share: number; example: Example }[];
  /** Of the sample, in the order of QUANTILES; its ends are those of all pictures. Null before the first picture. */
  quantiles: Quantiles | null;
  /** Of all pictures. */
  histogram: Histogram | null;
}

/** An index that cannot be read, or joined with another; the message says why and what to do. */
export class ExampleIndexError extends Error {
  override readonly name = "ExampleIndexError";
}

interface Layer {
  channels: number;
  grid: readonly [number, number];
  highest: Extremes;
  lowest: Extremes;
  sample: Sample;
  histograms: Histograms;
}

type Settings = Required<IndexOptions>;

interface Header {
  version: 1;
  settings: Settings;
  pictures: number;
  layers: { name: string; channels: number; grid: readonly [number, number] }[];
}

const VERSION = 1;

export class ExampleIndex {
  readonly settings: Settings;
  readonly #layers = new Map<string, Layer>();
  #pictures = 0;

  constructor(options: IndexOptions) {
    this.settings = { k: 24, sample: 128, seed: 0, ...options };
  }

  /** Pictures so far. */
  get pictures(): number {
    return this.#pictures;
  }

  get layers(): string[] {
    return [...this.#layers.keys()];
  }

  /**
   * Adds pictures as the engine examined them; `numbers` are theirs in the caller's list, each added once. The layers are those of the
   * first call. Throws ExampleIndexError for other layers or another number of pictures.
   */
  add(numbers: readonly number[], { layers }: Pick<Examined, "layers">): void {
    if (this.#layers.size === 0)
      for (const { layer, channels, grid } of layers) this.#layers.set(layer, this.#empty(channels, grid));
    if (layers.length !== this.#layers.size || layers.some(({ layer }) => !this.#layers.has(layer)))
      throw new ExampleIndexError(
        `this index is of ${this.layers.join(", ")}, but pictures were examined in ${layers.map(({ layer }) => layer).join(", ")}. Begin another index.`,
      );
    for (const examined of layers) {
      const { channels, argmax } = examined;
      const own = this.#layers.get(examined.layer)!;
      const answers = examined[this.settings.by];
      if (channels !== own.channels || answers.length !== numbers.length * channels)
        throw new ExampleIndexError(
          `layer "${examined.layer}": ${answers.length} answers for ${numbers.length} pictures and ${own.channels} units. Examine the same layer of the same model.`,
        );
      numbers.forEach((picture, n) => {
        const row = answers.subarray(n * channels, (n + 1) * channels);
        const places = argmax.subarray(n * channels, (n + 1) * channels);
        own.sample.offer(picture, row, places);
        for (let c = 0; c < channels; c++) {
          const example = { picture, value: row[c]!, position: places[c]! };
          own.highest.offer(c, example);
          own.lowest.offer(c, example);
          own.histograms.add(c, row[c]!);
        }
      });
    }
    this.#pictures += numbers.length;
  }

  /** Joins another index of the same model, layers, collection and settings, over other pictures of it. Throws ExampleIndexError. */
  merge(other: ExampleIndex): void {
    const differs = (Object.keys(this.settings) as (keyof Settings)[]).find((key) => this.settings[key] !== other.settings[key]);
    if (differs)
      throw new ExampleIndexError(
        `indexes differ in ${differs}: ${this.settings[differs]} and ${other.settings[differs]}. Join those of one model and one collection.`,
      );
    if (this.#pictures > 0 && other.#pictures > 0 && this.layers.join() !== other.layers.join())
      throw new ExampleIndexError(
        `indexes are of ${this.layers.join(", ")} and of ${other.layers.join(", ")}. Join those of the same layers.`,
      );
    for (const [name, layer] of other.#layers) {
      if (!this.#layers.has(name)) this.#layers.set(name, this.#empty(layer.channels, layer.grid));
      const own = this.#layers.get(name)!;
      own.highest.merge(layer.highest);
      own.lowest.merge(layer.lowest);
      own.sample.merge(layer.sample);
      own.histograms.merge(layer.histograms);
    }
    this.#pictures += other.#pictures;
  }

  /** Rows and columns of a layer's grid, which positions count in. */
  grid(layer: string): readonly [height: number, width: number] {
    return this.#layer(layer).grid;
  }

  /** What was found of one unit. Throws ExampleIndexError for a layer or unit that the index has not. */
  unit(layer: string, channel: number): UnitExamples {
    const own = this.#layer(layer);
    if (!(channel >= 0 && channel < own.channels))
      throw new ExampleIndexError(`layer "${layer}" has units 0 to ${own.channels - 1}; ${channel} is not one of them.`);
    const [highest, lowest] = [own.highest.unit(channel), own.lowest.unit(channel)];
    const sampled = own.sample.unit(channel);
    const at = (share: number): Example => sampled[Math.round(share * (sampled.length - 1))]!;
    const between = QUANTILES.filter((share) => share > 0 && share < 1);
    return {
      highest,
      lowest,
      spread: sampled.length ? between.map((share) => ({ share, example: at(share) })) : [],
      quantiles: sampled.length
        ? ends(quantilesOf(sampled.map(({ value }) => value)), lowest[0]!.value, highest[0]!.value)
        : null,
      histogram: own.histograms.unit(channel),
    };
  }

  /** Everything, to be kept and restored. */
  serialise(): Uint8Array<ArrayBuffer> {
    const header: Header = {
      version: VERSION,
      settings: this.settings,
      pictures: this.#pictures,
      layers: [...this.#layers].map(([name, { channels, grid }]) => ({ name, channels, grid })),
    };
    return pack(header, [...this.#layers.values()].flatMap(arraysOf));
  }

  /** What `serialise` made. Throws ExampleIndexError when it is something else, or of another version. */
  static restore(bytes: Uint8Array): ExampleIndex {
    const { header, body } = unpack(bytes) ?? {};
    if (!isHeader(header)) throw new ExampleIndexError(`these ${bytes.length} bytes are no index of examples. Begin a new one.`);
    const index = new ExampleIndex(header.settings);
    for (const { name, channels, grid } of header.layers) index.#layers.set(name, index.#empty(channels, grid));
    index.#pictures = header.pictures;
    if (!body || !fill([...index.#layers.values()].flatMap(arraysOf), body))
      throw new ExampleIndexError(
        `this index of examples has ${body?.length} bytes of numbers, which is cut short or too many. Begin a new one.`,
      );
    return index;
  }

  #layer(name: string): Layer {
    const layer = this.#layers.get(name);
    if (layer) return layer;
    throw new ExampleIndexError(
      `layer "${name}" is not in this index of ${this.layers.join(", ") || "nothing"}. Examine pictures in it first.`,
    );
  }

  #empty(channels: number, grid: readonly [number, number]): Layer {
    const { k, sample, seed } = this.settings;
    return {
      channels,
      grid,
      highest: new Extremes(channels, k, "highest"),
      lowest: new Extremes(channels, k, "lowest"),
      sample: new Sample(channels, sample, seed),
      histograms: new Histograms(channels),
    };
  }
}

/** All arrays of a layer, in a fixed order. */
const arraysOf = ({ highest, lowest, sample, histograms }: Layer): PackedArray[] =>
  [highest, lowest]
    .flatMap(({ arrays: { values, pictures, positions } }): PackedArray[] => [values, pictures, positions])
    .concat(
      [sample.arrays.used, sample.arrays.pictures, sample.arrays.values, sample.arrays.positions],
      [histograms.arrays.exponents, histograms.arrays.firsts, histograms.arrays.counts],
    );

const ends = (quantiles: Quantiles, low: number, high: number): Quantiles =>
  [low, ...quantiles.slice(1, -1), high] as readonly number[] as Quantiles;

function isHeader(value: unknown): value is Header {
  const header = value as Partial<Header> | null;
  return (
    header?.version === VERSION &&
    typeof header.settings === "object" &&
    Number.isSafeInteger(header.pictures) &&
    Array.isArray(header.layers) &&
    header.layers.every(({ name, channels }) => typeof name === "string" && Number.isSafeInteger(channels) && channels > 0)
  );
}
