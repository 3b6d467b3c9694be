/** The catalogue's layers in real files whose names were taken away: found by place, they are the ones that the names meant. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readCatalog } from "../src/api/catalog";
import { importCaffe } from "../src/importers/caffe/import";
import { describeModel } from "../src/models/describe";
import { readModel } from "../src/onnx/read";
import { nameless } from "./nameless";
import { SHARED_DATA } from "./photos";

const { models } = readCatalog(JSON.parse(readFileSync("public/models/catalog.json", "utf8")));
const card = (id: string) => models.find((model) => model.id === id)!;

/** `by`: the card that is tried; `names`: the one that knows this file's own names; `lacks`: what the file has not. */
const cases = [
  { file: "googlenet.onnx", by: "googlenet", names: "googlenet", lacks: [] },
  { file: "squeezenet1_0.onnx", by: "squeezenet1.0", names: "squeezenet1.0", lacks: [] },
  // PyTorch's exporter writes the classifier as Gemm, TensorFlow's file has a 1x1 Conv; 1001 classes besides
  { file: "mobilenet_v2.onnx", by: "mobilenetv2", names: "mobilenetv2-tf", lacks: ["classes"] },
];

describe.each(cases)("$file of ../shared/data", ({ file, by, names, lacks }) => {
  const path = join(SHARED_DATA, "models", file);
  test.skipIf(!existsSync(path))("every layer of the card is where its place says", () => {
    const original = readModel(readFileSync(path), file);
    const { graph, renamed } = nameless(original);
    const { layers, missing } = describeModel(graph, { ...card(by), preprocessing: card(names).preprocessing }, "");
    const found = layers.filter(({ significant }) => significant).map(({ name, title }) => [title, name]);
    // a value that an Identity copies is the copy
    const source = (name: string) => original.nodes.find((n) => n.op === "Identity" && n.outputs[0] === name)?.inputs[0] ?? name;
    const meant = card(names)
      .layers.filter(({ title }) => !lacks.includes(title))
      .map(({ name, title }) => [title, renamed.get(source(name))]);
    expect(missing).toEqual(lacks);
    expect(found).toEqual(meant);
  });
});

describe.each(["alexnet", "googlenet"])("deploy_%s_places365.prototxt of ../shared/data", (network) => {
  const path = join(SHARED_DATA, "prototxt", `deploy_${network}_places365.prototxt`);
  test.skipIf(!existsSync(path))("has every layer of its card, by name after its ReLU and by place", () => {
    const { graph: original } = importCaffe({ prototxt: readFileSync(path, "utf8"), caffemodel: null });
    const places = card(`${network}-places365`);
    const named = describeModel(original, places, "");
    expect(named.missing).toEqual([]);
    const significant = named.layers.filter((layer) => layer.significant);
    expect(significant.map(({ title, channels }) => [title, channels])).toEqual(places.layers.map((l) => [l.title, l.channels]));
    const { graph, renamed } = nameless(original);
    const placed = describeModel(graph, places, "").layers.filter((layer) => layer.significant);
    expect(placed.map(({ name }) => name)).toEqual(significant.map(({ name }) => renamed.get(name)));
  });
});
