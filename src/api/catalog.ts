/**
 * The catalogue: catalog.json (committed) checked field by field, and what this host serves (hosted.json) merged in front.
 *
 * Which card opens first: GoogLeNet where this host serves its weights, since its pictures are the best; else the
 * catalogue's own default, whose weights come with the app.
 */
import { channelCount, channelOrders, type Preprocessing } from "../onnx/preprocessing";
import { recipes } from "../vis/recipes";
import type { CardLayer, Catalog, DropIn, Hosted, ModelCard, ModelFile } from "./model";

/** Reads a JSON file of models/ by its name; undefined when the host has none. */
export type FetchJson = (name: string) => Promise<unknown>;

/** Opened first where hosted, the first that is; elsewhere the page offers them. */
export const PREFERRED: readonly string[] = ["googlenet"];

/** catalog.json or hosted.json is not as it should be; the message names the file and the field. */
export class CatalogError extends Error {
  override readonly name = "CatalogError";
}

/**
 * The cards that have a file to load, hosted files first, and those whose files the reader brings.
 * Throws CatalogError when catalog.json is missing or wrong.
 */
export async function loadCatalog(fetchJson: FetchJson = overHttp): Promise<Catalog> {
  const [raw, hosted] = await Promise.all([fetchJson("catalog.json"), fetchJson("hosted.json")]);
  if (raw === undefined)
    throw new CatalogError("models/catalog.json is not there. The app was put online without its public folder; build it again.");
  const all = withHosted(readCatalog(raw), hosted === undefined ? undefined : readHosted(hosted));
  const models = all.models.filter((card) => card.files.length > 0 || card.download);
  const isHosted = (id: string) => models.some((card) => card.id === id && card.files.some((f) => f.origin === "hosted"));
  return { ...all, models, default: PREFERRED.find(isHosted) ?? all.default };
}

/** `catalog` with the hosted files in front of each card's own. */
export function withHosted(catalog: Catalog, hosted: Hosted | undefined): Catalog {
  if (!hosted) return catalog;
  const filesOf = (card: ModelCard): ModelFile[] =>
    hosted.files
      .filter(({ id }) => id === card.id)
      .map(({ url, origin, bytes, sha256, format, weights }) => ({ url, origin, bytes, sha256, format, weights }));
  const models = catalog.models.map((card) => {
    const ours = filesOf(card);
    const rest = card.files.filter((file) => !ours.some(({ sha256 }) => sha256 === file.sha256));
    return { ...card, files: [...ours, ...rest] };
  });
  return { ...catalog, models };
}

/** A host without the file may answer 404, or 200 with its start page: neither is JSON. */
export async function overHttp(name: string): Promise<unknown> {
  const url = new URL(`models/${name}`, document.baseURI).href;
  const response = await fetch(url, { cache: "no-cache" });
  if (response.status === 404 || (response.ok && !response.headers.get("content-type")?.includes("json"))) return undefined;
  if (!response.ok) throw new CatalogError(`${url} answered ${response.status} ${response.statusText}. Reload the page.`);
  return response.json();
}

/** Reads one value at a place in a file, or says what is there instead. */
class Field {
  constructor(
    readonly value: unknown,
    readonly where: string,
  ) {}

  fail(wanted: string): never {
    const found = this.value === undefined ? "nothing" : (JSON.stringify(this.value) ?? "nothing").slice(0, 60);
    throw new CatalogError(`models/${this.where} is ${found}, but must be ${wanted}. Correct the file.`);
  }
  at(key: string): Field {
    if (typeof this.value !== "object" || this.value === null || Array.isArray(this.value)) this.fail("an object");
    return new Field(
      (this.value as Record<string, unknown>)[key],
      `${this.where}${this.where.endsWith(".json") ? ":" : "."}${key}`,
    );
  }
  list<T>(read: (field: Field) => T): T[] {
    if (!Array.isArray(this.value)) return this.fail("a list");
    return this.value.map((item, i) => read(new Field(item, `${this.where}[${i}]`)));
  }
  text(): string {
    return typeof this.value === "string" && this.value !== "" ? this.value : this.fail("a text");
  }
  number(): number {
    return typeof this.value === "number" && Number.isFinite(this.value) ? this.value : this.fail("a number");
  }
  count(): number {
    return Number.isSafeInteger(this.value) && (this.value as number) > 0
      ? (this.value as number)
      : this.fail("a whole number above 0");
  }
  index(): number {
    return Number.isSafeInteger(this.value) && (this.value as number) >= 0
      ? (this.value as number)
      : this.fail("a whole number from 0");
  }
  /** From 0, or from the end where negative. */
  place(): number {
    return Number.isSafeInteger(this.value) ? (this.value as number) : this.fail("a whole number");
  }
  flag(): boolean {
    return typeof this.value === "boolean" ? this.value : this.fail("true or false");
  }
  oneOf<T extends string | number>(...options: readonly T[]): T {
    return options.find((option) => option === this.value) ?? this.fail(options.map((o) => JSON.stringify(o)).join(" or "));
  }
  digest(): string {
    return /^[0-9a-f]{64}$/.test(String(this.value)) ? String(this.value) : this.fail("a SHA-256 in lower-case hex");
  }
  link(...schemes: readonly string[]): string {
    const text = this.text();
    return schemes.some((scheme) => text.startsWith(`${scheme}://`)) && URL.canParse(text)
      ? text
      : this.fail(`an address that begins with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}`);
  }
  optional<T>(read: (field: Field) => T): T | undefined {
    return this.value === undefined ? undefined : read(this);
  }
}

