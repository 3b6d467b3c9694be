/** What the address keeps of a look inside. */
import { expect, test } from "vitest";
import { BEGINNING, readAsked, writeAsked, type Asked } from "./link";

test("the beginning needs no link; what differs from it comes back", () => {
  expect(writeAsked(BEGINNING)).toBeNull();
  expect(readAsked(null)).toEqual({ asked: BEGINNING, fault: null });
  const asked: Asked = {
    ...BEGINNING,
    picture: "drawn:2",
    tab: "groups",
    groups: 9,
    target: { kind: "direction", layer: "mixed4d", vector: [0, 1.5], x: 3, y: 4 },
  };
  expect(readAsked(writeAsked(asked))).toEqual({ asked, fault: null });
  expect(writeAsked({ ...BEGINNING, cells: 14 })).toBe('{"cells":14}');
});

test.each([
  ["{", "it is not JSON"],
  ['{"tab":"magic"}', "magic"],
  ['{"cells":5}', "4 or 7 or 14"],
  ['{"groups":40}', "40"],
  ['{"target":{"kind":"mood"}}', "mood"],
])("what cannot be followed is told, and the beginning is in its place: %s", (details, told) => {
  const { asked, fault } = readAsked(details);
  expect(asked).toEqual(BEGINNING);
  expect(fault).toContain(told);
});
