/**
 * `npm run stats -- --from DIR`: how the units of the catalogue's models answer to the photos in DIR, into public/models/stats.
 *
 *   npm run stats -- --from DIR                       the model that comes with the app
 *   npm run stats -- --from DIR --models DIR2         also every catalogue model whose original lies in DIR2
 *   npm run stats -- --from DIR --of "street photos"  what the page calls them; "ImageNet photos" if left out
 *
 * Each photo's largest centre part in the network's shape is resampled to the network's own size, and run through the float32 weights and
 * the int8 ones. src/api/stats.ts says what is kept: quantiles over photos, of which no photo can be told.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { readPictures } from "../cli/pictures";
import { readCatalog } from "../src/api/catalog";
import type { ModelCard } from "../src/api/model";
import { readStats, type ModelStats } from "../src/api/stats";
import { nodeRuntime } from "../src/engine/ortNode";
import type { Runtime } from "../src/engine/runtime";
import type { Graph, Tensor } from "../src/onnx/graph";
import { sidesOf } from "../src/onnx/preprocessing";
import { readModel } from "../src/onnx/read";
import { writeModel } from "../src/onnx/write";
import { quantize } from "../src/quantize/quantize";
import { EMBEDDED, embeddedOriginal } from "./embedded";
import { layerStats, responsesOf } from "./responses";

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

export interface Measured {
  card: ModelCard;
  /** Its float32 weights. */
  graph: Graph;
  /** SHA-256 of the file that they came from; null where it is no single file. */
  sha256: string | null;
}

/** The statistics of one model over `photos`, [1, 3, H, W] each, of the network's own size; `of` says what they show. */
export async function statsOf(
  runtime: Runtime,
  { card, graph, sha256 }: Measured,
  { photos, of }: { photos: readonly Tensor[]; of: string },
): Promise<ModelStats> {
  const written = writeModel(quantize(graph).graph);
  const before = await responsesOf(runtime, { graph, card, photos });
  const after = await responsesOf(runtime, { graph: readModel(written, card.title), card, photos });
  return {
    version: 1,
    model: card.id,
    photos: { count: photos.length, of, size: sidesOf(card.preprocessing) },
    files: { float32: sha256, int8: digest(written) },
    layers: before.map((layer, i) => layerStats(layer, after[i]!)),
  };
}

/** The catalogue's models whose originals lie in `directory`, by content. */
async function originals(directory: string, cards: readonly ModelCard[]): Promise<Measured[]> {
  const found: Measured[] = [];
  for (const name of (await readdir(directory)).filter((file) => file.endsWith(".onnx")).sort()) {
    const bytes = await readFile(join(directory, name));
    const sha256 = digest(bytes);
    const card = cards.find(({ files, originals = [] }) => [...files, ...originals].some((file) => file.sha256 === sha256));
    if (card) found.push({ card, graph: readModel(bytes, card.title), sha256 });
    else console.log(`${name}: none of the catalogue's models, left alone`);
  }
  return found;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      from: { type: "string" },
      models: { type: "string" },
      of: { type: "string", default: "ImageNet photos" },
      help: { type: "boolean" },
    },
  });
  if (values.help || values.from === undefined)
    return console.log('npm run stats -- --from DIR [--models DIR] [--of "what the photos are"]');
  const folder = resolve(import.meta.dirname, "../public/models");
  const { models } = readCatalog(JSON.parse(readFileSync(join(folder, "catalog.json"), "utf8")));
  const embedded: Measured = {
    card: models.find(({ id }) => id === EMBEDDED)!,
    graph: (await embeddedOriginal()).graph,
    sha256: null,
  };
  const runtime = nodeRuntime();
  await mkdir(join(folder, "stats"), { recursive: true });
  for (const measured of [embedded, ...(values.models === undefined ? [] : await originals(values.models, models))]) {
    const { card } = measured;
    const started = performance.now();
    const photos = readPictures([values.from], sidesOf(card.preprocessing));
    const stats = await statsOf(runtime, measured, { photos, of: values.of });
    const text = JSON.stringify(readStats(stats, card.id));
    await writeFile(join(folder, "stats", `${card.id}.json`), `${text}\n`);
    const seconds = Math.round((performance.now() - started) / 1000);
    console.log(`${card.title}: ${photos.length} photos, ${stats.layers.length} layers, ${text.length} bytes, ${seconds} s`);
  }
}

if (process.argv[1] === import.meta.filename)
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
