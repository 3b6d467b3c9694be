/** The catalogue's cards over faithful networks: every layer that a card names is there, by name and without names. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readCatalog } from "../../src/api/catalog";
import { describeModel } from "../../src/models/describe";
import { nameless } from "../nameless";
import { alexnet, vgg } from "./alexnet";
import { googlenet } from "./googlenet";
import { inceptionV3 } from "./inceptionV3";
import { inceptionV4 } from "./inceptionV4";
import { resnetV2 } from "./resnetV2";

const { models } = readCatalog(JSON.parse(readFileSync("public/models/catalog.json", "utf8")));

describe.each([alexnet, googlenet, vgg, inceptionV3, inceptionV4, resnetV2])("$id", ({ id, build, blocks, preprocessing }) => {
  const card = models.find(({ microscope }) => microscope?.model === id)!;
  const named = describeModel(build(), card, "");
  const significant = named.layers.filter((layer) => layer.significant);

  test("its card wants the picture as the network takes it", () => {
    expect(card.preprocessing).toEqual(preprocessing);
  });

  test("has every layer of its card, as wide as the card says", () => {
    expect(named.missing).toEqual([]);
    expect(significant.map(({ title, channels }) => [title, channels])).toEqual(card.layers.map((l) => [l.title, l.channels]));
    for (const { name, grid } of significant)
      if (blocks[name]) expect([name, ...grid]).toEqual([name, blocks[name][1] ?? 1, blocks[name][2] ?? 1]);
  });

  test("has the same ones when its names are gone", () => {
    const { graph, renamed } = nameless(build());
    const { layers, missing } = describeModel(graph, card, "");
    expect(missing).toEqual([]);
    expect(layers.filter((l) => l.significant).map(({ name }) => name)).toEqual(significant.map(({ name }) => renamed.get(name)));
  });
});
