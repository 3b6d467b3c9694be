/** Numbers as the page says them. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readCatalog } from "../../api/catalog";
import { about, many, pictureInput } from "./format";

test.each([
  [950, "about 0.9 kB"],
  [1_270_000, "about 1.3 MB"],
  [61_000_000, "about 61 MB"],
  [143_800_000, "about 144 MB"],
  [2_400_000_000, "about 2.4 GB"],
])("%i bytes are %s", (bytes, text) => expect(about(bytes)).toBe(text));

test.each([
  [12_345, "12,345"],
  [1_235_496, "1.2 million"],
  [60_965_224, "61 million"],
])("%i is %s", (count, text) => expect(many(count)).toBe(text));

test("what each kind of network is fed", () => {
  const { models } = readCatalog(JSON.parse(readFileSync("public/models/catalog.json", "utf8")));
  const of = (id: string) => pictureInput(models.find((card) => card.id === id)!.preprocessing);
  expect(of("alexnet")).toBe("224 × 224 pixels, BGR from 0 to 255 less (104, 117, 123)");
  expect(of("inceptionv3")).toBe("299 × 299 pixels, RGB from −1 to 1");
  expect(of("mobilenetv3-centernet")).toBe("512 × 512 pixels, RGB from 0 to 255");
  expect(of("vgg19")).toBe("224 × 224 pixels, RGB from 0 to 1 less (0.485, 0.456, 0.406), over (0.229, 0.224, 0.225)");
});
