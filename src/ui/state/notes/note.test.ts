import { describe, expect, test } from "vitest";
import { keyOf, LIMITS, merged, readNotes, writeNotes, type Note } from "./note";

const note = (part: Partial<Note> = {}): Note => ({
  model: "googlenet",
  layer: "inception_4c/output_1",
  channel: 447,
  weights: "ab".repeat(32),
  modelTitle: "GoogLeNet",
  layerTitle: "mixed4c",
  star: false,
  text: "cars, seen from the side",
  at: 1000,
  ...part,
});

describe("a notes file", () => {
  test("gives back what went in, but for traces of notes that were taken away", () => {
    const kept = [note(), note({ channel: 3, star: true, text: "" })];
    expect(readNotes(writeNotes([...kept, note({ channel: 4, text: "" })]))).toEqual(kept);
  });

  test.each([
    ["no JSON", "PK\u0003\u0004", /not JSON: it begins with "PK/],
    ["another file", `{"format":"notes"}`, /format.*"micrographia-notes"/],
    ["a newer one", writeNotes([]).replace('"version": 1', '"version": 2'), /version.*2.*newer version/],
    ["a broken unit", writeNotes([note({ channel: -1 })]), /notes.*0.*channel.*-1.*whole number from 0/],
    ["too long a text", writeNotes([note({ text: "x".repeat(LIMITS.text + 1) })]), /text.*at most 10000 letters/],
    ["no digest", writeNotes([note({ weights: "int8" })]), /weights.*"int8".*64 hexadecimal/],
  ])("%s is refused: where, what, what was to be there", (_, content, says) => {
    expect(() => readNotes(content)).toThrow(says);
    expect(() => readNotes(content)).toThrow(/Nothing was taken in|Choose a file/);
  });
});

describe("merging", () => {
  test("the later note on a unit counts, and the one that is here where they are of one moment", () => {
    const [old, now, other] = [note(), note({ text: "wheels", at: 2000 }), note({ channel: 5 })];
    expect(merged([old], [now, other])).toEqual({ notes: [now, other], changed: [now, other] });
    expect(merged([now], [old])).toEqual({ notes: [now], changed: [] });
    expect(merged([old], [{ ...old, text: "else" }]).changed).toEqual([]);
  });

  test("a unit twice in a file counts once", () => {
    const [first, second] = [note(), note({ text: "wheels", at: 2000 })];
    expect(merged([], [second, first]).changed).toEqual([second]);
  });

  test("units of other layers and models are other units, whatever their names hold", () => {
    const units = [note(), note({ model: "a", layer: "b" }), note({ model: 'a","b', layer: "" }), note({ channel: 1 })];
    expect(new Set(units.map(keyOf)).size).toBe(units.length);
  });
});
