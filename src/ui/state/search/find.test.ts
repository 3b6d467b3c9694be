import { describe, expect, test } from "vitest";
import type { LayerInfo, ModelCard } from "../../../api/model";
import type { Note } from "../notes/note";
import { find, type Findable, type Found } from "./find";

const layer = (title: string, name: string, channels: number): LayerInfo => ({
  name,
  title,
  channels,
  grid: [14, 14],
  significant: true,
  unsupported: null,
});
const layers = [
  layer("mixed4b", "inception_4b/output_1", 512),
  layer("mixed4c", "inception_4c/output_1", 512),
  layer("mixed4c 5x5", "inception_4c/5x5_1", 64),
  layer("classes", "prob_1", 1000),
];
const model = (id: string, title: string, trainedOn: string): ModelCard =>
  ({ id, title, architecture: title, trainedOn, files: [], layers: [] }) as unknown as ModelCard;
const note = (text: string, star = false): Note => ({
  model: "googlenet",
  layer: "inception_4c/output_1",
  channel: 300,
  weights: "0".repeat(64),
  modelTitle: "GoogLeNet",
  layerTitle: "mixed4c",
  star,
  text,
  at: 1,
});
const given: Findable = {
  models: [model("googlenet", "GoogLeNet", "ImageNet"), model("alexnet-places365", "AlexNet Places365", "Places365")],
  layers,
  labels: ["tench", "goldfish", "great white shark", "tiger shark", "crème brûlée"],
  layer: "inception_4b/output_1",
  notes: [note("cars, seen from the side")],
};
const told = (found: Found): string => {
  if (found.kind === "unit") return `unit ${found.layer.title} ${found.channel}`;
  if (found.kind === "layer") return `layer ${found.layer.title}`;
  if (found.kind === "class") return `class ${found.index}`;
  if (found.kind === "model") return `model ${found.card.id}`;
  return found.kind === "note" ? `note ${found.note.text}` : `address ${found.address}`;
};
const search = (query: string): string[] => find(query, given).map(told);

describe("search", () => {
  test.each(["4c 447", "mixed4c:447", "mixed4c/447", "mixed4c unit 447", "4c#447"])("%s is one unit", (query) => {
    expect(search(query)).toEqual(["unit mixed4c 447"]); // the branch of 64 has no such unit
  });
  test("a unit that more layers have is offered in each, the likeliest first; a number alone is of the open layer", () => {
    expect(search("4c 12").slice(0, 2)).toEqual(["unit mixed4c 12", "unit mixed4c 5x5 12"]);
    expect(search("3")).toEqual(["unit mixed4b 3", "class 3"]);
    expect(search("99999")).toEqual([]);
  });
  test("layers by what people and files call them", () => {
    expect(search("inception_4c")).toEqual(["layer mixed4c 5x5", "layer mixed4c"].toSorted((a) => (a.endsWith("4c") ? 1 : -1)));
    const block = find("mixed4 12", { ...given, layers: [layer("mixed4", "a", 512), layer("mixed4 12", "b", 8)] });
    expect(block.map(told)).toEqual(["layer mixed4 12", "unit mixed4 12"]);
    expect(search("classes")).toEqual(["layer classes"]);
  });
  test("classes by all words of the query, in any order, without accents", () => {
    expect(search("shark white")).toEqual(["class 2"]);
    expect(search("creme brulee")).toEqual(["class 4"]);
    expect(search("fish")).toEqual(["class 1"]);
  });
  test("models by name and by what they were trained on; notes by their words", () => {
    expect(search("places")).toEqual(["model alexnet-places365"]);
    expect(search("seen side")).toEqual(["note cars, seen from the side"]);
    expect(find("starred", { ...given, notes: [note("", true)] }).map(told)).toEqual(["note "]);
  });
  test("an address of Microscope's is one", () => {
    expect(search(" https://microscope.openai.com/models/inceptionv1/mixed3b_0/379 ")).toEqual([
      "address https://microscope.openai.com/models/inceptionv1/mixed3b_0/379",
    ]);
  });
  test("nothing for nothing, and for what is not there", () => {
    expect([search(""), search("   "), search("zzz qqq")]).toEqual([[], [], []]);
  });
});
