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
    expect([lines("coco"), lines("imagenet"), lines("imagenet1001")]).toEqual([80, 1000, 1001]);
  });
  test("lists only models that can be loaded, and opens the embedded one", async () => {
    const catalog = await loadCatalog(host());
    expect(catalog.default).toBe("mobilenetv3-centernet");
    expect(catalog.models.every(({ files }) => files.length > 0)).toBe(true);
    expect(catalog.models.map(({ id }) => id)).not.toContain("squeezenet1.0");
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
