/**
 * Finding by words: units by layer and number ("4c 447", "mixed4c:447", "17" in the open layer), layers, classes by label, models, notes,
 * and Microscope's addresses. Pure; what is found says where it leads, and src/ui/parts/SearchDialog shows it.
 */
import { isMicroscope } from "../../../api/microscope";
import type { LayerInfo, ModelCard } from "../../../api/model";
import { says, type Note } from "../notes/note";

/** What there is to be found. */
export interface Findable {
  models: readonly ModelCard[];
  /** Of the open model; empty while none is open. */
  layers: readonly LayerInfo[];
  labels: readonly string[];
  /** The open layer's name. */
  layer: string | null;
  notes: readonly Note[];
}

export type Found =
  | { kind: "unit"; layer: LayerInfo; channel: number }
  | { kind: "layer"; layer: LayerInfo }
  | { kind: "class"; index: number; label: string }
  | { kind: "model"; card: ModelCard }
  | { kind: "note"; note: Note }
  | { kind: "address"; address: string };

/** Rows of each kind: more than these are not read. */
const MOST = 8;

/** What fits `query`, kind by kind, the best of each first. Nothing for an empty one. */
export function find(query: string, given: Findable): Found[] {
  const wanted = query.trim();
  if (!wanted) return [];
  if (isMicroscope(wanted)) return [{ kind: "address", address: wanted }];
  const words = plain(wanted).split(" ").filter(Boolean);
  const ranked = <T>(list: readonly T[], texts: (item: T) => readonly string[]): T[] =>
    list
      .map((item) => ({ item, score: Math.max(...texts(item).map((text) => fitOf(words, text))) }))
      .filter(({ score }) => score > 0)
      .toSorted((a, b) => b.score - a.score)
      .slice(0, MOST)
      .map(({ item }) => item);

  const classes = given.labels.map((label, index) => ({ label, index }));
  const units = unitsOf(wanted, given).slice(0, MOST);
  const layers = ranked(given.layers, ({ title, name, aliases = [] }) => [title, name, ...aliases]);
  const inLayers = units.map(({ layer, channel }) => ({ kind: "unit" as const, layer, channel }));
  const whole = layers.map((layer) => ({ kind: "layer" as const, layer }));
  const named = layers.some(({ title }) => plain(title) === plain(wanted)); // "block 12" is that before it is unit 12 of block 1
  return [
    ...(named ? [...whole, ...inLayers] : [...inLayers, ...whole]),
    ...ranked(classes, ({ label, index }) => [label, String(index)]).map((one) => ({ kind: "class" as const, ...one })),
    ...ranked(given.models, ({ title, id, architecture, trainedOn, microscope }) => [
      title,
      id,
      `${architecture} ${trainedOn}`,
      microscope?.model ?? "",
    ]).map((card) => ({ kind: "model" as const, card })),
    ...ranked(given.notes.filter(says), (note) => [
      note.text,
      `${note.modelTitle} ${note.layerTitle} ${note.channel} ${note.star ? "starred" : ""}`,
    ]).map((note) => ({ kind: "note" as const, note })),
  ];
}

/** "LAYER NUMBER", in any of the ways that people write it, or a number alone. */
function unitsOf(query: string, { layers, layer: open }: Findable): { layer: LayerInfo; channel: number }[] {
  const [, called = "", number = ""] = /^(.*?)[\s:/#,]*(?:(?:unit|channel)\s*)?(\d{1,6})$/i.exec(query) ?? [];
  if (!number) return [];
  const channel = Number(number);
  const words = plain(called).split(" ").filter(Boolean);
  const fitting = words.length
    ? layers
        .map((layer) => ({ layer, score: fitOf(words, layer.title) + fitOf(words, layer.name) }))
        .filter(({ score }) => score > 0)
        .toSorted((a, b) => b.score - a.score)
        .map(({ layer }) => layer)
    : layers.filter(({ name }) => name === open);
  return fitting.filter(({ channels }) => channel < channels).map((layer) => ({ layer, channel }));
}

/** How well a text fits: 0 when a word is missing; more for whole words, for beginnings, for short texts. */
function fitOf(words: readonly string[], text: string): number {
  const within = plain(text);
  let score = 0;
  for (const word of words) {
    const at = within.indexOf(word);
    if (at < 0) return 0;
    const whole = ` ${within} `.includes(` ${word} `);
    if (!whole && /^\d+$/.test(word)) return 0; // 3 is not a part of 365
    score += whole ? 4 : ` ${within}`.includes(` ${word}`) ? 2 : 1;
  }
  return score + 1 / (1 + within.length);
}

/** Lower case, without accents, punctuation as spaces. */
const plain = (text: string): string =>
  text
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
