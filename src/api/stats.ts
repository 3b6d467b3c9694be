/**
 * How units answer to real photos: public/models/stats/<id>.json, written by `npm run stats`, read lazily by the page.
 *
 * Of every channel of a significant layer there are two numbers per photo: the mean over positions (what the objective "channel" climbs)
 * and the largest over positions (the most that the objective "neuron" finds anywhere). The file has quantiles of each over the photos,
 * and what int8 weights change. The numbers are facts about the network; of the photos nothing is kept.
 *
 *   quantiles    [C x 7], channel by channel: whole numbers, times 10 to the power of the channel's `exponents` (three digits of the largest)
 *   lost         [C], thousandths: 1 - Pearson's correlation of the responses with float32 and with int8 weights, over photos
 *   difference   [C], thousandths: mean |int8 - float32| over the float32 responses' standard deviation
 * The last two are null for a channel that answers alike to all photos.
 */
import type { ModelCard } from "./model";
import type { FetchJson } from "./catalog";

/** Which share of the photos answers less. */
export const QUANTILES = [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1] as const;

/** "mean": of the objective "channel"; "max": of "neuron". */
export type Response = "mean" | "max";

/** A unit's quantiles, in the order of QUANTILES. */
export type Quantiles = readonly [number, number, number, number, number, number, number];

/** What int8 weights change in a unit's answers to photos. */
export interface Int8Change {
  /** Pearson's, -1..1. */
  correlation: number;
  /** Mean |difference| in standard deviations. */
  difference: number;
}

/** One unit over the photos. */
export interface UnitStats {
  quantiles: Quantiles;
  /** Null where the unit answers alike to all photos. */
  int8: Int8Change | null;
}

/** Of numbers in any order; between the two nearest of them, as NumPy does. */
export function quantilesOf(values: readonly number[]): Quantiles {
  const sorted = values.toSorted((a, b) => a - b);
  const own = QUANTILES.map((share) => {
    const at = share * (sorted.length - 1);
    const low = Math.floor(at);
    const high = Math.min(low + 1, sorted.length - 1);
    return sorted[low]! + (at - low) * (sorted[high]! - sorted[low]!);
  });
  return own as readonly number[] as Quantiles;
}

interface PackedResponse {
  exponents: readonly number[];
  quantiles: readonly number[];
  lost: readonly (number | null)[];
  difference: readonly (number | null)[];
}

export interface PackedLayer {
  /** The card's name for it. */
  name: string;
  channels: number;
  mean: PackedResponse;
  /** Absent where a layer has one position: it would be the mean. */
  max?: PackedResponse;
}

export interface ModelStats {
  version: 1;
  /** The card's id. */
  model: string;
  photos: {
    count: number;
    /** For people: "ImageNet photos". */
    of: string;
    /** What the network was shown: the largest centre part of each photo in this shape, resampled. */
    size: readonly [height: number, width: number];
  };
  /** SHA-256 of what was measured: the original (null where it is no single file), and the int8 file made of it. */
  files: { float32: string | null; int8: string };
  layers: readonly PackedLayer[];
}

/** stats/<id>.json is not as it should be; the message names the file and the field. */
export class StatsError extends Error {
  override readonly name = "StatsError";
}

/** Statistics as they are computed: of each channel, in order. */
export const packResponse = (units: readonly UnitStats[]): PackedResponse => {
  const exponents = units.map(({ quantiles }) => {
    const largest = Math.max(...quantiles.map(Math.abs));
    return largest > 0 ? Math.floor(Math.log10(largest)) - 2 : 0;
  });
  return {
    exponents,
    quantiles: units.flatMap(({ quantiles }, c) => quantiles.map((v) => Math.round(v / 10 ** exponents[c]!) + 0)),
    lost: units.map(({ int8 }) => int8 && Math.round(1000 * (1 - int8.correlation))),
    difference: units.map(({ int8 }) => int8 && Math.round(1000 * int8.difference)),
  };
};

/**
 * A unit of a layer that has any of `names`, or null where the file has no such layer or channel.
 * A layer with one position has the same numbers for both responses.
 */
