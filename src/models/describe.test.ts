/** What a card finds in a file: by name, by place, and what is not there. */
import { describe, expect, test } from "vitest";
import { tinyCard, tinyModel } from "../../test/tinyModel";
import type { CardLayer } from "../api/model";
import { readModel } from "../onnx/read";
import { describeModel } from "./describe";
import { layerValue } from "./layers";

const graph = readModel(tinyModel(), "tiny");
const described = (...layers: CardLayer[]) => describeModel(graph, { ...tinyCard, layers }, "");
const layer = (name: string, title: string, more: Partial<CardLayer> = {}): CardLayer => ({
  name,
  title,
  significant: true,
  ...more,
});
const named = ({ layers }: ReturnType<typeof described>) =>
  layers.filter(({ significant }) => significant).map(({ name, title, channels }) => ({ name, title, channels }));

describe("a card's layers", () => {
  test("are found by place where the file knows none of their names", () => {
    const summary = described(
      layer("conv2d0", "first", { find: { op: "Relu", index: 0 }, channels: 8 }),
      layer("mixed3a", "last", { aliases: ["mixed3a/concat"], find: { op: "Concat", index: -1 }, channels: 16 }),
    );
    expect(named(summary)).toEqual([
      { name: "relu1", title: "first", channels: 8 },
      { name: "out", title: "last", channels: 16 },
    ]);
    expect(summary.layers[1]?.aliases).toEqual(["mixed3a", "mixed3a/concat"]);
    expect(summary.missing).toEqual([]);
  });
  test("are not those of another width that stand in their place", () => {
    const summary = described(layer("conv2d0", "first", { find: { op: "Relu", index: 0 }, channels: 64 }), layer("out", "last"));
    expect(summary.missing).toEqual(["first"]);
    expect(named(summary)).toEqual([{ name: "out", title: "last", channels: 16 }]);
    expect(summary.layers.find(({ name }) => name === "relu1")).toMatchObject({ title: "relu1", significant: false });
  });
  test("are listed once, though two names lead to one value", () => {
    const summary = described(layer("out", "last"), layer("nowhere", "also last", { find: { op: "Concat", index: 0 } }));
    expect(summary.missing).toEqual(["also last"]);
    expect(named(summary)).toHaveLength(1);
  });
  test("may all be missing: the file's own are there", () => {
    const summary = described(layer("mixed4a", "mixed4a"), layer("mixed4b", "mixed4b", { find: { op: "Concat", index: 7 } }));
    expect(summary.missing).toEqual(["mixed4a", "mixed4b"]);
    expect(summary.layers.map(({ name }) => name)).toEqual(["relu1", "lrn", "conv2", "pool", "out"]);
  });
});

describe("a layer by whatever name", () => {
  const card = { ...tinyCard, layers: [layer("a/b", "first", { aliases: ["c"], find: { op: "Relu", index: 0 } })] };
  test.each([["relu1"], ["a/b"], ["c"], ["first"]])("%s", (called) => {
    expect(layerValue(graph, card, called)).toBe("relu1");
  });
  test("the file's own come first", () => {
    expect(layerValue(graph, { ...card, layers: [layer("relu1", "out")] }, "out")).toBe("out");
  });
  test("what is not there is named", () => {
    expect(() => layerValue(graph, null, "first")).toThrow('Model "tiny" has no value "first". The nearest names are');
    expect(() => layerValue(graph, card, "second")).toThrow('no value "second"');
  });
});
