import { describe, expect, test } from "vitest";
import { DirectionError, parseDirection } from "./direction";
import { bytes, duration, figure, slug } from "./format";
import { seeded, type Random } from "../../vis/random";
import { lucid, recipes } from "../../vis/recipes";
import { validateObjective } from "../../vis/schema/objective";
import { validateRecipe } from "../../vis/schema/recipe";
import { DEFAULTS, readLink, readSettings, recipeChoice, recipeFrom, writeSettings, type Settings } from "./settings";

describe("settings in the address", () => {
  const cases: Settings[] = [
    { ...DEFAULTS, model: "googlenet", layer: "inception_4c_output", channel: 42, seed: 7 },
    {
      ...DEFAULTS,
      model: "m",
      layer: "tower_0/a & b=c #1 100%",
      kind: "neuron",
      x: 3,
      y: 0,
      size: 224,
      steps: 1024,
      seed: 4294967295,
    },
    { ...DEFAULTS, model: "m", layer: "l", kind: "direction", direction: "42:1, 7:-0.5" },
    { ...DEFAULTS, model: "m", layer: "tür/猫", recipe: { name: "distill2017" }, steps: 2560 },
    {
      ...DEFAULTS,
      model: "m",
      layer: "l",
      recipe: { name: "maco", batch: 3, seeds: [7, 1, 9], transforms: [{ kind: "jitter", pixels: 4 }], alpha: null },
      objective: {
        kind: "sum",
        of: [
          { kind: "class", class: 'a "b" & <c> 50%+' },
          { kind: "scale", by: -0.5, of: { kind: "l2" } },
        ],
      },
    },
  ];
  test.each(cases)("come back as they were: $layer, $kind, $recipe.name", (settings) => {
    const link = writeSettings(settings);
    expect(readLink(`#${link}`, { ...DEFAULTS, recipe: { name: "soft" } })).toEqual({ settings, faults: [] });
    expect(new URL(`https://a.b/#${link}`).hash).toBe(`#${link}`); // nothing that a browser would write otherwise
  });
  test("read well", () => {
    expect(writeSettings(cases[0]!)).toBe("model=googlenet&layer=inception_4c_output&channel=42&size=128&steps=256&seed=7");
  });
  test("what a link says wrongly is taken from what was there", () => {
    const base = { ...DEFAULTS, channel: 5, seed: 9 };
    expect(readSettings("#channel=-3&seed=x&size=1000000&steps=0&kind=soup", base)).toEqual(base);
  });
  test("another model's layer is not kept", () => {
    expect(readSettings("#model=b", { ...DEFAULTS, model: "a", layer: "conv1" }).layer).toBeNull();
  });
});

describe("recipes in the address", () => {
  test("a name brings its size and steps", () => {
    const settings = readSettings("#recipe=maco&seed=4", DEFAULTS);
    expect([settings.recipe, settings.size, settings.steps, settings.seed]).toEqual([{ name: "maco" }, 512, 256, 4]);
    expect(recipeFrom(settings, lucid)).toEqual({ ...recipes.maco, seed: 4 });
  });
  test("JSON is over the named recipe, and the settings' own fields are over it", () => {
    const settings = readSettings('#recipe={"name":"distill2017","color":"gray","steps":99}&steps=7');
    expect(recipeFrom(settings, lucid)).toEqual({ ...recipes.distill2017, color: "gray", steps: 7 });
  });
  test("without a name it is over the recipe of the model's card", () => {
    expect(recipeFrom(readSettings('#recipe={"batch":2}'), recipes.soft!)).toEqual({ ...recipes.soft, batch: 2, steps: 256 });
  });
  test("a link of before, which names no recipe, means the model's own", () => {
    const base: Settings = {
      ...DEFAULTS,
      model: "a",
      recipe: { name: "maco", batch: 2 },
      objective: { kind: "deepdream", layer: "l" },
    };
    expect(readSettings("#model=a&layer=l&channel=3", base)).toMatchObject({ recipe: { name: "" }, objective: null, channel: 3 });
    expect(readSettings("#seed=5", base)).toEqual({ ...base, seed: 5 });
  });
  test.each(Object.values(recipes))("$name as a choice is its name alone", (recipe) => {
    expect(recipeChoice(recipe).recipe).toEqual({ name: recipe.name });
    const changed = { ...recipe, seed: 8, maxPool: "smooth" as const };
    expect(recipeChoice(changed).recipe).toEqual({ name: recipe.name, maxPool: "smooth" });
    expect(recipeFrom({ ...DEFAULTS, ...recipeChoice(changed) }, lucid)).toEqual(changed);
  });
  test("a recipe of another name is all that it sets otherwise than Lucid's", () => {
    const own = { ...lucid, name: "mine", batch: 4 };
    expect(recipeChoice(own).recipe).toEqual({ name: "mine", batch: 4 });
    expect(recipeFrom({ ...DEFAULTS, ...recipeChoice(own) }, recipes.soft!)).toEqual(own);
  });

  test.each([
    ["recipe={", 'recipe is not JSON: "{".'],
    ["objective=channel", 'objective is not JSON: "channel".'],
    ["recipe=soup", 'the recipe "soup" is not known; there are quick, lucid,'],
    ['recipe={"batch":1e9}', 'recipe field "batch" is 1000000000; it must be a whole number from 1 to 64.'],
    ['recipe={"batch":64}&size=1024', "64 pictures of 1024 pixels a side are more than one step can hold"],
    ['objective={"kind":"channel"}', 'objective field "layer" is missing'],
    ["objective=null", "an objective must be a JSON object"],
    ["channel=-3", 'channel is "-3"; it must be a whole number from 0 to 1000000.'],
    ["kind=soup", 'kind is "soup"; it must be channel or neuron or direction.'],
    ["x".repeat(2_000_001), "It has 2000002 letters; at most 2000000 are read."],
  ])("%.30s ends in words", (link, fault) => {
    const { settings, faults } = readLink(`#${link}`);
    expect(faults.join("\n")).toContain(fault);
    expect(faults).toHaveLength(1);
    expect(settings).toEqual(DEFAULTS);
  });

  test("a thousand broken links never throw, and never lead past the limits", () => {
    const random = seeded(4, "links");
    for (let i = 0; i < 1000; i++) {
      const link = brokenLink(random);
      const { settings } = readLink(link, { ...DEFAULTS, model: "m", recipe: { name: "maco", batch: 2 } });
      validateRecipe(recipeFrom(settings, lucid));
      if (settings.objective) validateObjective(settings.objective);
      expect(readSettings(writeSettings(settings)), link).toEqual(settings);
    }
  });
});