const readFile = (f: Field): ModelFile => {
  const origin = f.at("origin").oneOf("hosted", "canonical");
  const url = f.at("url").text();
  if (origin === "canonical" && !url.startsWith("https://")) f.at("url").fail("an https:// address");
  if (origin === "hosted" && !/^[\w.-]+$/.test(url)) f.at("url").fail("a file name");
  return {
    url,
    origin,
    bytes: f.at("bytes").count(),
    sha256: f.at("sha256").digest(),
    format: f.at("format").oneOf("onnx"),
    weights: f.at("weights").oneOf("int8", "float16", "float32"),
  };
};

const readLayer = (f: Field): CardLayer => {
  const aliases = f.at("aliases").optional((x) => x.list((a) => a.text()));
  const microscope = f.at("microscope").optional((x) => x.text());
  const find = f.at("find").optional((x) => ({ op: x.at("op").text(), index: x.at("index").place() }));
  const channels = f.at("channels").optional((x) => x.count());
  return {
    name: f.at("name").text(),
    ...(aliases ? { aliases } : {}),
    ...(microscope ? { microscope } : {}),
    ...(find ? { find } : {}),
    ...(channels ? { channels } : {}),
    title: f.at("title").text(),
    significant: f.at("significant").flag(),
  };
};

const readDropIn = (f: Field): DropIn => ({
  page: f.at("page").link("https", "http"),
  files: f.at("files").list((x) => ({ name: x.at("name").text(), link: x.at("link").link("https", "http") })),
});

const readCard = (f: Field): ModelCard => {
  const p = f.at("preprocessing");
  const channels = p.at("channels").oneOf(...channelOrders);
  const perChannel = (field: Field): number[] => {
    const list = field.list((x) => x.number());
    const count = channelCount(channels);
    return list.length === count
      ? list
      : field.fail(`a list of ${count} number${count > 1 ? "s" : ""}, as channels is "${channels}"`);
  };
  const sides = (field: Field): Preprocessing["size"] => {
    if (!Array.isArray(field.value)) return field.count();
    const list = field.list((x) => x.count());
    return list.length === 2 ? [list[0]!, list[1]!] : field.fail("a whole number above 0, or rows and columns");
  };
  const note = f.at("note").optional((x) => x.text());
  const start = f.at("start").optional((x) => ({ layer: x.at("layer").text(), channel: x.at("channel").index() }));
  const parameters = f.at("parameters").optional((x) => x.count());
  const keptBytes = f.at("keptBytes").optional((x) => x.count());
  const microscope = f
    .at("microscope")
    .optional((x) => ({ model: x.at("model").text(), sameWeights: x.at("sameWeights").flag() }));
  const download = f.at("download").optional(readDropIn);
  const recipe = f.at("recipe").optional((x) => x.oneOf(...Object.keys(recipes)));
  const originals = f
    .at("originals")
    .optional((x) =>
      x.list((o) => ({ name: o.at("name").text(), bytes: o.at("bytes").count(), sha256: o.at("sha256").digest() })),
    );
  return {
    id: f.at("id").text(),
    title: f.at("title").text(),
    architecture: f.at("architecture").text(),
    trainedOn: f.at("trainedOn").text(),
    year: f.at("year").count(),
    licence: f.at("licence").text(),
    citation: f.at("citation").text(),
    homepage: f.at("homepage").link("https", "http"),
    preprocessing: {
      input: p.at("input").text(),
      layout: p.at("layout").oneOf("NCHW", "NHWC"),
      channels,
      range: p.at("range").oneOf(1, 255),
      mean: perChannel(p.at("mean")),
      std: perChannel(p.at("std")),
      size: sides(p.at("size")),
    },
    labels: f.at("labels").value === null ? null : f.at("labels").text(),
    ...(parameters ? { parameters } : {}),
    ...(keptBytes ? { keptBytes } : {}),
    ...(microscope ? { microscope } : {}),
    layers: f.at("layers").list(readLayer),
    ...(start ? { start } : {}),
    ...(recipe ? { recipe } : {}),
    files: f.at("files").list(readFile),
    ...(download ? { download } : {}),
    ...(originals ? { originals } : {}),
    ...(note ? { note } : {}),
  };
};

/** catalog.json as it was parsed -> Catalog, every card in it, also those that only `npm run models` can make. Throws CatalogError. */
export function readCatalog(json: unknown): Catalog {
  const f = new Field(json, "catalog.json");
  const models = f.at("models").list(readCard);
  const twice = models.find((card, i) => models.findIndex(({ id }) => id === card.id) !== i);
  if (twice) throw new CatalogError(`models/catalog.json has two cards with the id "${twice.id}". Rename one.`);
  const first = f.at("default").text();
  if (!models.find(({ id }) => id === first)?.files.some(({ origin }) => origin === "hosted"))
    f.at("default").fail("the id of a card with a hosted file");
  return { version: f.at("version").oneOf(1), default: first, models };
}

/** hosted.json as it was parsed -> Hosted. Throws CatalogError. */
export function readHosted(json: unknown): Hosted {
  const f = new Field(json, "hosted.json");
  const files = f.at("files").list((file) => ({ id: file.at("id").text(), from: file.at("from").digest(), ...readFile(file) }));
  return { version: f.at("version").oneOf(1), files };
}
