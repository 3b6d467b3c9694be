import { readFileSync } from "node:fs";
import { decode, encode } from "fast-png";
import { describe, expect, test } from "vitest";
import type { Picture } from "../api/engine";
import { seeded } from "../vis/random";
import { recipes } from "../vis/recipes";
import type { PictureRecord } from "../vis/schema/record";
import { pictureToPng } from "./picturePng";
import { textIn, withText } from "./pngText";
import { APP_VERSION, picturesNeeded, recordIn } from "./record";

const record: PictureRecord = {
  format: "micrographia",
  version: 1,
  model: {
    id: "own:abc",
    title: "Mein Netz 猫",
    weights: "0123456789abcdef".repeat(4),
    preprocessing: { input: "x", layout: "NCHW", channels: "RGB", range: 1, mean: [0, 0, 0], std: [1, 1, 1], size: [224, 160] },
  },
  objective: {
    kind: "sum",
    of: [
      { kind: "class", class: "タビー 🐈" },
      { kind: "inversion", layer: "l", picture: "photo" },
    ],
  },
  recipe: { ...recipes.maco!, batch: 2 },
  pictures: [{ name: "photo", sha256: "f".repeat(64) }],
  backend: "wasm",
  shows: { kind: "picture", index: 1 },
  made: { objective: 4.25, steps: 256, turns: 0, device: "WASM, 2 threads", app: APP_VERSION },
};

function picture(alpha: boolean): Picture {
  const random = seeded(1, "picture");
  const rgba = Uint8ClampedArray.from({ length: 4 * 24 * 16 }, (_, i) => (i % 4 === 3 && !alpha ? 255 : random.integer(256)));
  return { width: 24, height: 16, rgba };
}

describe("a picture's PNG", () => {
  test.each([false, true])("keeps every byte and says how it was made; transparent: %s", (alpha) => {
    const { rgba, ...size } = picture(alpha);
    const png = pictureToPng({ rgba, ...size }, record);
    expect(recordIn(png)).toEqual(record);
    const read = decode(png, { checkCrc: true });
    expect(read).toMatchObject({ ...size, channels: alpha ? 4 : 3, depth: 8 });
    expect([...read.data]).toEqual([...rgba].filter((_, i) => alpha || i % 4 !== 3));
  });

  test("says nothing when there is nothing to say", () => {
    expect(recordIn(pictureToPng(picture(false), null))).toBeNull();
    expect(recordIn(encode({ width: 1, height: 1, data: new Uint8Array(4), text: { Title: "none of ours" } }))).toBeNull();
  });

  test("is read as fast-png writes texts, and written over", () => {
    const plain = encode({
      width: 1,
      height: 1,
      data: new Uint8Array(4),
      text: { micrographia: JSON.stringify({ a: 1 }), Title: "é" },
    });
    expect(textIn(plain, "micrographia")).toBe('{"a":1}');
    const over = withText(withText(plain, "micrographia", "one"), "micrographia", "zwei ü");
    expect(textIn(over, "micrographia")).toBe("zwei ü");
    expect(textIn(over, "Title")).toBe("é");
    expect(decode(over).text).toEqual({ Title: "é" });
  });

  test.each<[string, (png: Uint8Array) => Uint8Array, string]>([
    ["is none", () => new Uint8Array(9), "the file is no PNG."],
    ["is cut off", (png) => png.subarray(0, 60), "the PNG is cut off."],
    ["was changed", (png) => png.with(png.indexOf(0x7b, 41) + 3, 0x20), "its checksum is another one."],
    ["holds something else", (png) => withText(png, "micrographia", "{"), "the record in the file is not JSON."],
    ["holds a list", (png) => withText(png, "micrographia", "[]"), "a record must be a JSON object."],
    [
      "comes from a later version",
      (png) => withText(png, "micrographia", JSON.stringify({ ...record, version: 2 })),
      'record field "version" is 2; it must be 1, the only version that this program reads.',
    ],
    [
      "would hang the reader's machine",
      (png) => withText(png, "micrographia", JSON.stringify({ ...record, recipe: { ...record.recipe, steps: 1e9 } })),
      'recipe field "steps" is 1000000000; it must be a whole number from 1 to 10000.',
    ],
    [
      "has no whole digest",
      (png) => withText(png, "micrographia", JSON.stringify({ ...record, model: { ...record.model, weights: "ABC" } })),
      'record field "model.weights" is "ABC"; it must be a SHA-256 in lower-case hex.',
    ],
  ])("that %s is refused in words", (_, change, message) => {
    const png = change(pictureToPng(picture(false), record));
    expect(() => recordIn(png)).toThrow(message);
  });
});

test("which pictures are needed", () => {
  expect(picturesNeeded(record)).toEqual(["photo"]);
  const recipe = { ...recipes.accentuation!, parametrization: { kind: "maco" as const, sd: 1, pictures: ["drawn:3", "a"] } };
  expect(picturesNeeded({ recipe, objective: { kind: "deepdream", layer: "l" } })).toEqual(["photo", "a"]);
});

test("the program's version is that of package.json", () => {
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
  expect(APP_VERSION).toBe(version);
});