/** A link that is cut, doubled, or has letters and numbers changed here and there. */
function brokenLink(random: Random): string {
  const channel = { kind: "channel", layer: "l", channel: 3 } as const;
  const whole: Settings = {
    ...DEFAULTS,
    model: "m",
    layer: "l",
    recipe: { ...random.pick(Object.values(recipes)), name: random.pick(["maco", "", "mine"]) },
    objective: { kind: "sum", of: [channel, { kind: "direction", layer: "l", vector: [1, -0.5] }] },
  };
  let link = random.pick([writeSettings(whole), decodeURIComponent(writeSettings(whole))]);
  for (let n = random.integer(4); n >= 0; n--) {
    const at = random.integer(link.length + 1);
    const junk = random.pick([
      "",
      "-",
      "9e99",
      "0",
      "null",
      '"',
      "}",
      "{",
      "[",
      ",",
      "%",
      "%zz",
      "&",
      "=",
      "#",
      "\ud800",
      "é",
      "__proto__",
      " ",
    ]);
    link = link.slice(0, at) + junk + link.slice(at + random.integer(3));
    if (random.integer(9) === 0) link = link.slice(at);
    if (random.integer(9) === 0) link += `&${link.slice(at)}`;
    if (random.integer(3) === 0) link = link.replace(/\d+/, String(random.pick([-1, 0, 1e9, 0.5, 65, 99999999])));
  }
  return link;
}

describe("parseDirection", () => {
  test("weights, signs, defaults and repeats", () => {
    expect(parseDirection("2:1, 0:-0.5;1 2:.25", 4)).toEqual([-0.5, 1, 1.25, 0]);
  });
  test.each([
    ["", 'Name some channels and their weights, like "42:1, 7:-0.5".'],
    ["3:one", '"3:one" is not channel:weight, like "42:1" or "7:-0.5".'],
    ["4:1", "Channel 4 is not in this layer, which has 4, numbered 0 to 3."],
    ["1:1, 1:-1", "The weights cancel out: a direction needs one that is not zero."],
  ])("%j is refused in words", (text, message) => {
    expect(() => parseDirection(text, 4)).toThrow(new DirectionError(message));
  });
});

test("numbers read well", () => {
  expect([0, 999, 4000, 28_021_836, 1.5e9].map(bytes)).toEqual(["0 B", "999 B", "4 kB", "28.0 MB", "1.50 GB"]);
  expect([0, 0.012345, 4.5678, 789.4, 12345.6, 2e7, -3.14159].map(figure)).toEqual([
    "0.00",
    "0.0123",
    "4.57",
    "789",
    "12,346",
    "2.00e+7",
    "−3.14",
  ]);
  expect([800, 12_400, 185_000].map(duration)).toEqual(["0.8 s", "12 s", "3 min 5 s"]);
  expect(slug("tower_0/Conv2D:0")).toBe("tower-0-Conv2D-0");
});
