/** Where numbers stand among photos, on the strip and in words. */
import { describe, expect, test } from "vitest";
import { packResponse, type ModelStats, type Quantiles } from "../../api/stats";
import { axisOf, crowdOf, int8Words, shareBelow, standingWords, type Crowd } from "./standing";

const relu: Quantiles = [0, 1, 2, 4, 6, 9, 10];
const linear: Quantiles = [-5, -4, -2, -1, 0, 2, 4];
const crowd = (quantiles: Quantiles, change: Partial<Crowd> = {}): Crowd => ({
  quantiles,
  count: 100,
  of: "ImageNet photos",
  int8: null,
  ...change,
});

describe("shareBelow", () => {
  test.each([
    [-1, 0],
    [0, 0],
    [1, 0.05],
    [3, 0.375],
    [4, 0.5],
    [9.5, 0.975],
    [10, 1],
    [11, 1],
  ])("%d of a unit's photos", (value, share) => expect(shareBelow(relu, value)).toBeCloseTo(share));
  test("where all photos answer alike", () => {
    const dead: Quantiles = [0, 0, 0, 0, 0, 0, 0];
    expect([shareBelow(dead, 0), shareBelow(dead, 1)]).toEqual([0, 1]);
  });
});

describe("in words", () => {
  test.each([
    [relu, 42, "4.2 times the strongest of 100 ImageNet photos"],
    [relu, 13.7, "1.37 times the strongest of 100 ImageNet photos"],
    [relu, 10.2, "just above the strongest of 100 ImageNet photos"],
    [relu, 123, "12 times the strongest of 100 ImageNet photos"],
    [relu, 99_999, "over 1,000 times the strongest of 100 ImageNet photos"],
    [relu, 10, "as much as the strongest of 100 ImageNet photos"],
    [relu, 6.2, "more than about 76 of 100 ImageNet photos"],
    [relu, 0, "as little as the weakest of 100 ImageNet photos"],
    [relu, -1, "lower than every one of 100 ImageNet photos"],
    [linear, 14, "3.0 times as far above the typical photo as the strongest of 100 ImageNet photos"],
    [[-9, -8, -7, -6, -5, -4, -3] as Quantiles, 2, "more than any of 100 ImageNet photos: none of them raises it above −3.00"],
    [
      [-9, -8, -7, -6, -5, -4, -3] as Quantiles,
      -1.5,
      "1.50 times as far above the typical photo as the strongest of 100 ImageNet photos",
    ],
    [[0, 0, 0, 0, 0, 0, 0] as Quantiles, 2, "more than any of 100 ImageNet photos: none of them raises it above 0.00"],
  ])("%j and %d", (quantiles, value, words) => expect(standingWords(crowd(quantiles), value)).toBe(words));
  test("int8, from next to nothing to another picture", () => {
    const said = (correlation: number, difference: number) => int8Words(crowd(relu, { int8: { correlation, difference } }));
    expect(said(0.999, 0.003)).toBe(
      "next to nothing. Over 100 ImageNet photos the two agree at r\u00a0=\u00a00.999, less than 0.01 standard deviations apart",
    );
    expect(said(0.97, 0.2)).toMatch(/^little\..* 0\.20 standard/);
    expect(said(0.9, 0.4)).toMatch(/^its answers visibly\./);
    expect(said(0.5, 0.8)).toMatch(/another picture/);
    expect(int8Words(crowd(relu))).toBeNull();
  });
});

describe("the strip", () => {
  test("is one scale where the picture is near", () => {
    const axis = axisOf(relu, 40);
    expect(axis.broken).toBeNull();
    expect([0, 10, 40].map(axis.at)).toEqual([0, 0.25, 1]);
    expect(axisOf(relu, 5).at(10)).toBe(1);
    expect(axisOf(relu, null).at(5)).toBe(0.5);
  });
  test("breaks where it is far, on the side where it is", () => {
    const right = axisOf(relu, 400);
    expect(right.broken).toBeCloseTo(0.8);
    expect([0, 5, 10, 400].map(right.at)).toEqual([0, 0.3, 0.6, 1]);
    const left = axisOf(relu, -400);
    expect(left.broken).toBeCloseTo(0.2);
    expect([-400, 0, 10].map((v) => Number(left.at(v).toFixed(6)))).toEqual([0, 0.4, 1]);
  });
  test("has a place for everything where nothing varies", () => {
    expect(axisOf([0, 0, 0, 0, 0, 0, 0], 0).at(0)).toBe(0);
    expect(axisOf([0, 0, 0, 0, 0, 0, 0], 3).at(0)).toBe(0);
  });
});

describe("what the statistics say of an objective", () => {
  const units = (quantiles: Quantiles) => packResponse([{ quantiles, int8: { correlation: 0.99, difference: 0.1 } }]);
  const stats: ModelStats = {
    version: 1,
    model: "tiny",
    photos: { count: 100, of: "ImageNet photos", size: [32, 32] },
    files: { float32: null, int8: "a".repeat(64) },
    layers: [{ name: "conv", channels: 1, mean: units(relu), max: units(linear) }],
  };
  const channel = { kind: "channel", layer: "conv", channel: 0 } as const;
  const neuron = { kind: "neuron", layer: "conv", channel: 0 } as const;
  const top = (found: Crowd | null) => found && found.quantiles.map((v) => Math.round(v));

  test("means for a channel, maxima for a neuron, by any of the layer's names", () => {
    expect(top(crowdOf(stats, channel, []))).toEqual([...relu]);
    expect(top(crowdOf(stats, neuron, []))).toEqual([...linear]);
    expect(top(crowdOf(stats, { ...channel, layer: "mixed" }, ["conv"]))).toEqual([...relu]);
    expect(crowdOf(stats, channel, [])).toMatchObject({ count: 100, of: "ImageNet photos", int8: { difference: 0.1 } });
  });
  test("turned round for a negative channel; unknown for a negative neuron", () => {
    expect(top(crowdOf(stats, { kind: "scale", by: -2, of: channel }, []))).toEqual([-20, -18, -12, -8, -4, -2, -0]);
    expect(top(crowdOf(stats, { kind: "scale", by: 2, of: neuron }, []))?.[6]).toBe(8);
    expect(crowdOf(stats, { kind: "scale", by: -1, of: neuron }, [])).toBeNull();
  });
  test("nothing of others", () => {
    expect(crowdOf(stats, { kind: "deepdream", layer: "conv" }, [])).toBeNull();
    expect(crowdOf(stats, { ...channel, channel: 1 }, [])).toBeNull();
    expect(crowdOf(stats, { ...channel, layer: "other" }, [])).toBeNull();
  });
});