export function unitStats(
  stats: ModelStats,
  { names, channel, response }: { names: readonly string[]; channel: number; response: Response },
): UnitStats | null {
  const layer = stats.layers.find(({ name }) => names.includes(name));
  if (!layer || channel < 0 || channel >= layer.channels) return null;
  const { exponents, quantiles, lost, difference } = layer[response] ?? layer.mean;
  const unit = 10 ** exponents[channel]!;
  const start = QUANTILES.length * channel;
  const own = quantiles.slice(start, start + QUANTILES.length).map((v) => v * unit);
  const [l, d] = [lost[channel], difference[channel]];
  return {
    quantiles: own as readonly number[] as Quantiles,
    int8: typeof l === "number" && typeof d === "number" ? { correlation: 1 - l / 1000, difference: d / 1000 } : null,
  };
}

/**
 * Whether `stats` speak of the stored file with these digests ("same"), of another file of the same network as the card says ("network"),
 * or of something else (null).
 */
export function belongs(
  stats: ModelStats,
  card: Pick<ModelCard, "id" | "files" | "originals">,
  stored: { sha256: string; from?: string },
): "same" | "network" | null {
  const measured = [stats.files.float32, stats.files.int8];
  if (measured.includes(stored.sha256) || (stored.from !== undefined && measured.includes(stored.from))) return "same";
  const listed = [...card.files, ...(card.originals ?? [])].map(({ sha256 }) => sha256);
  return stats.model === card.id && listed.some((sha256) => measured.includes(sha256)) ? "network" : null;
}

/** The statistics of a model of the catalogue; null where the host has none. Throws StatsError when the file is wrong. */
export async function loadStats(id: string, fetchJson: FetchJson): Promise<ModelStats | null> {
  const json = await fetchJson(`stats/${id}.json`);
  return json === undefined ? null : readStats(json, id);
}

/** stats/<id>.json as it was parsed -> ModelStats. Throws StatsError naming the first field that is wrong. */
export function readStats(json: unknown, id: string): ModelStats {
  const top = record(json, `stats/${id}.json`);
  const check = (ok: boolean, field: string, wanted: string): void => {
    if (!ok) throw new StatsError(`models/stats/${id}.json: ${field} must be ${wanted}. Make the file again: npm run stats.`);
  };
  check(top.version === 1, "version", "1");
  check(top.model === id, "model", JSON.stringify(id));
  const photos = record(top.photos, `stats/${id}.json:photos`);
  check(whole(photos.count) && photos.count > 0, "photos.count", "a whole number above 0");
  check(typeof photos.of === "string", "photos.of", "a text");
  check(Array.isArray(photos.size) && photos.size.length === 2 && photos.size.every(whole), "photos.size", "rows and columns");
  const files = record(top.files, `stats/${id}.json:files`);
  check(files.float32 === null || digest(files.float32), "files.float32", "a SHA-256 in lower-case hex, or null");
  check(digest(files.int8), "files.int8", "a SHA-256 in lower-case hex");
  check(Array.isArray(top.layers) && top.layers.length > 0, "layers", "a list");
  for (const [i, item] of (top.layers as unknown[]).entries()) {
    const layer = record(item, `stats/${id}.json:layers[${i}]`);
    check(typeof layer.name === "string", `layers[${i}].name`, "a text");
    check(whole(layer.channels) && layer.channels > 0, `layers[${i}].channels`, "a whole number above 0");
    const channels = layer.channels as number;
    for (const response of layer.max === undefined ? ["mean"] : ["mean", "max"]) {
      const where = `layers[${i}].${response}`;
      const packed = record(layer[response], `stats/${id}.json:${where}`);
      check(list(packed.exponents, channels, whole), `${where}.exponents`, `${channels} whole numbers`);
      const count = QUANTILES.length * channels;
      check(list(packed.quantiles, count, whole), `${where}.quantiles`, `${count} whole numbers`);
      for (const field of ["lost", "difference"])
        check(
          list(packed[field], channels, (x) => x === null || whole(x)),
          `${where}.${field}`,
          `${channels} whole numbers or nulls`,
        );
    }
  }
  return json as ModelStats;
}

const whole = (x: unknown): x is number => Number.isSafeInteger(x);
const digest = (x: unknown): boolean => /^[0-9a-f]{64}$/.test(String(x));
const list = (x: unknown, length: number, fits: (item: unknown) => boolean): boolean =>
  Array.isArray(x) && x.length === length && x.every(fits);

function record(json: unknown, where: string): Record<string, unknown> {
  if (typeof json === "object" && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  throw new StatsError(`models/${where} is not an object. Make the file again: npm run stats.`);
}
