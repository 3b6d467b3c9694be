/** The catalogue that ships, the merging of hosted files, and what a wrong file is told. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { loadCatalog, readCatalog, readHosted } from "./catalog";

const raw = JSON.parse(readFileSync("public/models/catalog.json", "utf8")) as Record<string, unknown> & {
  models: Record<string, unknown>[];
};
const host = (hosted?: unknown) => (name: string) => Promise.resolve(name === "catalog.json" ? raw : hosted);
const hosted = (id: string) => ({
  version: 1,
  files: [
    {
      id,
      url: `${id}.onnx`,
      origin: "hosted",
      bytes: 10,
      sha256: "a".repeat(64),
      format: "onnx",
      weights: "int8",
      from: "b".repeat(64),
    },
  ],
});

describe("the catalogue that ships", () => {
  test("is well formed, and its label files are there", () => {
    const { models } = readCatalog(raw);
    expect(models.map(({ id }) => id)).toContain("googlenet");
    for (const { labels } of models) expect(labels === null || existsSync(`public/models/${labels}`)).toBe(true);
    const lines = (name: string) => readFileSync(`public/models/labels/${name}.txt`, "utf8").trim().split("\n").length;
    expect([lines("coco"), lines("imagenet"), lines("imagenet1001"), lines("places365")]).toEqual([80, 1000, 1001, 365]);
  });
  test("lists only models that can be loaded or brought, and opens the embedded one", async () => {
    const catalog = await loadCatalog(host());
    expect(catalog.default).toBe("mobilenetv3-centernet");
    expect(catalog.models.every(({ files, download }) => files.length > 0 || download)).toBe(true);
    expect(catalog.models.map(({ id }) => id)).not.toContain("squeezenet1.0");
  });
});

describe("its models", () => {
  const { models } = readCatalog(raw);
  const shown = models.filter(({ files, download }) => files.length > 0 || download);

  test("are Microscope's eight and more", () => {
    expect(models.flatMap(({ microscope }) => microscope?.model ?? [])).toEqual([
      "inceptionv1",
      "alexnet",
      "alexnet_caffe_places365",
      "inceptionv1_caffe_places365",
      "vgg19_caffe",
      "inceptionv3_slim",
      "inceptionv4_slim",
      "resnetv2_50_slim",
    ]);
    expect(shown.filter(({ microscope }) => !microscope).map(({ id }) => id)).toEqual([
      "mobilenetv3-centernet",
      "squeezenet1.1",
      "mobilenetv2",
      "resnet50-v2",
      "adv_inceptionv3",
    ]);
  });
  test.each(models)("$title: no layer, alias or file twice, and a size to keep near a quarter of float32's", (card) => {
    const names = card.layers.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
    const unique = (list: readonly unknown[]) => expect(new Set(list).size).toBe(list.length);
    unique(names);
    unique(card.layers.map(({ title }) => title));
    unique(card.layers.flatMap(({ microscope = [] }) => microscope));
    unique(card.layers.flatMap(({ find }) => (find ? JSON.stringify(find) : [])));
    unique(card.files.map(({ sha256 }) => sha256));
    expect(card.keptBytes! / card.parameters!).toBeGreaterThan(1);
    expect(card.keptBytes! / card.parameters!).toBeLessThan(1.13);
    for (const { bytes, weights } of card.files)
      if (weights === "float32") expect(Math.abs(bytes / (4 * card.parameters!) - 1)).toBeLessThan(0.006);
    if (card.start) expect(names).toContain(card.start.layer);
    const classes = card.layers.find(({ title }) => title === "classes");
    if (classes?.channels && card.labels)
      expect(readFileSync(`public/models/${card.labels}`, "utf8").trim().split("\n")).toHaveLength(classes.channels);
  });

  const SOURCES = "../shared/data/model_sources.json";
  test.skipIf(!existsSync(SOURCES))("are the files of ../shared/data/model_sources.json, by address, size and SHA-256", () => {
    const { base, files } = JSON.parse(readFileSync(SOURCES, "utf8")) as { base: string; files: Record<string, unknown>[] };
    const fetched = files
      .filter(({ path }) => path)
      .map(({ path, bytes, sha256 }) => ({ url: `${base}${String(path)}`, bytes, sha256 }));
    const canonical = models.flatMap((card) => card.files.filter(({ origin }) => origin === "canonical"));
    const byUrl = (a: { url: string }, b: { url: string }) => (a.url < b.url ? -1 : 1);
    expect(canonical.map(({ url, bytes, sha256 }) => ({ url, bytes, sha256 })).sort(byUrl)).toEqual(fetched.sort(byUrl));
    const brought = files
      .filter(({ page }) => page)
      .map(({ microscope, page, files: names }) => ({ model: microscope, page, names }));
    const dropIns = models.flatMap(({ microscope, download }) =>
      download ? [{ model: microscope?.model, page: download.page, names: download.files.map(({ name }) => name) }] : [],
    );
    expect(dropIns).toEqual(brought);
  });
});

describe("hosted files", () => {
  test("come before the canonical ones, and GoogLeNet then opens first", async () => {
    const catalog = await loadCatalog(host(hosted("googlenet")));
    expect(catalog.default).toBe("googlenet");
    const { files } = catalog.models.find(({ id }) => id === "googlenet")!;
    expect(files.map(({ origin }) => origin)).toEqual(["hosted", "canonical"]);
  });
  test("make a model without a public file available", async () => {
    const catalog = await loadCatalog(host(hosted("squeezenet1.0")));
    expect(catalog.default).toBe("mobilenetv3-centernet");
    expect(catalog.models.map(({ id }) => id)).toContain("squeezenet1.0");
  });
});

describe("refusals name the field", () => {
  const spoilt = (change: (card: Record<string, unknown>) => void) => {
    const copy = structuredClone(raw);
    change(copy.models[1]!);
    return () => readCatalog(copy);
  };
  test("a missing title", () => {
    expect(spoilt((card) => delete card.title)).toThrow(
      "models/catalog.json:models[1].title is nothing, but must be a text. Correct the file.",
    );
  });
  test("a digest in capitals", () => {
    expect(spoilt((card) => ((card.files as { sha256: string }[])[0]!.sha256 = "A".repeat(64)))).toThrow(
      'models[1].files[0].sha256 is "AAAA',
    );
  });
  test("an address without https", () => {
    expect(spoilt((card) => ((card.files as { url: string }[])[0]!.url = "http://x/y"))).toThrow(
      'is "http://x/y", but must be an https:// address',
    );
  });
  test("a homepage that is a script", () => {
    expect(spoilt((card) => (card.homepage = "javascript:alert(1)"))).toThrow(
      'models[1].homepage is "javascript:alert(1)", but must be an address that begins with https:// or http://.',
    );
  });
  test("a place that is not a number", () => {
    expect(spoilt((card) => ((card.layers as { find: object }[])[0]!.find = { op: "Relu", index: "first" }))).toThrow(
      'models[1].layers[0].find.index is "first", but must be a whole number.',
    );
  });
  test("files to bring, without a name", () => {
    expect(spoilt((card) => (card.download = { page: "https://x.org/", files: [{ link: "https://x.org/a" }] }))).toThrow(
      "models[1].download.files[0].name is nothing, but must be a text.",
    );
  });
  test("a hosted file outside the folder", () => {
    expect(() => readHosted({ ...hosted("x"), files: [{ ...hosted("x").files[0], url: "../x" }] })).toThrow(
      'models/hosted.json:files[0].url is "../x", but must be a file name.',
    );
  });
  test("two cards of one id", () => {
    expect(spoilt((card) => (card.id = raw.models[0]!.id))).toThrow('two cards with the id "mobilenetv3-centernet"');
  });
  test("no catalogue at all", async () => {
    await expect(loadCatalog(() => Promise.resolve(undefined))).rejects.toThrow("models/catalog.json is not there.");
  });
});
