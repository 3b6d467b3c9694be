import { describe, expect, test } from "vitest";
import { DirectionError, parseDirection } from "./direction";
import { bytes, duration, figure, slug } from "./format";
import { DEFAULTS, readSettings, writeSettings, type Settings } from "./settings";

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
  ];
  test.each(cases)("come back as they were: $layer, $kind", (settings) => {
    expect(readSettings(`#${writeSettings(settings)}`)).toEqual(settings);
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
