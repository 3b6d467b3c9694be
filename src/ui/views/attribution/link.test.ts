import { describe, expect, test } from "vitest";
import { BEGINNING, readAsked, writeAsked, type Asked } from "./link";

describe("an explanation in the address", () => {
  const asked: Asked = {
    picture: "drawn:3",
    target: { kind: "difference", of: { kind: "class", class: "goldfish" }, minus: { kind: "unit", layer: "a&b", channel: 3 } },
    hidden: { x: 0.25, y: 0.512, side: 0.28 },
    methods: [
      { name: "rise", masks: 200 },
      { name: "lrp", composite: "gamma" },
    ],
    look: { ...BEGINNING.look, opacity: 0.5, plain: "magma", order: "time" },
  };
  test("leads back to it", () => {
    expect(readAsked(writeAsked(asked))).toEqual({ asked, fault: null });
  });
  test("is silent where nothing was chosen", () => {
    expect(writeAsked(BEGINNING)).toBeNull();
    expect(readAsked(null)).toEqual({ asked: BEGINNING, fault: null });
  });
  test.each([
    ["no JSON", "{oops", /not JSON: "\{oops"/],
    ["an unknown method", '{"methods":[{"name":"magic"}]}', /methods.*"magic".*saliency or/],
    ["too much work", '{"methods":[{"name":"rise","masks":1e9}]}', /masks.*1000000000.*100000/],
    ["too many maps", JSON.stringify({ methods: Array(30).fill({ name: "saliency" }) }), /methods.*1 to 24 methods/],
    ["a target that is none", '{"target":{"kind":"mood"}}', /target.*"mood"/],
    ["colours that are not there", '{"look":{"plain":"jet"}}', /look.*"jet".*viridis/],
    ["a patch that is nowhere", '{"hidden":{"x":2,"y":0,"side":0.2}}', /hidden.*x.*2/],
    ["a field that means nothing", '{"script":"alert(1)"}', /script/],
  ])("%s is told, and the beginning is shown", (_, details, says) => {
    const { asked: shown, fault } = readAsked(details);
    expect(fault).toMatch(says);
    expect(shown).toBe(BEGINNING);
  });
});
