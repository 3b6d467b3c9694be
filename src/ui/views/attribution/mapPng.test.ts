import { encode } from "fast-png";
import { describe, expect, test } from "vitest";
import { withText } from "../../../provenance/pngText";
import { readAsked } from "./link";
import { MAP_KEYWORD, mapOrigin } from "./mapPng";

const png = encode({ width: 1, height: 1, data: new Uint8Array(4) });
const saved = (record: unknown): Uint8Array => withText(png, MAP_KEYWORD, JSON.stringify(record));

describe("a map's PNG leads back", () => {
  const record = {
    ...{ version: 1, model: "googlenet", picture: "drawn:2", score: 1.5 },
    target: { kind: "unit", layer: "mixed4c", channel: 3 },
    hidden: { x: 0.5, y: 0.25, side: 0.2 },
    method: { name: "rise", masks: 40 },
    look: { plain: "magma" },
  };
  test("to the model, the picture, the target and the method with its options", () => {
    const origin = mapOrigin(saved(record));
    expect(origin).toMatchObject({ model: "googlenet", fault: null });
    expect(readAsked(origin!.details).asked).toMatchObject({
      ...{ picture: "drawn:2", target: record.target, hidden: record.hidden, methods: [record.method] },
      look: { plain: "magma", signed: "redBlue" },
    });
  });
  test("and says what of it cannot be followed", () => {
    expect(mapOrigin(saved({ ...record, method: { name: "magic" } }))!.fault).toMatch(/"magic"/);
    expect(mapOrigin(saved({ ...record, target: { kind: "mood" } }))!.fault).toMatch(/"mood"/);
  });
  test("any other picture leads nowhere", () => {
    expect(mapOrigin(png)).toBeNull();
    expect(mapOrigin(new Uint8Array([0xff, 0xd8, 0xff]))).toBeNull();
  });
});
