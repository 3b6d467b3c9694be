import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readCatalog } from "./catalog";
import { isMicroscope, readMicroscope } from "./microscope";

const catalog = readCatalog(JSON.parse(readFileSync("public/models/catalog.json", "utf8")));
const place = (address: string) => {
  const { card, layer, unit, shows, says } = readMicroscope(address, catalog);
  return { model: card.id, layer: layer?.title ?? null, unit, shows, says };
};

describe("Microscope's addresses", () => {
  test("lead to the unit where the weights are the same", () => {
    expect(place("https://microscope.openai.com/models/alexnet/conv3_1_0/77")).toEqual({
      model: "alexnet",
      layer: "conv3_1",
      unit: 77,
      shows: "channel",
      says: [],
    });
  });

  test("say plainly that the weights are other ones", () => {
    const { says, ...where } = place("/models/inceptionv1/mixed3b_0/379?models.op.feature_vis.type=neuron");
    expect(where).toEqual({ model: "googlenet", layer: "mixed3b", unit: 379, shows: "neuron" });
    expect(says).toEqual([
      "These are other weights of GoogLeNet than Microscope showed, trained apart: unit 379 of mixed3b is another unit here.",
    ]);
  });

  test("of a model, of a layer, with DeepDream, with a slash at their end", () => {
    expect(place("/models/inceptionv4_slim?models.technique=deep_dream")).toMatchObject({
      model: "inceptionv4",
      layer: null,
      unit: null,
      shows: "deepdream",
    });
    expect(place("/models/vgg19_caffe/conv5_4_conv5_4_0/")).toMatchObject({ model: "vgg19", layer: "conv5_4", unit: null });
    expect(place("/models/resnetv2_50_slim/resnet_v2_50_block1_unit_1_bottleneck_v2_preact_Relu_0/3")).toMatchObject({
      layer: "block1/unit_1/preact",
      unit: 3,
    });
  });

  test("every listed layer is found by Microscope's own name for it", () => {
    const listed = catalog.models.flatMap(({ microscope, layers }) =>
      microscope ? layers.flatMap((layer) => (layer.microscope ? [{ model: microscope.model, layer }] : [])) : [],
    );
    expect(listed.length).toBeGreaterThan(100);
    for (const { model, layer } of listed)
      expect(place(`/models/${model}/${layer.microscope!.replaceAll("/", "_")}_0/0`).layer, `${model}: ${layer.microscope}`).toBe(
        layer.title,
      );
  });

  test("what is not known is named", () => {
    expect(() => place("/models/contrastive_4x/image_block_4_5_Add_6_0/2364")).toThrow(
      /"contrastive_4x" is none of those that can be shown here: inceptionv1, alexnet/,
    );
    expect(place("/models/alexnet/nonsense_0/3")).toMatchObject({
      layer: null,
      unit: null,
      says: ['Microscope\'s layer "nonsense_0" is not among the layers listed for AlexNet: choose one by hand.'],
    });
    expect(place("/models/alexnet/conv3_1_0/4000").says).toEqual(['The address names unit "4000"; conv3_1 has units 0 to 383.']);
    expect(place("/models/alexnet/%E0%A4%A/1").layer).toBeNull();
  });

  test("are told from our own", () => {
    expect(
      ["/models/alexnet", "https://microscope.openai.com/models/alexnet/conv3_1_0/1", "#/models/x"].map(isMicroscope),
    ).toEqual([true, true, true]);
    expect(["#model=alexnet&layer=conv1", "alexnet", "", "https://example.org/models/x"].map(isMicroscope)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });
});
