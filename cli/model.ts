/** Finding a model for the command line: a catalogue id or a file, and how it wants its pictures. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { readCatalog, readHosted, withHosted } from "../src/api/catalog";
import type { Catalog, ModelCard } from "../src/api/model";
import type { Graph } from "../src/onnx/graph";
import { conventionFor, conventions, type Convention, type Preprocessing } from "../src/onnx/preprocessing";
import { readModel } from "../src/onnx/read";
import { labelsOf } from "../src/models/naming";
import { UsageError } from "./usage";

const MODELS = resolve(import.meta.dirname, "../public/models");

export interface OpenedModel {
  graph: Graph;
  /** SHA-256 of the file, lower-case hex. */
  weights: string;
  preprocessing: Preprocessing;
  /** The catalogue's card, when the file is one of its models or has the layers of one. */
  card: ModelCard | null;
  /** Class names; none where the card names none. */
  labels: string[];
  /** Where the preprocessing was taken from, for people. */
  because: string;
}

/** What --preprocessing takes by name. */
export const conventionNames = Object.keys(conventions) as Convention[];

/**
 * Opens `model`, a path or a catalogue id; an id's file is looked for in `from`, then in public/models. `preprocessing` is one of
 * conventionNames, or JSON with any of Preprocessing's fields; without it the catalogue must know the file, by its SHA-256 or its layers.
 */
export async function openModel(model: string, options: { from?: string; preprocessing?: string }): Promise<OpenedModel> {
  const found = await findModel(model, options);
  const file = found.card?.labels ? await readFile(join(MODELS, found.card.labels), "utf8") : "";
  return { ...found, labels: found.card ? labelsOf(found.card, file) : [] };
}

async function findModel(
  model: string,
  options: { from?: string; preprocessing?: string },
): Promise<Omit<OpenedModel, "labels">> {
  const catalog = await openCatalog();
  const listed = catalog.models.find((card) => card.id === model);
  const { bytes, path } = listed ? await hostedFile(listed, options.from) : await anyFile(model, catalog);
  const graph = readModel(bytes, basename(path));
  const weights = createHash("sha256").update(bytes).digest("hex");
  if (options.preprocessing !== undefined)
    return {
      graph,
      weights,
      preprocessing: asked(graph, options.preprocessing),
      card: listed ?? null,
      because: "as --preprocessing says",
    };
  if (listed)
    return { graph, weights, preprocessing: listed.preprocessing, card: listed, because: `as the card of ${listed.title} says` };
  const known = catalog.models.find((card) => [...card.files, ...(card.originals ?? [])].some((file) => file.sha256 === weights));
  const card = known ?? catalog.models.find((candidate) => hasLayersOf(graph, candidate));
  if (!card)
    throw new UsageError(
      `"${path}" is none of the catalogue's models (${catalog.models.map((c) => c.id).join(", ") || "it is empty"}). ` +
        `Say how it wants its pictures: --preprocessing ${conventionNames.join("|")}, or as JSON.`,
    );
  const because = known ? `the file is ${card.title}` : `the file has the layers of ${card.title}`;
  return { graph, weights, preprocessing: card.preprocessing, card, because };
}

/** So many layers must be named for a card to be told from another by their names. */
const TELLING_LAYERS = 3;

/** Every layer that the card names is there, by its exact name or an alias. */
function hasLayersOf(graph: Graph, card: ModelCard): boolean {
  const known = new Set(graph.nodes.flatMap((node) => node.outputs));
  return (
    card.layers.length >= TELLING_LAYERS &&
    card.layers.every(({ name, aliases = [] }) => [name, ...aliases].some((n) => known.has(n)))
  );
}

/** Every card, those included that only `npm run models` can make a file for; what it made comes first. */
async function openCatalog(): Promise<Catalog> {
  const json = async (name: string): Promise<unknown> => {
    const text = await readFile(join(MODELS, name), "utf8").catch(absent);
    return text === undefined ? undefined : JSON.parse(text);
  };
  const hosted = await json("hosted.json");
  return withHosted(readCatalog(await json("catalog.json")), hosted === undefined ? undefined : readHosted(hosted));
}

const fileNames = (card: ModelCard): string[] => [
  ...card.files.map(({ url }) => basename(url)),
  ...(card.originals ?? []).map(({ name }) => name),
];

async function hostedFile(card: ModelCard, from: string | undefined): Promise<{ bytes: Uint8Array; path: string }> {
  const tried: string[] = [];
  for (const directory of [from, MODELS])
    for (const name of directory ? fileNames(card) : []) {
      const path = join(directory!, name);
      const bytes = await readFile(path).catch(absent);
      if (bytes) return { bytes, path };
      tried.push(path);
    }
  throw new UsageError(
    `no file of "${card.id}" is here; looked for ${[...new Set(tried)].join(", ")}. ` +
      `Make it with "npm run models", "npm run models -- --from DIR" or "npm run models -- --fetch ${card.id}".`,
  );
}

async function anyFile(path: string, catalog: Pick<Catalog, "models">): Promise<{ bytes: Uint8Array; path: string }> {
  const bytes = await readFile(path).catch(absent);
  if (!bytes)
    throw new UsageError(
      `"${path}" is neither a file nor a model of the catalogue (${catalog.models.map((c) => c.id).join(", ")}).`,
    );
  return { bytes, path };
}

/** A file that is not there is no error yet; one that cannot be read is. */
function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
}

function asked(graph: Graph, text: string): Preprocessing {
  const picture = graph.inputs.find((input) => input.shape.length === 4) ?? graph.inputs[0];
  const shape = picture?.shape ?? [];
  const nhwc = shape[3] === 3 && shape[1] !== 3;
  const declared = shape[nhwc ? 1 : 2];
  const channels = Number(shape[nhwc ? 3 : 1] ?? 3) || 3;
  const base: Preprocessing = {
    input: picture?.name ?? "",
    layout: nhwc ? "NHWC" : "NCHW",
    size: typeof declared === "number" ? declared : 224,
    ...conventionFor("unit", channels),
  };
  const named = conventionNames.find((name) => name === text);
  if (named) return { ...base, ...conventionFor(named, channels) };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new UsageError(`--preprocessing ${text}: neither one of ${conventionNames.join(", ")} nor JSON.`);
  }
  const unknown = Object.keys(json as object).find((key) => !Object.hasOwn(base, key));
  if (typeof json !== "object" || json === null || unknown !== undefined)
    throw new UsageError(
      `--preprocessing: ${unknown === undefined ? "not an object" : `field "${unknown}" is not known`}; there are ${Object.keys(base).join(", ")}.`,
    );
  return { ...base, ...(json as Partial<Preprocessing>) };
}
